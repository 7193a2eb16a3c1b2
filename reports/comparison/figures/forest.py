"""Differences of pairs with their intervals, one row for each pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backtest.data.names import label
from backtest.data.records.comparison import Pair
from backtest.reports.comparison.wording import middle
from backtest.reports.figures.axes import percents, reach
from backtest.reports.figures.canvas import INK, MUTED, SERIES, draw, name_axes, place
from backtest.reports.figures.forest import RIGHT, point
from backtest.reports.formats import percent
from backtest.reports.summary import digits

PITCH = 44.0
SIDE = 116
"""Points on either side for the names alone, in the large letters of a phone."""

LONGEST = 10
"""Characters of a model's name; the table spells it out."""


def forest(pairs: Sequence[Pair], runs: Mapping[str, str], limit: float, alt: str) -> str:
    """Return the figure: the first of each pair stands at the left, and its dot left of 0 where it is better.

    `runs` has what each run is called in it; differences beyond the limit are an arrow with their number.
    """
    height = 62 + PITCH * len(pairs)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=SIDE, right=SIDE, bottom=36, top=26)
        axes.set_ylim(len(pairs) - 0.5, -0.5)
        axes.set_xlim(width(pairs, limit))
        axes.axvline(0, color=INK, linewidth=1)
        for row, pair in enumerate(pairs):
            strike(axes, row, pair, limit)
            name(axes, row, pair.model, runs[pair.run], left=True, bold=pair.finding == "better")
            name(axes, row, pair.other_model, runs[pair.other_run], left=False, bold=pair.finding == "worse")
        axes.set_yticks([])
        axes.grid(visible=True, axis="x")
        percents(axes, 3, across=True)
        figure.text(0, 1 - 10 / height, "← this one better", color=MUTED)
        figure.text(1, 1 - 10 / height, "this one better →", color=MUTED, ha="right")
        name_axes(figure, "", "Squared error, left less right, % of zero's")

    return draw("forest", alt, height, paint)


def drawn_ends(pair: Pair) -> tuple[float, float, float]:
    """Return the difference of a tested pair with its interval."""
    return pair.difference or 0.0, pair.low or 0.0, pair.high or 0.0


def width(pairs: Sequence[Pair], limit: float) -> tuple[float, float]:
    """Return the ends of the axis: all that is within the limit, and room for the numbers of what is not."""
    known = [drawn_ends(pair) for pair in pairs]
    low, high = reach(np.asarray([end for ends in known if abs(ends[0]) <= limit for end in ends] or [0.0]), limit)
    values = [ends[0] for ends in known]
    if max(values) > limit:
        high = max(high, -low)
    return (min(low, -high) if min(values) < -limit else low), high


def strike(axes: Axes, row: float, pair: Pair, limit: float) -> None:
    """Draw the interval and the difference of one row, or an arrow with its number where that is beyond the limit."""
    value, *ends = drawn_ends(pair)
    found = pair.finding in {"better", "worse"}
    look: dict[str, Any] = {"color": SERIES[0] if found else MUTED, "clip_on": False, "zorder": 4}
    if abs(value) > limit:
        point(axes, row, value, look)
        side: dict[str, Any] = {"xytext": (-9, 0), "ha": "right"} if value > 0 else {"xytext": (9, 0), "ha": "left"}
        axes.annotate(percent(value, digits(value)), (int(value > 0), row), color=look["color"], **side, **RIGHT)
        return
    axes.plot(np.clip(ends, -limit, limit), [row, row], linewidth=2.2 if found else 1.4, **look)
    for end in ends:
        if abs(end) > limit:
            point(axes, row, end, look)
    axes.plot(value, row, "o", markersize=6, **look)


def name(axes: Axes, row: int, model: str, run: str, *, left: bool, bold: bool) -> None:
    """Write a model and its run beside a row."""
    at, shift = ((0, row), -SIDE) if left else ((1, row), SIDE)
    for text, height, colour in ((middle(label(model), LONGEST), 4, INK), (f"of {run}", -14, MUTED)):
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
