"""Differences of pairs with their intervals, one row for each pair."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data.comparison import Pair
from data.names import label
from reports.figures.axes import percents, short
from reports.figures.canvas import INK, MUTED, SERIES, draw, name_axes, place

PITCH = 40.0
SIDE = 92
LONGEST = 13


def forest(pairs: Sequence[Pair], alt: str) -> str:
    """Return the figure: the first of each pair stands at the left, and its dot left of 0 where it is better."""
    height = 62 + PITCH * len(pairs)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=SIDE, right=SIDE, bottom=36, top=26)
        for row, pair in enumerate(pairs):
            found = pair.finding in {"better", "worse"}
            colour = SERIES[0] if found else MUTED
            axes.plot([pair.low or 0.0, pair.high or 0.0], [row, row], color=colour, linewidth=2.2 if found else 1.4)
            axes.plot(pair.difference or 0.0, row, "o", color=colour, markersize=6)
            name(axes, row, pair.model, pair.run, left=True, bold=pair.finding == "better")
            name(axes, row, pair.other_model, pair.other_run, left=False, bold=pair.finding == "worse")
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_ylim(len(pairs) - 0.5, -0.5)
        axes.set_yticks([])
        axes.grid(visible=True, axis="x")
        axes.margins(x=0.08)
        percents(axes, 4, across=True)
        figure.text(0, 1 - 10 / height, "← this one better", color=MUTED)
        figure.text(1, 1 - 10 / height, "this one better →", color=MUTED, ha="right")
        name_axes(figure, "", "Squared error, left less right, % of zero's")

    return draw("forest", alt, height, paint)


def name(axes: Axes, row: int, model: str, run: str, *, left: bool, bold: bool) -> None:
    """Write a model and its run beside a row."""
    at, shift = ((0, row), -SIDE) if left else ((1, row), SIDE)
    for text, height, colour in ((short(label(model), LONGEST), 3, INK), (f"of {short(run, LONGEST)}", -12, MUTED)):
        axes.annotate(
            text,
            at,
            (shift, height),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="left" if left else "right",
            color=colour,
            weight="bold" if bold and colour == INK else "normal",
            annotation_clip=False,
        )
