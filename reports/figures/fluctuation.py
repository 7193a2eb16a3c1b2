"""The fluctuation statistic over time, with its 95 % band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from backtest.data.names import label
from backtest.data.summaries import downsample
from backtest.reports.diagnostics import FluctuationPath
from backtest.reports.figures.axes import days, name_ends, panel_title, plain_numbers
from backtest.reports.figures.canvas import INK, MUTED, POINTS, RULE, Pen


def draw_fluctuation(axes: Axes, paths: Sequence[FluctuationPath], pens: Mapping[str, Pen]) -> None:
    """Draw the paths: below the band a model was better than zero for some time, above it worse."""
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
    name_ends(axes, [(0.0, "zero", INK), (band, "worse", MUTED), (-band, "better", MUTED), *lines], stops)
