"""The verdict in words: claims, names and numbers as a reader wants them, never "p = 0.00" or "-0.0 %"."""

from __future__ import annotations

import math
from collections.abc import Sequence

from backtest.data.names import Status
from backtest.data.records.verdict import Candidate
from backtest.reports.formats import counted, decimal, listed, p_value, plain, size

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
    everyone, anyone = (listed(names, len(names), last) for last in ("and", "or"))
    one = len(names) == 1
    carried = ", but one fold carries that" if fragile else ""
    return {
        "leak suspected": f"a leak is suspected in the forecasts of {everyone}",
        "better": f"{everyone} {'forecasts' if one else 'forecast'} better than zero{carried}",
        "no evidence": f"there is no evidence that {anyone} forecasts better than zero",
        "worse": f"{everyone} {'forecasts' if one else 'forecast'} worse than zero{carried}",
        "cannot tell": f"these forecasts cannot tell whether {anyone} is better than zero",
    }[status]


def sentence(found: Candidate, forecasts: int, folds: int, alpha: float) -> str:
    """The claim on one model, then the numbers that it rests on; the p-values are those of the claim."""
    scope = ", ".join([counted(forecasts, "forecast"), counted(folds, "fold"), *_seeds(found)])
    opening = claim(found.status, found.name)
    worse = found.status == "worse"
    raw, adjusted = (found.p_worse, found.p_worse_adjusted) if worse else (found.p_value, found.p_adjusted)
    if found.reason or found.skill is None or raw is None or adjusted is None:
        return f"{opening}: {found.reason}. {scope}."
    effect = effect_text(found.skill, found.skill_low, found.skill_high)
    said = [f"{opening}: {effect}; {chance_text(raw, adjusted, alpha, worse=worse)}, {scope}."]
    if found.fragile and found.worst_p is not None:
        without = _p(found.worst_p, alpha).replace("<", "below")
        said.append(f"Fragile: without fold {found.worst_fold} the adjusted p is {without}.")
    return " ".join([*said, *_power(found)])


def remark(configurations: int, comparisons: int, own: int) -> str:
    """What else was tried on the same bars, and what that means for the adjusted p; empty where nothing was.

    `comparisons` are all that the adjusted p allows for, `own` those of this run.
    """
    if configurations < 2:
        return ""
    tried = f"{configurations:,} configurations were tried on these bars"
    if comparisons == own:
        return f"{tried}, but no forecasts other than these."
    allowed = (
        f"the adjusted p allows for all {comparisons:,} different comparisons, not only for the {own:,} of this run"
    )
    return f"{tried}: {allowed}."


def _power(found: Candidate) -> list[str]:
    """What this sample would have shown; nothing where it has shown a smaller gain, by more luck than usual."""
    if found.detectable is None or (found.status == "better" and found.detectable > (found.skill or 0)):
        return []
    if found.detectable >= 1:
        return ["This sample could not have shown any gain."]
    return [f"This sample would have shown a gain of {_two_digits(100 * found.detectable)} % or more."]


def _seeds(found: Candidate) -> list[str]:
    """How many seeds there were, and how many of them would have had the verdict "better" alone."""
    if not found.seeds:
        return []
    if len(found.seed_verdicts) < 2 or found.reason:
        return [counted(found.seeds, "seed")]
    better = found.seed_verdicts.count("better")
    return [f"{counted(found.seeds, 'seed')} ({better or 'none'} better alone)"]


def _two_digits(number: float) -> str:
    """A number > 0 rounded to two significant digits, never in powers of ten."""
    return decimal(number, max(0, 1 - math.floor(math.log10(number))))


def capitalised(sentence: str) -> str:
    """The sentence with a capital first letter, the rest as it is."""
    return sentence[:1].upper() + sentence[1:]


def chance_text(raw: float, adjusted: float, alpha: float, *, worse: bool = False) -> str:
    """Both p-values of a claim: "DM p = 0.31 (adjusted 0.62)"; those of being worse are called so."""
    shown = _p(raw, alpha)
    asked = "DM p of being worse" if worse else "DM p"
    return f"{asked} {shown if shown.startswith('<') else f'= {shown}'} (adjusted {_p(adjusted, alpha)})"


def effect_text(skill: float, low: float | None, high: float | None) -> str:
    """What a model gains on zero, with its 95 % interval; the interval's signs are those of the skill, plus is better.

    "squared error 0.4 % lower, 95 % CI -0.3 to +1.1 %"; "1.2 % higher, 95 % CI of the gain -2.3 to -0.1 %". The
    interval's width decides on the decimals, and neither the gain nor an end but 0 itself is rounded to 0.
    """
    direction, of_what = ("higher", " of the gain") if skill < 0 else ("lower", "")
    if low is None or high is None:
        return f"squared error {size(100 * skill, 1)} % {direction}"
    decimals = _decimals(100 * (high - low) / 2)
    while decimals < MOST_DECIMALS and any(end and not round(100 * end, decimals) for end in (skill, low, high)):
        decimals += 1
    ends = (plain(decimal(100 * end, decimals, signed=True)) for end in (low, high))
    return f"squared error {size(100 * skill, decimals)} % {direction}, 95 % CI{of_what} {' to '.join(ends)} %"


def _decimals(half_width: float) -> int:
    """Decimals that show the first digit of an interval's half width, and the second where the first is 1."""
    return min(max(math.ceil(-math.log10(half_width / 2)), 1), MOST_DECIMALS) if half_width > 0 else MOST_DECIMALS


def _p(value: float, alpha: float) -> str:
    """A p-value in plain signs."""
    return plain(p_value(value, alpha))
