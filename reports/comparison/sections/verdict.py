"""The first thing to read: whether the runs differ, and whether that is a reason to believe any of them."""

from __future__ import annotations

from backtest.data.records.comparison import Pair
from backtest.reports.blocks import Block, Tone, Verdict
from backtest.reports.comparison.result import Result
from backtest.reports.comparison.wording import digits_of, headline, headlined, of, sentence
from backtest.reports.formats import counted, listed

MOST = 4
"""Pairs that are told with their numbers."""


def verdict(result: Result) -> tuple[Block, ...]:
    """Do the runs differ? The answer in plain words, the numbers of the leading pairs, and what stands beside it."""
    return (verdict_of(result),)


def verdict_of(result: Result) -> Verdict:
    """Return the answer; the terminal shows it, too."""
    pairs = headlined(result)
    digits = digits_of(pairs)
    said = [sentence(pair, result.found.alpha, digits) for pair in pairs[:MOST]]
    rest = [f"{counted(len(pairs) - MOST, 'more pair')} below."] if len(pairs) > MOST else []
    words = headline(result)
    if result.leaky:
        said, words = [words, *said], f"Leak suspected: no number of {listed(result.leaky)} can be trusted."
    return Verdict(*tone_of(result), words, (*said, *rest), remark(result))


def tone_of(result: Result) -> tuple[Tone, str]:
    """Return the colour and the word of the comparison."""
    pairs = headlined(result)
    if result.leaky:
        return "bad", "Leak suspected"
    differing = of(pairs, "better", "worse")
    if differing:
        believed = all(beats_zero(result, pair) for pair in differing)
        return ("good", "A difference") if believed else ("care", "A difference, but not from zero")
    if of(pairs, "no difference"):
        return "open", "No difference shown"
    return ("mute", "The same forecasts") if of(pairs, "the same") else ("mute", "Cannot tell")


def beats_zero(result: Result, pair: Pair) -> bool:
    """Return whether the better one of a pair beats zero by its own run's verdict."""
    model, run = (pair.model, pair.run) if pair.finding == "better" else (pair.other_model, pair.other_run)
    return any(one.status == "better" for one in result.found.contestants if (one.model, one.run) == (model, run))


def remark(result: Result) -> str:
    """Return what a difference between runs does not say."""
    runs = result.found.runs
    winners = [run.name for run in runs if run.status == "better"]
    if not winners:
        return (
            "Every run's own verdict stands as it is, and none finds a model better than zero: a difference between "
            "two models that both fail against zero is no reason to believe either."
        )
    others = "" if len(winners) == len(runs) else ", the others do not"
    found = f"{listed(winners)} {'finds' if len(winners) == 1 else 'find'} a model better than zero{others}"
    stands = f"Every run's own verdict stands as it is: {found}."
    return f"{stands} Being better than another model is not being better than zero."
