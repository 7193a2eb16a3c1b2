"""Forecast against outcome: deciles of the forecast, one panel for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from backtest.reports.diagnostics import Calibration
from backtest.reports.figures.axes import name_panel, plain_numbers
from backtest.reports.figures.canvas import INK, RULE, draw, name_axes, place, stems
from backtest.reports.formats import decimal
from backtest.reports.wording.question import AxisUnit

PANEL = 150.0


def calibration(calibrations: Sequence[Calibration], colours: Mapping[str, str], unit: AxisUnit, alt: str) -> str:
    """Return the figure: points on the dashed line mean that forecasts of that size came true on average."""
    rows = -(-len(calibrations) // 2)
    height = 50 + PANEL * rows

    def plot(figure: Figure) -> None:
        place(figure, left=44, right=12, bottom=38, top=36, hspace=0.6, wspace=0.22)
        panels = figure.subplots(rows, 2, sharey=True, squeeze=False).ravel()
        for axes in panels[len(calibrations) :]:
            axes.set_visible(False)
        for axes, shown in zip(panels, calibrations, strict=False):
            x, y, low, high = (
                np.asarray([getattr(decile, name) for decile in shown.deciles]) / unit.size
                for name in ("forecast", "outcome", "low", "high")
            )
            axes.axhline(0, color=RULE, linewidth=0.8)
            axes.plot(*stems(x, low, high), color=colours[shown.model], linewidth=1)
            axes.plot(x, y, "o", color=colours[shown.model], markersize=3.6)
            limits = axes.get_xlim() if len(x) > 1 else (x[0] - 1, x[0] + 1)
            axes.plot(limits, limits, color=INK, linewidth=0.9, dashes=(4, 3), scaley=False)
            axes.set_xlim(limits)
            slope = f"slope {decimal(shown.slope, 2)}" if shown.slope is not None else ""
            name_panel(axes, shown.model, colours[shown.model], slope)
            plain_numbers(axes.xaxis, axes.yaxis)
            axes.tick_params(axis="x", pad=8)
        name_axes(figure, f"Mean outcome, {unit.name}", f"Forecast, {unit.name}")

    return draw("calibration", alt, height, plot)
