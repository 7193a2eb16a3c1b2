"""The training, validation and test period of every fold over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from matplotlib.figure import Figure

from backtest.reports.figures.axes import days, time_axis
from backtest.reports.figures.canvas import MUTED, Floats, draw, place, stems
from backtest.reports.render.svg import COLOURS
from backtest.reports.result import Fold

SPANS = {"train": (MUTED, 0.45), "validation": (COLOURS["amber"].light, 1.0), "test": (COLOURS["green"].light, 1.0)}
"""Colour and opacity of each span."""

STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000)
FEW = 40
"""Up to this many folds each is drawn on its own."""


def folds(folds: Sequence[Fold], alt: str) -> str:
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
