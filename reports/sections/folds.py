"""The training, validation and test period of every fold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from backtest.reports.blocks import Block, Figure, Heading, Table, table
from backtest.reports.figures.folds import folds as draw
from backtest.reports.formats import counted, duration, listed, moment, whole
from backtest.reports.result import Fold
from backtest.reports.run import RunResult

QUESTION = "What were the models trained and tested on?"


def folds(result: RunResult) -> tuple[Block, ...]:
    """What were the models trained and tested on? Training, validation and test period of every fold."""
    folds, interval = result.folds, result.manifest.data.interval
    title = folds_title(folds)
    alt = f"Bars over time for the training, validation and test period of each fold. {title}."
    figure = Figure("folds", draw(folds, alt), alt, caption(folds), folds_table(folds, interval))
    return Heading(title, QUESTION), figure


def folds_title(folds: Sequence[Fold]) -> str:
    """Return whether every test period comes after training and validation, and the kind of window."""
    late = [whole(fold.number) for fold in folds if not in_order(fold)]
    if late:
        overlap = f"s of folds {listed(late)} overlap" if len(late) > 1 else f" of fold {late[0]} overlaps"
        return f"The test period{overlap} training or validation: the results are unreliable"
    if len(folds) == 1:
        return "One fold: the test period comes after training and validation"
    kind = "an expanding" if len({fold.train_start for fold in folds}) == 1 else "a rolling"
    return f"{counted(len(folds), 'fold')} with {kind} window: every test period comes after training and validation"


def in_order(fold: Fold) -> bool:
    """Return whether training, validation and test follow each other."""
    learned = [fold.train_start, fold.train_end, fold.validation_start, fold.validation_end]
    spans = [*learned, fold.test_start, fold.test_end]
    return spans == sorted(spans)


def caption(folds: Sequence[Fold]) -> str:
    """Return how to read the figure, with the gaps, which may be too thin to be seen."""
    gaps = [(fold.test_start - fold.validation_end).total_seconds() for fold in folds]
    width = " to ".join(dict.fromkeys(map(duration, (min(gaps), max(gaps)))))
    fits = len({fold.fit_fold for fold in folds})
    again = "in every fold" if fits == len(folds) else f"{counted(fits, 'time')} in {counted(len(folds), 'fold')}"
    return (
        "Each bar is one fold, the first at the top. Models are fitted on the training period, networks are stopped "
        "early by their loss on the validation period, and all are evaluated on the test period. "
        f"A gap of {width} before the test period keeps training outcomes out of it. "
        f"The models were refitted {again}."
    )


def folds_table(folds: Sequence[Fold], interval: timedelta) -> Table:
    """Return the periods and the numbers of rows of every fold."""
    labels = ["Fold", "Fitted in", "Train from", "Train until", "Validation from", "Validation until", "Test from"]
    labels += ["Test until", "Train rows", "Validation rows", "Forecasts", "No forecast"]
    rows = []
    for fold in folds:
        spans = (fold.train_start, fold.train_end, fold.validation_start, fold.validation_end)
        dates = tuple(moment(time, interval) for time in (*spans, fold.test_start, fold.test_end))
        sizes = tuple(whole(size) for size in (fold.n_train, fold.n_validation, fold.n_test, fold.n_lost))
        rows.append((whole(fold.number), whole(fold.fit_fold), *dates, *sizes))
    return table(labels, rows, TABLE_CAPTION, words=8)


TABLE_CAPTION = "Times are in UTC; each period ends before its second time. No forecast: test bars without a forecast."
