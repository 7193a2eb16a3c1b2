"""Squared-error differences of pairs, added up over time."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from reports.comparison.result import Course
from reports.figures.axes import days, name_ends, percents, time_axis
from reports.figures.canvas import DASHES, INK, SERIES, Pen, draw, name_axes, place


def paths(courses: Sequence[Course], names: Sequence[str], alt: str) -> str:
    """Return the figure; each line is named at its right end."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=54, right=74, bottom=24, top=24)
        for one, colour, dashes in zip(courses, SERIES, DASHES, strict=False):
            axes.plot(days(one.times), one.values, **Pen(colour, dashes).style)
        axes.axhline(0, color=INK, linewidth=1)
        span = days(courses[0].times[[0, -1]])
        time_axis(axes, float(span[0]), float(span[1]))
        percents(axes)
        name_axes(figure, "Squared error, first less second, added up, % of zero's total")
        ends = [
            (float(one.values[-1]), name, colour) for one, name, colour in zip(courses, names, SERIES, strict=False)
        ]
        name_ends(axes, [(0.0, "equal", INK), *ends])

    return draw("course", alt, 260, paint)
