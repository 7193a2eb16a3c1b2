"""Skill against the rival by horizon, with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backtest.data.names import label
from backtest.reports.figures.axes import mark_cuts, name_ends, percents, reach
from backtest.reports.figures.canvas import INK, Floats, Pen, draw, name_axes, place
from backtest.reports.formats import whole
from backtest.reports.result import Score

APART = 0.12
"""By how much of the room of a horizon the marks of two models stand apart."""


def horizons(
    points: Mapping[str, Sequence[Score | None]],
    significant: Mapping[str, Sequence[bool]],
    bars: Sequence[int],
    pens: Mapping[str, Pen],
    limit: float,
    rival: str,
    alt: str,
) -> str:
    """Return the figure: for each model a mark and its interval at every horizon, joined by a line.

    `points` has one score for each of the horizons `bars`; marks are filled where `significant`. What lies beyond the
    limit is cut off at triangles.
    """

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=54, right=92, bottom=36, top=24)
        ends = [end for scores in points.values() for score in scores for end in _extent(score)]
        axes.set_ylim(reach(np.asarray(ends or [0.0]), limit))
        axes.set_xlim(-0.5, len(bars) - 0.5)
        axes.set_xticks(range(len(bars)), [whole(horizon) for horizon in bars])
        axes.axhline(0, color=INK, linewidth=0.8)
        names = []
        for number, (model, scores) in enumerate(points.items()):
            x: Floats = np.arange(len(bars), dtype=np.float64) + APART * (number - (len(points) - 1) / 2)
            _draw_model(axes, x, scores, significant[model], pens[model])
            last = next((score.skill for score in reversed(scores) if score and score.skill is not None), None)
            names += [(last, label(model), pens[model].colour)] if last is not None else []
        percents(axes)
        name_ends(axes, names)
        name_axes(figure, f"Skill against {rival}; up: better", "Bars ahead")

    return draw("horizons", alt, 230, plot)


def _extent(score: Score | None) -> list[float]:
    """Skill of a model and the ends of its interval, as far as they are known."""
    ends = (score.skill, score.skill_low, score.skill_high) if score else ()
    return [end for end in ends if end is not None]


def _draw_model(axes: Axes, x: Floats, scores: Sequence[Score | None], significant: Sequence[bool], pen: Pen) -> None:
    """Draw line, intervals and marks of one model, whose marks stand at `x` (horizons,)."""
    names = ("skill_low", "skill", "skill_high")
    low, middle, high = (np.asarray([getattr(score, name, None) for score in scores], dtype=float) for name in names)
    axes.plot(x, middle, **{**pen.style, "linewidth": 0.8}, zorder=3)
    look: dict[str, Any] = {"color": pen.colour, "markersize": 6.5, "zorder": 5}
    for place_, bottom, value, top, filled in zip(x, low, middle, high, significant, strict=True):
        axes.plot([place_, place_], [bottom, top], color=pen.colour, linewidth=pen.width, zorder=4)
        axes.plot(place_, value, "o", **look, markerfacecolor=pen.colour if filled else "white")
    mark_cuts(axes, x, middle, pen.colour)
