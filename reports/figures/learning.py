"""Learning curves: training and validation loss by epoch, a row for each network and a column for each chosen fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from backtest.reports.diagnostics import Fit
from backtest.reports.figures.axes import name_panel, percents
from backtest.reports.figures.canvas import MUTED, draw, name_axes, place

PANEL = 104.0


def learning(
    fits: Sequence[Fit], models: Sequence[str], folds: Sequence[int], colours: Mapping[str, str], alt: str
) -> str:
    """Return the figure: one line per seed, in per cent of the first epoch's loss, a dot at the epoch that was kept."""
    height = 52 + PANEL * len(models)

    def plot(figure: Figure) -> None:
        place(figure, left=48, right=12, bottom=32, top=36, hspace=0.34, wspace=0.12)
        grid = figure.subplots(len(models), len(folds), sharex=True, sharey=True, squeeze=False)
        for row, model in enumerate(models):
            for column, fold in enumerate(folds):
                axes = grid[row, column]
                for fit in (fit for fit in fits if fit.model == model and fit.fold == fold):
                    epochs = np.arange(1, fit.epochs + 1)
                    axes.plot(epochs, fit.train, color=MUTED, linewidth=0.9)
                    axes.plot(epochs, fit.validation, color=colours[model], linewidth=1.2)
                    axes.plot(fit.best, fit.validation[fit.best - 1], "o", color=colours[model], markersize=3.6)
                percents(axes, 3)
            name_panel(grid[row, 0], model, colours[model])
        for axes, fold in zip(grid[-1], folds, strict=True):
            axes.set_xlabel(f"Epoch, fold {fold}")
        grid[0, 0].xaxis.set_major_locator(MaxNLocator(4, integer=True))
        name_axes(figure, "Loss, % of the first epoch's; grey: training")

    return draw("learning", alt, height, plot)
