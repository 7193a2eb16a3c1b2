"""The training, validation and test period of every fold over time, and the skill in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from backtest.reports.figures.axes import days, mark_cuts, name_panel, percents, reach, time_axis
from backtest.reports.figures.canvas import INK, MUTED, WIDTH, Floats, draw, place, stems
from backtest.reports.render.svg import COLOURS
from backtest.reports.result import Fold

SPANS = {"train": (MUTED, 0.45), "validation": (COLOURS["amber"].light, 1.0), "test": (COLOURS["green"].light, 1.0)}
"""Colour and opacity of each span."""

STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000)
FEW = 40
"""Up to this many folds each is drawn on its own."""


def draw_folds(folds: Sequence[Fold], alt: str) -> str:
    """Return the figure: one bar per fold, the first at the top; gaps are what is left open between the spans."""
    height = min(300.0, 44 + 15.0 * max(2, len(folds)))

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=54, right=12, bottom=24, top=20)
        pitch = (height - 44) / len(folds)
        rows = np.asarray([fold.number for fold in folds], dtype=float)
        for name, (colour, opacity) in SPANS.items():
            start, end = (fold_times(folds, f"{name}_{edge}") for edge in ("start", "end"))
            y, x = stems(rows, start, end)
            axes.plot(x, y, color=colour, alpha=opacity, linewidth=pitch * (0.66 if len(folds) <= FEW else 1.4))
        axes.grid(visible=False)
        axes.set_ylim(rows[-1] + 0.5, rows[0] - 0.5)
        shown = folds[:: next(step for step in STEPS if len(folds) <= 6 * step)]
        axes.set_yticks([fold.number for fold in shown], [f"fold {fold.number}" for fold in shown])
        time_axis(axes, float(fold_times(folds, "train_start").min()), float(fold_times(folds, "test_end").max()))
        for number, (name, (colour, opacity)) in enumerate(SPANS.items()):
            figure.text(number * 0.21 + 0.002, 1 - 10 / height, "■", color=colour, alpha=opacity)
            figure.text(number * 0.21 + 0.034, 1 - 10 / height, name, color=MUTED)

    return draw("folds", alt, height, plot)


def fold_times(folds: Sequence[Fold], name: str) -> Floats:
    """Return one edge of every fold in days since 1970 (folds,)."""
    times: list[datetime] = [getattr(fold, name) for fold in folds]
    return days(np.asarray([time.replace(tzinfo=None) for time in times], dtype="datetime64[us]"))


PANEL = 74.0


def draw_skill(models: Sequence[str], folds: Sequence[Fold], colours: Mapping[str, str], limit: float, alt: str) -> str:
    """Return the figure: bars above the line are folds in which the model had a lower loss than the rival.

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
