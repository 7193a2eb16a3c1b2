"""The skill of every seed alone, and of the mean over seeds with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from backtest.data.names import label
from backtest.reports.figures.axes import percents, short
from backtest.reports.figures.canvas import INK, MUTED, draw, name_axes, place
from backtest.reports.result import Score
from backtest.reports.rows import Row

PITCH = 40.0
RAISED = 0.2
"""By how much of a row the mean stands above its seeds."""

ABOVE: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}


def seeds(scores: Sequence[Score], alone: Sequence[Row], colours: Mapping[str, str], rival: str, alt: str) -> str:
    """Return the figure: one row per model, a ring for each seed, a dot with its interval for their mean."""
    height = 54 + PITCH * len(scores)

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=88, right=14, bottom=32, top=20)
        for row, score in enumerate(scores):
            colour = colours[score.model]
            skills = [one.skill for one in alone if one.model == score.model and one.skill is not None]
            axes.plot(skills, np.full(len(skills), row + RAISED), "o", color=colour, fillstyle="none", markersize=5)
            low, mean, high = np.asarray([score.skill_low, score.skill, score.skill_high], dtype=float)
            axes.plot([low, high], [row - RAISED] * 2, color=colour, linewidth=1.5)
            axes.plot(mean, row - RAISED, "o", color=colour, markersize=7)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_ylim(len(scores) - 0.4, -0.6)
        axes.set_yticks(range(len(scores)), [short(label(score.model)) for score in scores])
        for text, score in zip(axes.get_yticklabels(), scores, strict=True):
            text.set_color(colours[score.model])
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        percents(axes, across=True)
        for word, end, side in (("worse", 0, "left"), ("better", 1, "right")):
            axes.annotate(word, (end, 1), (0, 5), ha=side, color=MUTED, **ABOVE)
        name_axes(figure, "", f"Skill against {rival}; rings: seeds, dot: their mean")

    return draw("seeds", alt, height, plot)
