"""What was trained on what: training, validation, gap and test of every fold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from backtest.reports.blocks import Block, Figure, Heading, Table, table
from backtest.reports.figures.folds import folds as draw
from backtest.reports.formats import counted, duration, listed, moment, whole
from backtest.reports.run import Fold, RunResult

QUESTION = "What was trained on what?"


def folds(result: RunResult) -> tuple[Block, ...]:
    """What was trained on what? Training, validation, gap and test of every fold over time."""
    folds, interval = result.folds, result.manifest.data.interval
    title = folds_title(folds)
    alt = f"Bars over time for the training, validation and test span of each fold. {title}."
    figure = Figure("folds", draw(folds, alt), alt, caption(folds), folds_table(folds, interval))
    return Heading(title, QUESTION), figure


def folds_title(folds: Sequence[Fold]) -> str:
    """Return whether every test span lies after all that was learned from, and what kind of walk it was."""
    late = [whole(fold.number) for fold in folds if not in_order(fold)]
    if late:
        return f"The test span overlaps with what was learned from in fold {listed(late)}: do not trust this run"
    if len(folds) == 1:
        return "One fold: the test span lies after all that the models learned from"
    kind = "growing" if len({fold.train_start for fold in folds}) == 1 else "rolling"
    return (
        f"{counted(len(folds), 'fold')} on a {kind} window: every test span lies after all that its models learned from"
    )


def in_order(fold: Fold) -> bool:
    """Return whether training, validation and test follow each other."""
    learned = [fold.train_start, fold.train_end, fold.validation_start, fold.validation_end]
    spans = [*learned, fold.test_start, fold.test_end]
    return spans == sorted(spans)


def caption(folds: Sequence[Fold]) -> str:
    """Return how to read the picture, with the gaps, which may be too thin to be seen."""
    gaps = [(fold.test_start - fold.validation_end).total_seconds() for fold in folds]
    width = " to ".join(dict.fromkeys(map(duration, (min(gaps), max(gaps)))))
    fits = len({fold.fit_fold for fold in folds})
    again = "in every fold" if fits == len(folds) else f"{counted(fits, 'time')} in {counted(len(folds), 'fold')}"
    return (
        "Each bar is one fold, the first at the top. The model is fitted on the training span, stopped by its error on "
        f"the validation span, and judged on the test span. A gap of {width} before the test span keeps the outcomes "
        f"that a model learned from out of it. The models were fitted anew {again}."
    )


def folds_table(folds: Sequence[Fold], interval: timedelta) -> Table:
    """Return the spans and the rows of every fold."""
    labels = ["Fold", "Fitted in", "Train from", "Train until", "Validation from", "Validation until", "Test from"]
    labels += ["Test until", "Train rows", "Validation rows", "Forecasts", "No forecast"]
    rows = []
    for fold in folds:
        spans = (fold.train_start, fold.train_end, fold.validation_start, fold.validation_end)
        dates = tuple(moment(time, interval) for time in (*spans, fold.test_start, fold.test_end))
        sizes = tuple(whole(size) for size in (fold.n_train, fold.n_validation, fold.n_test, fold.n_lost))
        rows.append((whole(fold.number), whole(fold.fit_fold), *dates, *sizes))
    return table(labels, rows, TABLE_CAPTION, words=8)


TABLE_CAPTION = "Times are UTC; a span ends before its second time. No forecast: test bars without one."
