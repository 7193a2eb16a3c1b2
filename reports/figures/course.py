"""Cumulative loss difference against zero over time, with the borders of the folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from data.names import label
from reports.derived import LossPath
from reports.figures.axes import days, name_ends, percents, time_axis
from reports.figures.canvas import INK, MUTED, RULE, draw, name_axes, place, stems, thin
from reports.figures.timeline import FEW, edges
from reports.result import Fold


def course(paths: Sequence[LossPath], folds: Sequence[Fold], colours: Mapping[str, str], alt: str) -> str:
    """Return the figure; each path is named at its right end, baselines are drawn thinner than candidates."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=54, right=74, bottom=24, top=24)
        for path in reversed(paths):
            x, y = thin(days(path.times), path.values)
            axes.plot(x, y, color=colours[path.model], linewidth=0.9 if colours[path.model] == MUTED else 1.5)
        borders, limits = edges(folds, "test_start"), axes.get_ylim()
        if len(folds) <= FEW:
            lows, highs = (np.full(len(folds), limit) for limit in limits)
            axes.plot(*stems(borders, lows, highs), color=RULE, linewidth=0.6, zorder=0)
        axes.set_ylim(limits)
        axes.axhline(0, color=INK, linewidth=1)
        time_axis(axes, borders[0], max(days(path.times[-1:])[0] for path in paths))
        percents(axes)
        name_axes(figure, "Squared error against zero, added up, % of zero's total")
        name_ends(
            axes, [(0.0, "zero", INK), *((path.values[-1], label(path.model), colours[path.model]) for path in paths)]
        )

    return draw("course", alt, 270, paint)
