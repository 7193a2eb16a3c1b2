"""Skill against zero in every fold, one row of bars for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from reports.figures.axes import name_panel, percents, time_axis
from reports.figures.canvas import INK, WIDTH, draw, place, stems
from reports.figures.timeline import edges
from reports.result import Fold

PANEL = 62.0


def skill(models: Sequence[str], folds: Sequence[Fold], colours: Mapping[str, str], alt: str) -> str:
    """Return the figure: bars above the line are folds in which the model had a smaller squared error than zero."""
    height = 36 + PANEL * len(models)

    def paint(figure: Figure) -> None:
        place(figure, left=54, right=12, bottom=24, top=12, hspace=0.45)
        start, end = edges(folds, "test_start"), edges(folds, "test_end")
        rows = figure.subplots(len(models), sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, model in zip(rows, models, strict=True):
            values = np.asarray([fold.skills.get(model) for fold in folds], dtype=float)
            x, y = stems((start + end) / 2, np.zeros(len(folds)), values)
            axes.plot(x, y, color=colours[model], linewidth=min(16.0, 0.7 * (WIDTH - 66) / len(folds)))
            axes.axhline(0, color=INK, linewidth=0.8)
            axes.spines.bottom.set_visible(False)
            name_panel(axes, model, colours[model])
            percents(axes, 2)
        time_axis(rows[-1], float(start.min()), float(end.max()))

    return draw("skill", alt, height, paint)
