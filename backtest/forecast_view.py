"""Next forecasts in words and numbers, by what is forecast: for the terminal and the app."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from backtest.data.question import Question
from backtest.data.targets import OWN_UNIT
from backtest.forecast.step import NextStep, level_column
from backtest.reports.formats import counted, decimal, decimals, percent
from backtest.reports.wording.question import axis_unit


def subject(step: NextStep, due: str) -> str:
    """Return what is forecast, `due` being the close up to which: that close, a level then, a variance until then."""
    if step.about.tradable:
        return due
    if column := level_column(step.target):
        return f"the level of {column} at {due}"
    if step.about.scale == "variance":
        together = "bar" if step.horizon == 1 else f"{counted(step.horizon, 'bar')} together"
        return f"the {step.about.title} of the next {together}, up to {due}"
    return f"the {step.about.title} up to {due}"


def last_value(steps: Sequence[NextStep]) -> str:
    """Return the last close or level of one symbol and horizon in words; empty where none matters."""
    last = steps[0].last_value
    if last is None:
        return ""
    if level_column(steps[0].target):
        return f"last level {decimal(last, value_digits(steps))}"
    return f"last close {decimal(last, decimals(last))}"


def value_digits(steps: Sequence[NextStep]) -> int:
    """Return the decimals of what forecasts of one symbol and horizon lead to: closes, levels, or outcomes."""
    last, changes = steps[0].last_value, [abs(step.y_hat) for step in steps]
    if last is not None and steps[0].about.tradable:
        return decimals(last)
    return decimals(max(abs(last or 0.0), *changes))


def table_of(steps: Sequence[NextStep]) -> dict[str, list[str]]:
    """Return the forecasts of one symbol and horizon by the heads of columns, a cell for each, without intervals."""
    first = steps[0]
    if first.about.scale == "variance":
        return _variances(steps)
    if first.about.scale == "probability":
        return {first.about.unit: [percent(step.y_hat, 1, signed=False) for step in steps]}
    digits = value_digits(steps)
    if first.about.tradable:
        change, ahead, fine = "log return", "next close", 6
    elif level_column(first.target):
        largest = max(abs(step.y_hat) for step in steps)
        change, ahead, fine = "change", "level ahead", max(digits, decimals(largest, 3))
    else:
        return {first.about.title: [decimal(step.y_hat, digits, signed=True) for step in steps]}
    return {
        change: [decimal(step.y_hat, fine, signed=True) for step in steps],
        ahead: [decimal(step.next_value, digits) for step in steps],
    }


def _variances(steps: Sequence[NextStep]) -> dict[str, list[str]]:
    """Return the columns of variances, in the unit of the report or of their column, and of volatility a year."""
    about, values = steps[0].about, [step.y_hat for step in steps]
    unit = None if about.unit == OWN_UNIT else axis_unit(Question(steps[0].target))
    size = unit.size if unit else 1.0
    digits = decimals(median(values) / size, 4)
    columns = {f"variance, {unit.short}" if unit else "variance": [decimal(value / size, digits) for value in values]}
    known = [step.volatility for step in steps]
    if any(volatility is not None for volatility in known):
        columns["volatility a year"] = [percent(volatility, 1, signed=False) for volatility in known]
    return columns
