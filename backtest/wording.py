"""The verdict in words: claims, names and numbers as a reader wants them, never "p = 0.00" or "-0.0 %"."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from data.names import Status

RANKING: tuple[Status, ...] = ("leak suspected", "better", "no evidence", "worse", "cannot tell")
"""What is said first: that nothing can be believed, then from the strongest claim for a model to none at all."""

CLAIMS: dict[Status, str] = {
    "leak suspected": "A leak is suspected, so nothing is known of {name}",
    "better": "{name} beats zero",
    "no evidence": "No evidence that {name} beats zero",
    "worse": "{name} does worse than zero",
    "cannot tell": "Cannot tell whether {name} beats zero",
}
OPENINGS: dict[Status, str] = {
    "leak suspected": "Believe nothing here: ",
    "better": "It holds up: ",
    "no evidence": "Do not believe it: ",
    "worse": "Do not use it: ",
    "cannot tell": "",
}
FRAGILE = "Handle with care: "
SMALLEST_P = 0.001
MOST_DECIMALS = 4


def claim(status: Status, name: str) -> str:
    """The beginning of a sentence on one model: "No evidence that LSTM beats zero"."""
    return capitalised(CLAIMS[status].format(name=name))


def headline(models: Sequence[tuple[Status, str, bool]]) -> str:
    """One plain sentence on all models, given as (status, name, fragile).

    "Do not believe it: there is no evidence that LSTM or GRU forecasts better than zero."
    """
    if not models:
        return "Nothing to judge: there is no model beside the baselines."
    groups: dict[tuple[Status, bool], list[str]] = {}
    for status in RANKING:
        for fragile in (False, True):
            names = [name for each, name, carried in models if (each, carried) == (status, fragile)]
            groups |= {(status, fragile): names} if names else {}
    status, fragile = next(iter(groups))
    opening = FRAGILE if fragile and status == "better" else OPENINGS[status]
    return capitalised(opening + "; ".join(_clause(*group, names) for group, names in groups.items()) + ".")


def _clause(status: Status, fragile: bool, names: Sequence[str]) -> str:
    """What is said of the models of one status."""
    everyone, anyone, one = listed(names, "and"), listed(names, "or"), len(names) == 1
    carried = ", but one fold carries that" if fragile else ""
    return {
        "leak suspected": f"a leak is suspected in the forecasts of {everyone}",
        "better": f"{everyone} {'forecasts' if one else 'forecast'} better than zero{carried}",
        "no evidence": f"there is no evidence that {anyone} forecasts better than zero",
        "worse": f"{everyone} {'forecasts' if one else 'forecast'} worse than zero{carried}",
        "cannot tell": f"these forecasts cannot tell whether {anyone} is better than zero",
    }[status]


def sentence(row: Mapping[str, Any], forecasts: int, folds: int, alpha: float) -> str:
    """The claim on one model, then the numbers that it rests on; the p-values are those of the claim.

    `row` holds the fields of `verdict.Candidate`.
    """
    scope = [counted(forecasts, "forecast"), counted(folds, "fold"), *_seeds(row)]
    opening = claim(row["status"], row["name"])
    if row["reason"]:
        return f"{opening}: {row['reason']}. {', '.join(scope)}."
    worse = row["status"] == "worse"
    p_value, adjusted = ("p_worse", "p_worse_adjusted") if worse else ("p_value", "p_adjusted")
    chance = chance_text(row[p_value], row[adjusted], alpha, worse=worse)
    effect = effect_text(row["skill"], row["skill_low"], row["skill_high"])
    said = [f"{opening}: {effect}; {chance}, {', '.join(scope)}."]
    if row["fragile"]:
        without = p_text(row["worst_p"], alpha)
        said.append(f"Fragile: without fold {row['worst_fold']} the adjusted p {_equals(without)}.")
    if row["detectable"] is not None:
        said.append(f"This sample would have shown a gain of {_two_digits(100 * row['detectable'])} % or more.")
    return " ".join(said)


def remark(configurations: int, comparisons: int) -> str:
    """What else was tried on the same bars, and what that means for the adjusted p; empty where nothing was."""
    if configurations < 2:
        return ""
    return (
        f"{configurations:,} configurations were tried on these bars: the adjusted p allows for the "
        f"{comparisons:,} comparisons that were made, not only for those shown here."
    )


def _seeds(row: Mapping[str, Any]) -> list[str]:
    """How many seeds there were, and how many of them would have had the verdict "better" alone."""
    if not row["seeds"]:
        return []
    if len(row["seed_verdicts"]) < 2 or row["reason"]:
        return [counted(row["seeds"], "seed")]
    better = row["seed_verdicts"].count("better")
    return [f"{counted(row['seeds'], 'seed')} ({better or 'none'} better alone)"]


def _equals(shown: str) -> str:
    return f"is {shown}" if not shown.startswith("<") else f"is below {shown.removeprefix('< ')}"


def _two_digits(number: float) -> str:
    """A number > 0 rounded to two significant digits, never in powers of ten."""
    decimals = max(0, 1 - math.floor(math.log10(number)))
    return f"{round(number, decimals):,.{decimals}f}"


def listed(names: Sequence[str], last: str) -> str:
    """Names in a row, the last two joined by `last`: "a, b and c"."""
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def counted(number: int, noun: str) -> str:
    """A number and its noun: "1 fold", "8,640 forecasts"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def capitalised(sentence: str) -> str:
    """The sentence with a capital first letter, the rest as it is."""
    return sentence[:1].upper() + sentence[1:]


