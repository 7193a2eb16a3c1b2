"""Whether the networks underfit or overfit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backtest.data.names import label
from backtest.data.schema import FITS, FOLDS
from backtest.reports.blocks import Block, Figure, Heading, Table, binned, binned_note, table
from backtest.reports.diagnostics import Fit, learning_curves
from backtest.reports.figures.canvas import colours
from backtest.reports.figures.learning import learning as draw
from backtest.reports.formats import decimal, percent, whole
from backtest.reports.result import Result

QUESTION = "Did the networks underfit or overfit?"
MOST_MODELS = 4
MAJORITY = 0.5
"""Share of the fits that makes the title."""

CAPTION = (
    "Loss by epoch in per cent of the first epoch's, one line per seed; the dot is the epoch whose weights were kept. "
    "A validation loss that rises while the training loss falls is overfitting; if both still fall at the end, more "
    "epochs might help."
)


def learning(result: Result) -> tuple[Block, ...]:
    """Did the networks underfit or overfit? Learning curves with the epoch whose weights were kept."""
    fits = learning_curves(result.frame(FITS), result.frame(FOLDS))
    if not fits:
        return (Heading("No model in this run was trained in epochs", QUESTION),)
    title = learning_title(fits)
    trained = {fit.model for fit in fits}
    ranked = dict.fromkeys(score.model for score in (*result.candidates, *result.scores))
    models = [model for model in ranked if model in trained][:MOST_MODELS]
    folds = shown_folds(sorted({fit.fold for fit in fits}))
    alt = f"Learning curves of {', '.join(map(label, models))} in folds {', '.join(map(str, folds))}. {title}."
    svg = draw(fits, models, folds, colours(result), alt)
    return Heading(title, QUESTION), Figure("learning", svg, alt, CAPTION, epoch_table(fits))


def shown_folds(folds: Sequence[int]) -> tuple[int, ...]:
    """Return the first, the middle and the last fold that was fitted."""
    return tuple(sorted({folds[0], folds[len(folds) // 2], folds[-1]}))


def learning_title(fits: Sequence[Fit]) -> str:
    """Return at which epoch the fits were best."""
    best, epochs = (np.asarray([getattr(fit, name) for fit in fits]) for name in ("best", "epochs"))
    if epochs.max() == 1:
        return "The networks were trained for only one epoch: it is unknown whether more would help"
    middle = f"after a median of {decimal(float(np.median(best)), 0)} epochs"
    at_once, to_the_end = float((best == 1).mean()), float((best == epochs).mean())
    if at_once >= MAJORITY:
        return f"{percent(at_once, 0, signed=False)} of the fits were best after one epoch: little was learned"
    if to_the_end >= MAJORITY:
        return f"{percent(to_the_end, 0, signed=False)} of the fits were still improving when training ended, {middle}"
    return f"The validation loss was lowest {middle}; the weights of that epoch were kept"


def epoch_table(fits: Sequence[Fit]) -> Table:
    """Return for each network and fold the epochs and losses, as medians over its seeds."""
    groups: dict[tuple[str, int], list[Fit]] = {}
    for fit in fits:
        groups.setdefault((fit.model, fit.fold), []).append(fit)
    folds = sorted({fold for _, fold in groups})
    rows = []
    for (model, fold), members in groups.items():
        if fold in binned(folds):
            values = [(fit.epochs, fit.best, fit.train[fit.best - 1], fit.validation[fit.best - 1]) for fit in members]
            epochs, best, train, validation = np.median(np.asarray(values), axis=0)
            losses = (percent(train, 2, signed=False), percent(validation, 2, signed=False))
            rows.append((label(model), whole(fold), whole(len(members)), decimal(epochs, 1), decimal(best, 1), *losses))
    labels = ["Model", "Fold", "Seeds", "Epochs run", "Epoch kept", "Training loss", "Validation loss"]
    return table(
        labels,
        rows,
        f"Medians over seeds; losses at the kept epoch in per cent of the first epoch's.{binned_note(folds)}",
    )
