"""The comparison in words: names of models and runs, and what is found of a pair, by rule from its numbers."""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Sequence
from datetime import datetime

from backtest.data.names import label
from backtest.data.question import Question
from backtest.data.records.comparison import Finding, Pair
from backtest.reports.compared import ComparisonResult
from backtest.reports.formats import SPACE, bars, counted, interval, listed, p_value, size
from backtest.reports.wording.question import capital, words_of_loss

MOST = 3
"""Pairs that a headline names."""

FEWEST_DIGITS, MOST_DIGITS = 2, 4


def model_of(model: str, run: str) -> str:
    """Return what a model of a run is called: `LSTM of cold`."""
    return f"{label(model)} of {run}"


def sides(pair: Pair) -> tuple[str, str]:
    """Return what both sides of a pair are called."""
    return model_of(pair.model, pair.run), model_of(pair.other_model, pair.other_run)


def winner_first(pair: Pair) -> tuple[str, str]:
    """Return both sides, the one with the smaller loss first."""
    first, second = sides(pair)
    return (second, first) if (pair.difference or 0) > 0 else (first, second)


def middle(name: str, most: int) -> str:
    """Return a name that fits, shortened in the middle: names of runs differ at their beginnings and their ends."""
    tail = most // 2
    return name if len(name) <= most else f"{name[: most - 1 - tail]}…{name[-tail:]}"


def lettered(runs: Sequence[str], most: int) -> dict[str, str]:
    """Return what each run is called in a picture: its name, or, where one is longer than `most`, A, B and so on."""
    if max(map(len, runs)) <= most:
        return {run: run for run in runs}
    signs = string.ascii_uppercase
    return {run: f"{signs[place % 26]}{place // 26 or ''}" for place, run in enumerate(runs)}


def both(pair: Pair) -> str:
    """Return a pair in short: `LSTM of cold and of warm`."""
    first, second = sides(pair)
    return f"{first} and {f'of {pair.other_run}' if pair.model == pair.other_model else second}"


def digits_of(pairs: Sequence[Pair]) -> int:
    """Return the decimals, in per cent, that show the second digit of the narrowest interval's half width."""
    widths = [100 * (pair.high - pair.low) / 2 for pair in pairs if pair.low is not None and pair.high is not None]
    narrowest = min((width for width in widths if width > 0), default=1.0)
    return min(max(1 - math.floor(math.log10(narrowest)), FEWEST_DIGITS), MOST_DIGITS)


def gaps(pairs: Sequence[Pair], digits: int, question: Question) -> str:
    """Return the sizes of differences: `0.05 and 0.10 % of zero's squared error`."""
    of_what = f"{label(question.rival)}'s {words_of_loss(question.loss).one}"
    sizes = [size(100 * (pair.difference or 0), digits) for pair in pairs]
    return f"{listed(sizes, len(sizes))}{SPACE}% of {of_what}"


def where(pairs: Sequence[Pair], *, named: bool) -> str:
    """Return the horizons of pairs, ` at 1 and 5 bars`, if they are to be `named`."""
    return f" at {bars(sorted({pair.horizon for pair in pairs}))}" if named else ""


def noun(*, named: bool) -> str:
    """Return what a pair is called if horizons are `named`: each is compared once at each of them."""
    return "comparison" if named else "pair"


def sentence(pair: Pair, alpha: float, digits: int, question: Question, *, named: bool = False) -> str:
    """Return what was found of a pair, with the numbers that it rests on; its horizon is `named` if asked for."""
    first, second = sides(pair)
    other = f"that of {pair.other_run}" if pair.model == pair.other_model else second
    opening = f"{first} against {other}{where([pair], named=named)}"
    if pair.p_value is None or pair.difference is None:
        return f"{opening}: {pair.note}."
    direction = "lower" if pair.difference < 0 else "higher"
    size_of_it = f"{size(100 * pair.difference, digits)}{SPACE}% of {label(question.rival)}'s"
    error = f"{words_of_loss(question.loss).one} {direction} by {size_of_it}"
    chances = f"p{SPACE}{equals(pair.p_value, alpha)}, adjusted {p_value(pair.p_adjusted, alpha)}"
    told = f"{opening}: {error}, 95{SPACE}% interval {interval(pair.low, pair.high, digits)}; {chances}."
    return f"{told}{power_sentence(pair, digits)}"


