"""The fluctuation statistic over time, with the band that it leaves only where a spell stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from data.names import label
from reports.figures.axes import days, name_ends, plain_numbers, time_axis
from reports.figures.canvas import INK, MUTED, RULE, draw, name_axes, place, thin
from reports.figures.timeline import edges
from reports.result import Fold
from reports.rows import Spells


def spells(paths: Sequence[Spells], folds: Sequence[Fold], colours: Mapping[str, str], alt: str) -> str:
    """Return the figure: below the band a model was better than zero for a spell, above it worse."""
    band = paths[0].band

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=54, right=74, bottom=24, top=24)
        axes.axhspan(-band, band, color=RULE, alpha=0.35, linewidth=0, zorder=0)
        for edge in (-band, band):
            axes.axhline(edge, color=MUTED, linewidth=1, dashes=(4, 3))
        axes.axhline(0, color=INK, linewidth=1)
        for path in reversed(paths):
            axes.plot(*thin(days(path.times), path.values), color=colours[path.model], linewidth=1.5)
        time_axis(axes, float(edges(folds, "test_start").min()), float(edges(folds, "test_end").max()))
        axes.margins(y=0.12)
        plain_numbers(axes.yaxis)
        name_axes(figure, "Loss difference to zero around each date, in standard errors")
        lines = [(path.values[-1], label(path.model), colours[path.model]) for path in paths]
        name_ends(axes, [(0.0, "zero", INK), (band, "worse", MUTED), (-band, "better", MUTED), *lines])

    return draw("spells", alt, 250, paint)
