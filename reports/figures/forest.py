"""Forest plot: the loss difference of every model from the rival with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backtest.data.names import label
from backtest.reports.figures.axes import percents, reach, short
from backtest.reports.figures.canvas import INK, MUTED, draw, name_axes, place
from backtest.reports.formats import percent, skill_digits
from backtest.reports.result import Score

PITCH = 25.0
APART = 0.5
"""By how much of a row the candidates stand apart from the baselines."""


def forest(
    scores: Sequence[Score], colours: Mapping[str, str], p_values: Mapping[str, str], limit: float, axis: str, alt: str
) -> str:
    """Return the figure: a row per model, in the order given; gaps beyond the limit are an arrow with their number.

    `p_values` are written at the right of each row.
    """
    split = APART if any(score.status for score in scores) and not all(score.status for score in scores) else 0.0
    rows = {score.model: number + (split if score.status else 0.0) for number, score in enumerate(scores)}
    last = max(rows.values())

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=88, right=88, bottom=36, top=20)
        axes.set_ylim(last + 0.6, -0.6)
        axes.set_xlim(axis_limits(scores, limit))
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_yticks(list(rows.values()), [short(label(model)) for model in rows])
        for name, score in zip(axes.get_yticklabels(), scores, strict=True):
            row, colour = rows[score.model], colours[score.model]
            draw_row(axes, row, score, colour, limit)
            axes.annotate(p_values[score.model], (1, row), (-8, 0), ha="right", color=colour, **MARGIN)
            name.set_color(colour)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        percents(axes, across=True)
        for text, side, shift in (("better", "right", -6), ("worse", "left", 6)):
            axes.annotate(text, (0, 1), (shift, 5), ha=side, color=MUTED, **ABOVE)
        axes.annotate("p adjusted", (1, 1), (-8, 5), ha="right", color=MUTED, **CORNER)
        name_axes(figure, "", axis)

    return draw("forest", alt, 58 + PITCH * (last + 1.2), plot)


RIGHT: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
MARGIN = RIGHT | {"xycoords": ("figure fraction", "data")}
CORNER: dict[str, Any] = {"xycoords": ("figure fraction", "axes fraction"), "textcoords": "offset points"}
ABOVE: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}


def axis_limits(scores: Sequence[Score], limit: float) -> tuple[float, float]:
    """Return the ends of the axis: all that is within the limit, and room for the numbers of what is not."""
    known = [-score.skill for score in scores if score.skill is not None]
    near = [gap for score in scores if abs(score.skill or 0.0) <= limit for gap in drawn_gaps(score, limit)]
    low, high = reach(np.asarray(near or [0.0]), limit)
    if max(known, default=0.0) > limit:
        high = max(high, -low / 2)
    return (min(low, -high / 2) if min(known, default=0.0) < -limit else low), high


def drawn_gaps(score: Score, limit: float) -> list[float]:
    """Return what is drawn in a row, as loss differences: below 0 the model is better."""
    least = score.candidate.detectable if score.candidate else None
    shown = (score.skill, score.skill_low, score.skill_high, least if (least or 0.0) <= limit else None)
    return [-skill for skill in shown if skill is not None]


def draw_row(axes: Axes, row: float, score: Score, colour: str, limit: float) -> None:
    """Draw one row: the interval, the gap and the smallest gain that would have shown, as far as they are in reach."""
    look: dict[str, Any] = {"color": colour, "clip_on": False, "zorder": 4}
    if score.skill is None:
        axes.annotate("undefined", (0, row), (8, 0), color=colour, **RIGHT)
        return
    gap = -score.skill
    if abs(gap) > limit:
        point(axes, row, gap, look)
        side: dict[str, Any] = {"xytext": (-9, 0), "ha": "right"} if gap > 0 else {"xytext": (9, 0), "ha": "left"}
        axes.annotate(percent(gap, skill_digits(gap)), (int(gap > 0), row), color=colour, **side, **RIGHT)
        return
    if score.skill_low is None or score.skill_high is None:
        axes.plot(gap, row, "o", fillstyle="none", markersize=6, **look)
        return
    ends = [-score.skill_high, -score.skill_low]
    axes.plot(np.clip(ends, -limit, limit), [row, row], linewidth=2.0 if score.status else 1.3, **look)
    for end in ends:
        if abs(end) > limit:
            point(axes, row, end, look)
    axes.plot(gap, row, "o", markersize=7 if score.status else 5, **look)
    if score.candidate and score.candidate.detectable is not None:
        axes.plot(-score.candidate.detectable, row, "|", color=MUTED, markersize=11, markeredgewidth=1.4)


def point(axes: Axes, row: float, gap: float, look: dict[str, Any]) -> None:
    """Draw an arrow at the edge that something lies beyond."""
    edge, sign = (1, ">") if gap > 0 else (0, "<")
    axes.plot(edge, row, sign, transform=axes.get_yaxis_transform(), markersize=7, **look)
