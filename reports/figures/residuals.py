"""Autocorrelation of the errors, and coverage of the intervals by fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from backtest.data.summaries import downsample
from backtest.reports.diagnostics import Autocorrelation, Residuals
from backtest.reports.figures.axes import name_panel, percents, plain_numbers, time_axis
from backtest.reports.figures.canvas import INK, MUTED, POINTS, RULE, draw, name_axes, place, stems
from backtest.reports.figures.folds import fold_times
from backtest.reports.formats import SPACE, level
from backtest.reports.result import Fold
from backtest.reports.rows import Row

PANEL = 72.0


def residuals(shown: Residuals, colour: str, alt: str) -> str:
    """Return the figure: autocorrelations outside the grey band are significant."""

    def plot(figure: Figure) -> None:
        place(figure, left=44, right=12, bottom=32, top=36, hspace=0.36)
        panels = figure.subplots(2, sharex=True)
        for axes, title, found in zip(panels, ("errors", "absolute errors"), (shown.errors, shown.sizes), strict=True):
            draw_autocorrelation(axes, shown.lags, found, colour)
            name_panel(axes, shown.model, colour, title)
        panels[1].xaxis.set_major_locator(MaxNLocator(8, integer=True))
        name_axes(figure, f"Autocorrelation; grey: 95{SPACE}% band", "Lag, bars")

    return draw("residuals", alt, 280, plot)


def draw_autocorrelation(axes: Axes, lags: NDArray[np.int64], shown: Autocorrelation, colour: str) -> None:
    """Draw one stroke for each lag in front of the band."""
    x, half = lags.astype(float), lags[0] / 2
    borders, band = np.append(x - half, x[-1] + half), np.append(shown.band, shown.band[-1:])
    axes.fill_between(borders, -band, band, step="post", color=RULE, alpha=0.6, linewidth=0, zorder=0)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.plot(*stems(x, np.zeros_like(x), shown.values), color=colour, linewidth=2)
    axes.plot(x, shown.values, "o", color=colour, markersize=3)
    axes.set_xlim(borders[0], borders[-1])
    axes.spines.bottom.set_visible(False)
    plain_numbers(axes.yaxis)


def coverage(levels: Sequence[Sequence[Row]], folds: Sequence[Fold], colour: str, alt: str) -> str:
    """Return the figure: one panel for each level, a step for each fold, which are in the order of time.

    Below the dashed line more outcomes lay outside of the interval than its level promises.
    """

    def plot(figure: Figure) -> None:
        place(figure, left=54, right=12, bottom=28, top=36, hspace=0.42)
        places = {fold.number: place for place, fold in enumerate(folds)}
        starts, ends = fold_times(folds, "test_start"), fold_times(folds, "test_end")
        panels = figure.subplots(len(levels), sharex=True, squeeze=False)[:, 0]
        for axes, rows in zip(panels, levels, strict=True):
            promised, at = rows[0].level, [places[row.fold] for row in rows if row.fold is not None]
            x, y = np.column_stack([starts[at], ends[at]]).ravel(), np.repeat([row.share for row in rows], 2)
            x, y = downsample(x, y, POINTS)
            axes.fill([*x, x[-1], x[0]], [*y, promised, promised], color=colour, alpha=0.15, linewidth=0)
            axes.plot(x, y, color=colour, linewidth=1.4)
            axes.axhline(promised, color=MUTED, linewidth=1, dashes=(4, 3))
            axes.spines.bottom.set_visible(False)
            name_panel(axes, rows[0].model, colour, f"{level(promised)} intervals")
            axes.margins(y=0.12)
            percents(axes, 3)
        time_axis(panels[-1], float(starts.min()), float(ends.max()))
        panels[-1].tick_params(axis="x", pad=9)
        name_axes(figure, "Share of outcomes covered; dashed: nominal level")

    return draw("coverage", alt, 64 + PANEL * len(levels), plot)
