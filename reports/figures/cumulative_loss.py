"""Cumulative loss difference against the rival, with the borders of the folds, and below it the fluctuation test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backtest.data.names import label
from backtest.data.summaries import downsample
from backtest.reports.diagnostics import FluctuationPath, LossPath
from backtest.reports.figures.axes import (
    days,
    mark_cuts,
    name_ends,
    panel_title,
    percents,
    plain_numbers,
    reach,
    time_axis,
)
from backtest.reports.figures.canvas import INK, MUTED, POINTS, RULE, Pen, draw, place, stems
from backtest.reports.figures.folds import FEW, fold_times
from backtest.reports.result import Fold

HEIGHTS = (216.0, 140.0)
"""Of the panels, in points."""


def cumulative_loss(
    paths: Sequence[LossPath],
    fluctuations: Sequence[FluctuationPath],
    folds: Sequence[Fold],
    pens: Mapping[str, Pen],
    limit: float,
    alt: str,
    *,
    name: str = "cumulative_loss",
    loss: str,
    rival: str,
) -> str:
    """Return the figure: above, lines cut off beyond the limit; below, the fluctuation paths, if any.

    Lines are named at their right ends, the level of 0 by the rival.
    """
    panels = HEIGHTS[: 2 if fluctuations else 1]

    def plot(figure: Figure) -> None:
        grid = figure.subplots(len(panels), sharex=True, squeeze=False, height_ratios=panels)[:, 0]
        place(figure, left=54, right=88, bottom=24, top=26, hspace=0.3)
        starts, end = fold_times(folds, "test_start"), float(fold_times(folds, "test_end").max())
        time_axis(grid[-1], float(starts.min()), max(end, *(float(days(path.times[-1:])[0]) for path in paths)))
        draw_differences(grid[0], paths, pens, limit, loss=loss, rival=rival)
        if fluctuations:
            draw_fluctuation(grid[1], fluctuations, pens, rival)
        for axes in grid if len(folds) <= FEW else ():
            lows, highs = (np.full(len(folds), height) for height in axes.get_ylim())
            axes.plot(*stems(starts, lows, highs), color=RULE, linewidth=0.6, zorder=0.5, scaley=False)

    return draw(name, alt, sum(panels) + 50 + 42 * (len(panels) - 1), plot)


def draw_differences(
    axes: Axes, paths: Sequence[LossPath], pens: Mapping[str, Pen], limit: float, *, loss: str, rival: str
) -> None:
    """Draw the cumulative loss differences, the best model in front."""
    axes.set_ylim(reach(np.concatenate([path.values for path in paths]), limit))
    axes.axhline(0, color=INK, linewidth=1)
    for path in reversed(paths):
        pen = pens[path.model]
        times = days(path.times)
        axes.plot(*downsample(times, path.values, POINTS), **pen.style)
        for side in (1, -1):
            leaving = np.flatnonzero(side * path.values > limit)[:1]
            mark_cuts(axes, times[leaving], path.values[leaving], pen.colour)
    percents(axes)
    panel_title(axes, f"Cumulative {loss} minus {rival}'s; down: better")
    ends = ((float(path.values[-1]), label(path.model), pens[path.model].colour) for path in paths)
    name_ends(axes, [(0.0, rival, INK), *ends])


def draw_fluctuation(axes: Axes, paths: Sequence[FluctuationPath], pens: Mapping[str, Pen], rival: str) -> None:
    """Draw the paths: below the band a model was better than the rival for some time, above it worse."""
    band = paths[0].band
    axes.axhspan(-band, band, color=RULE, alpha=0.35, linewidth=0, zorder=0)
    for edge in (-band, band):
        axes.axhline(edge, color=MUTED, linewidth=0.8, dashes=(4, 3))
    axes.axhline(0, color=INK, linewidth=1)
    for path in reversed(paths):
        axes.plot(*downsample(days(path.times), path.values, POINTS), **pens[path.model].style)
    axes.margins(y=0.12)
    plain_numbers(axes.yaxis)
    panel_title(axes, "Rolling mean of the difference, in standard errors")
    lines = [(float(path.values[-1]), label(path.model), pens[path.model].colour) for path in paths]
    stops = {label(path.model): float(days(path.times[-1:])[0]) for path in paths}
    name_ends(axes, [(0.0, rival, INK), (band, "worse", MUTED), (-band, "better", MUTED), *lines], stops)
