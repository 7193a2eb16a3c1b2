"""Squared-error differences of pairs, added up over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from backtest.reports.comparison.result import STRETCHES, Course
from backtest.reports.figures.axes import days, name_ends, percents, time_axis
from backtest.reports.figures.canvas import DASHES, INK, RULE, SERIES, Pen, draw, name_axes, place


def paths(courses: Sequence[Course], names: Sequence[str], alt: str) -> str:
    """Return the figure; each line is named at its right end, and uprights part the stretches of time."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=54, right=74, bottom=24, top=24)
        for one, colour, dashes in zip(courses, SERIES, DASHES, strict=False):
            axes.plot(days(one.times), one.values, **Pen(colour, dashes).style)
        axes.axhline(0, color=INK, linewidth=1)
        start, end = map(float, days(courses[0].times[[0, -1]]))
        for border in np.linspace(start, end, STRETCHES + 1)[1:-1]:
            axes.axvline(border, color=RULE, linewidth=0.6, zorder=0)
        time_axis(axes, start, end)
        percents(axes)
        name_axes(figure, "Squared error, first less second, added up, % of zero's total")
        ends = [
            (float(one.values[-1]), name, colour) for one, name, colour in zip(courses, names, SERIES, strict=False)
        ]
        name_ends(axes, [(0.0, "equal", INK), *ends])

    return draw("course", alt, 260, paint)
