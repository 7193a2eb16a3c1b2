"""Whether the forecasts are calibrated, or collapsed to a constant."""

from __future__ import annotations

from collections.abc import Sequence

from backtest.data.names import label
from backtest.reports.blocks import Block, Figure, Heading, Table, Text, table
from backtest.reports.diagnostics import Calibration, calibrate
from backtest.reports.figures.calibration import calibration as draw
from backtest.reports.figures.canvas import colours
from backtest.reports.formats import MISSING, SPACE, decimal, listed, percent, whole
from backtest.reports.result import Result
from backtest.reports.wording.question import AxisUnit, axis_unit

QUESTION = "Are the forecasts calibrated, or did they collapse to a constant?"
PANELS = 4

CAPTION = (
    "The forecasts are sorted by size into up to ten groups. Each point is the mean outcome of a group with its 95 % "
    "confidence interval; on the dashed line it equals the mean forecast. A flat row of points means that the size of "
    "a forecast carries no information. The intervals assume independent outcomes."
)


def calibration(result: Result) -> tuple[Block, ...]:
    """Are the forecasts calibrated? Mean outcome by decile of the forecast, and the slope."""
    ranked = dict.fromkeys(score.model for score in (*result.candidates, *result.rivals))
    own = [model for model in ranked if model not in {*result.question.references, "mean"}]
    calibrations = [calibrate(result.origins, model) for model in own]
    if not calibrations:
        return (Heading("There is no model besides the references and the mean", QUESTION),)
    title = calibration_title(calibrations[0])
    shown = [calibration for calibration in calibrations if len(calibration.deciles) > 1][:PANELS]
    collapsed = [label(calibration.model) for calibration in calibrations if calibration.constant]
    notes = [Text(collapse_sentence(collapsed))] if collapsed else []
    if not shown:
        return (Heading(title, QUESTION), *notes, slope_table(calibrations))
    alt = f"Mean outcome against forecast, in groups, for {listed([label(one.model) for one in shown])}. {title}."
    unit = axis_unit(result.question, (group.outcome for one in shown for group in one.deciles))
    svg, caption = draw(shown, colours(result), unit, alt), f"{CAPTION} {unit.meaning}".strip()
    figure = Figure("calibration", svg, alt, caption, decile_table(calibrations, unit))
    return (Heading(title, QUESTION), *notes, figure, slope_table(calibrations))


def collapse_sentence(models: Sequence[str]) -> str:
    """Return which models make practically constant forecasts."""
    verb = "has" if len(models) == 1 else "have"
    return (
        f"{listed(models)} {verb} collapsed to a constant: the standard deviation of the forecasts is less than 1 % "
        "of that of the outcomes."
    )


def calibration_title(first: Calibration) -> str:
    """Return what the slope of the leading model means."""
    model = label(first.model)
    if first.constant or first.slope is None or first.slope_low is None or first.slope_high is None:
        return f"{model} collapsed: its forecasts are practically constant"
    low, middle, high = (decimal(value, 2) for value in (first.slope_low, first.slope, first.slope_high))
    slope = f"slope {middle}, 95{SPACE}% interval {low} to {high}"
    if first.slope_low <= 0 and first.slope_high >= 1:
        return f"It is unclear whether larger forecasts of {model} come before larger outcomes ({slope})"
    if first.slope_low <= 0 <= first.slope_high:
        return f"No evidence that larger forecasts of {model} come before larger outcomes ({slope})"
    if first.slope < 0:
        return f"The forecasts of {model} point in the wrong direction ({slope})"
    if first.slope_low <= 1 <= first.slope_high:
        return f"The forecasts of {model} are consistent with perfect calibration ({slope})"
    fault = "too large" if first.slope < 1 else "too small"
    return f"The forecasts of {model} point in the right direction but are {fault} ({slope})"


def slope_table(calibrations: Sequence[Calibration]) -> Table:
    """Return slope and spread of every model."""
    rows = [
        (
            label(one.model),
            decimal(one.slope, 2),
            MISSING if one.slope is None else f"{decimal(one.slope_low, 2)} to {decimal(one.slope_high, 2)}",
            percent(one.spread, 1, signed=False),
        )
        for one in calibrations
    ]
    caption = (
        "Slope of the regression of outcomes on forecasts: 1 is ideal, at 0 the forecasts carry no information. "
        "Dispersion: standard deviation of the forecasts in per cent of that of the outcomes."
    )
    return table(["Model", "Slope", "95 % interval", "Dispersion"], rows, caption)


def decile_table(calibrations: Sequence[Calibration], unit: AxisUnit) -> Table:
    """Return the groups of all models, in the unit of the figure."""
    rows = []
    for one in calibrations:
        for place, group in enumerate(one.deciles, start=1):
            points = (group.forecast, group.outcome, group.low, group.high)
            sizes = (decimal(value / unit.size, 2) for value in points)
            rows.append((label(one.model), whole(place), whole(group.n), *sizes))
    labels = ["Model", "Group", "Forecasts", "Mean forecast", "Mean outcome", "95 % from", "95 % to"]
    return table(labels, rows, f"In {unit.name}.")
