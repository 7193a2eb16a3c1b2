"""Skill against zero in every fold, one row of bars for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from backtest.reports.figures.axes import mark_cuts, name_panel, percents, reach, time_axis
from backtest.reports.figures.canvas import INK, MUTED, WIDTH, draw, place, stems
from backtest.reports.figures.folds import fold_times
from backtest.reports.result import Fold

PANEL = 74.0


def skill(models: Sequence[str], folds: Sequence[Fold], colours: Mapping[str, str], limit: float, alt: str) -> str:
    """Return the figure: bars above the line are folds in which the model had a lower squared error than zero.

    Bars beyond the limit are cut off.
    """
    height = 36 + PANEL * len(models)

    def plot(figure: Figure) -> None:
        place(figure, left=54, right=12, bottom=24, top=14, hspace=0.6)
        start, end = fold_times(folds, "test_start"), fold_times(folds, "test_end")
        rows = figure.subplots(len(models), sharex=True, sharey=True, squeeze=False)[:, 0]
        known = [skill for fold in folds for model in models if (skill := fold.skills.get(model)) is not None]
        rows[0].set_ylim(reach(np.asarray(known or [0.0]), limit))
        for axes, model in zip(rows, models, strict=True):
            values = np.asarray([fold.skills.get(model) for fold in folds], dtype=float)
            middle = (start + end) / 2
            x, y = stems(middle, np.zeros(len(folds)), values)
            axes.plot(x, y, color=colours[model], linewidth=min(16.0, 0.7 * (WIDTH - 66) / len(folds)))
            mark_cuts(axes, middle, values, colours[model])
            axes.axhline(0, color=INK, linewidth=0.8)
            axes.spines.bottom.set_visible(False)
            name_panel(axes, model, colours[model])
            percents(axes, 2)
        look: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "color": MUTED}
        rows[0].annotate("up: better", (1, 1), (0, 4), ha="right", **look)
        time_axis(rows[-1], float(start.min()), float(end.max()))

    return draw("skill", alt, height, plot)
