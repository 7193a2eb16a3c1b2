"""The question of a run in words: what the rival, the loss and the outcome are called, for texts that name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backtest.data.losses import LOSSES, WEIGHTED, WEIGHTED_WORDS, LossWords
from backtest.data.names import label
from backtest.data.question import Question
from backtest.data.targets import OWN_UNIT, log_return
from backtest.reports.formats import exponent_of, power

TEST_WORDS = {"diebold_mariano": "Diebold-Mariano", "diebold_mariano_robust": "robust Diebold-Mariano"}
"""What the test of a verdict is called in a sentence."""


def words_of_loss(name: str) -> LossWords:
    """Return what a loss is called: by its name where it brings no words of its own."""
    if name == WEIGHTED:
        return WEIGHTED_WORDS
    loss, called = LOSSES.get(name), name.replace("_", " ")
    own = LossWords(f"{called} loss", f"{called} losses", f"mean {called} loss")
    return loss.words if loss and loss.words else own


@dataclass(frozen=True, slots=True)
class AxisUnit:
    """In what forecasts are drawn and tabulated: how large a unit is, its name, its short form and what it means."""

    size: float
    name: str
    short: str
    meaning: str


def axis_unit(question: Question, values: Iterable[float | None] = ()) -> AxisUnit:
    """Return in what outcomes and forecasts are shown.

    Per cent for probabilities, squared per cent for variances, a power of ten of the column's own unit that suits
    `values` where nothing more is known of it, otherwise basis points.
    """
    if question.about.scale == "probability":
        return AxisUnit(0.01, "per cent", "%", "An outcome is 100 % where the event came and 0 % where not.")
    if question.about.unit == OWN_UNIT:
        exponent = exponent_of(values)
        shown = f"{power(exponent).removeprefix(', ')} units" if exponent else "units"
        return AxisUnit(10.0**exponent, f"{shown} of the column", shown, "")
    if question.about.scale == "variance":
        meaning = "One squared per cent, 0.0001, is the variance that goes with a volatility of 1 %."
        return AxisUnit(1e-4, "squared per cent", "%²", meaning)
    return AxisUnit(1e-4, "basis points", "bp", f"A basis point is a {question.about.unit} of 0.0001.")


def fill(text: str, question: Question, rival: str | None = None) -> str:
    """Return a text with {rival}, {loss}, {losses}, {mean}, {outcome}, {unit}, {still}, {last} and {test} replaced.

    By what they are called; {still} is what zero forecasts, {last} what naive repeats. The rival is that of the
    question unless a model is named.
    """
    loss, target = words_of_loss(question.loss), question.about
    still, last = "the outcome is 0", "the last return"
    if target.bar_change:
        still, last = "the level stays where it is", "the change of the last bars"
    elif target.outcome is log_return:
        still = "the price will not move"
    names = {"rival": label(rival or question.rival), "loss": loss.one, "losses": loss.several, "mean": loss.mean}
    names["test"] = TEST_WORDS[question.test]
    return text.format(**names, outcome=target.title, unit=target.unit, still=still, last=last)


def capital(text: str) -> str:
    """Return a text with a capital first letter, the others as they are."""
    return text[:1].upper() + text[1:]