def p_text(p_value: float, alpha: float) -> str:
    """A p-value as "0.31", "0.012" or "< 0.001", with digits enough to tell it from `alpha`."""
    if p_value < SMALLEST_P:
        return f"< {SMALLEST_P}"
    decimals = 2 if p_value >= 0.1 else 3
    while round(p_value, decimals) == alpha != p_value and decimals < 6:
        decimals += 1
    return f"{p_value:.{decimals}f}"


def chance_text(p_value: float, p_adjusted: float, alpha: float, *, worse: bool = False) -> str:
    """Both p-values of a claim: "DM p = 0.31 (adjusted 0.62)"; those of being worse are called so."""
    shown = p_text(p_value, alpha)
    asked = "DM p of being worse" if worse else "DM p"
    return f"{asked} {shown if shown.startswith('<') else f'= {shown}'} (adjusted {p_text(p_adjusted, alpha)})"


def effect_text(skill: float, low: float | None, high: float | None) -> str:
    """What a model gains on zero, with its 95 % interval; the interval's signs are those of the skill, plus is better.

    "squared error 0.4 % lower, 95 % CI -0.3 to +1.1 %"; "1.2 % higher, 95 % CI of the gain -2.3 to -0.1 %". The
    interval's width decides on the decimals, and no end but 0 itself is rounded to 0.
    """
    direction, of_what = ("higher", " of the gain") if skill < 0 else ("lower", "")
    if low is None or high is None:
        return f"squared error {_size(100 * abs(skill), 1)} % {direction}"
    decimals = _decimals(100 * (high - low) / 2)
    while decimals < MOST_DECIMALS and any(end and not round(100 * end, decimals) for end in (low, high)):
        decimals += 1
    interval = f"{_signed(100 * low, decimals)} to {_signed(100 * high, decimals)} %"
    return f"squared error {_size(100 * abs(skill), decimals)} % {direction}, 95 % CI{of_what} {interval}"


def _decimals(half_width: float) -> int:
    """Decimals that show the first digit of an interval's half width, and the second where the first is 1."""
    return min(max(math.ceil(-math.log10(half_width / 2)), 1), MOST_DECIMALS) if half_width > 0 else MOST_DECIMALS


def _size(number: float, decimals: int) -> str:
    """A number >= 0; one that rounds to zero is called less than the smallest that would show."""
    text = f"{abs(number):,.{decimals}f}"
    return f"less than {10**-decimals:.{decimals}f}" if float(text.replace(",", "")) == 0 and number > 0 else text


def _signed(number: float, decimals: int) -> str:
    """A number with its sign; zero has none."""
    text = f"{number:+,.{decimals}f}"
    return text[1:] if float(text.replace(",", "")) == 0 else text