def power_sentence(pair: Pair, digits: int) -> str:
    """Return which difference a pair without one would have shown, to be read after what was found of it."""
    if pair.finding != "no difference" or pair.detectable is None:
        return ""
    return f" A difference of {size(100 * pair.detectable, digits)}{SPACE}% or more would have shown."


def equals(value: float, alpha: float) -> str:
    """Return a p-value after its sign: `= 0.31`, `< 0.001`."""
    shown = p_value(value, alpha)
    return shown if shown.startswith("<") else f"={SPACE}{shown}"


def headline(result: ComparisonResult) -> str:
    """Return in plain words what was found of the leading pairs: differences first."""
    pairs, named = headlined(result), result.names_horizons
    differing = better(pairs, digits_of(pairs), result.question, named=named)
    clauses = [*differing, *apart(pairs, named=named), *alike(pairs, named=named), *unknown(pairs, named=named)]
    return capital(f"{'; '.join(clauses)}.")


def spelt(time: str, words: Callable[[datetime], str]) -> str:
    """Return a time in ISO 8601 in `words`; anything else as it is."""
    try:
        return words(datetime.fromisoformat(time))
    except ValueError:
        return time


def headlined(result: ComparisonResult) -> tuple[Pair, ...]:
    """Return the pairs that a headline is about: of one model; the best under two names if they differ, or alone."""
    own = [pair for pair in result.leading if pair.group != "best" or pair.finding in {"better", "worse"}]
    return tuple(own) or result.leading


def of(pairs: Sequence[Pair], *findings: Finding) -> list[Pair]:
    """Return the pairs of which this was found."""
    return [pair for pair in pairs if pair.finding in findings]


def better(pairs: Sequence[Pair], digits: int, question: Question, *, named: bool) -> list[str]:
    """Return a clause for each two models that differ, the largest difference first."""
    groups: dict[tuple[str, str], list[Pair]] = {}
    for pair in sorted(of(pairs, "better", "worse"), key=lambda pair: -abs(pair.difference or 0)):
        groups.setdefault(winner_first(pair), []).append(pair)
    said = []
    for (first, second), own in groups.items():
        own.sort(key=lambda pair: pair.horizon)
        said.append(f"{first} is better than {second}{where(own, named=named)}, by {gaps(own, digits, question)}")
    return said if len(said) <= MOST else [said[0], f"{counted(len(said) - 1, 'more pair')} differ"]


def apart(pairs: Sequence[Pair], *, named: bool) -> list[str]:
    """Return a clause on all pairs without a difference."""
    found = of(pairs, "no difference")
    texts = both_at(found, named=named)
    if len(texts) > MOST:
        every = "any of " if len(found) == len(pairs) else ""
        many = f"{counted(len(found), noun(named=named))}{where(found, named=named)}"
        return [f"no significant difference in {every}{many}"]
    return [f"no significant difference between {', nor between '.join(texts)}"] if texts else []


def alike(pairs: Sequence[Pair], *, named: bool) -> list[str]:
    """Return a clause on all pairs with the same forecasts."""
    found = both_at(of(pairs, "the same"), named=named)
    return [f"the forecasts of {listed(found, MOST)} are the same"] if found else []


def unknown(pairs: Sequence[Pair], *, named: bool) -> list[str]:
    """Return a clause on all pairs without a test."""
    found = both_at(of(pairs, "undefined"), named=named)
    return [f"{listed(found, MOST)} cannot be tested"] if found else []


def both_at(pairs: Sequence[Pair], *, named: bool) -> list[str]:
    """Return pairs in short, the same two models once, with their horizons if they are to be `named`."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(both(pair), []).append(pair)
    return [f"{text}{where(own, named=named)}" for text, own in groups.items()]
