"""When a model gained or lost against zero: steadily, or in one lucky period."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backtest.data.names import label
from backtest.reports.blocks import Block, Details, Figure, Heading, Table, Text, table
from backtest.reports.diagnostics import LossPath
from backtest.reports.figures.axes import limit_of
from backtest.reports.figures.cumulative_loss import cumulative_loss as draw
from backtest.reports.figures.folds import FEW
from backtest.reports.formats import day, listed, percent, season, whole
from backtest.reports.result import Fold, Result
from backtest.reports.sections import fluctuation
from backtest.reports.sections.parts import binned, binned_note, pens

QUESTION = "When did it gain or lose: steadily, or in one lucky period?"
OFF_SCALE = 4
"""A path this many times as far from 0 as the leading model's is cut off, or left out if it is a baseline's."""

CAPTION = (
    "Cumulative squared error minus zero's, in per cent of zero's total: where a line falls, the model is better than "
    "zero; where it rises, worse. It ends at minus the model's skill. A steady decline is evidence of skill; a single "
    "drop is one event."
)


def cumulative_loss(result: Result) -> tuple[Block, ...]:
    """When did it gain or lose? Cumulative loss difference against zero, and below it the fluctuation test's band."""
    leader = result.leader
    if leader is None:
        return (Heading("There is no model to compare with zero", QUESTION),)
    limit, fluctuations = axis_limit(result), fluctuation.selected_paths(result)
    paths = visible_paths(result, limit)
    title = cumulative_loss_title(next(path for path in result.paths if path.model == leader.model), result.folds)
    notes = [fluctuation.fluctuation_sentence(fluctuations, result.folds)] if fluctuations else []
    shown = "Line chart of the cumulative difference in squared error from zero over time."
    alt = " ".join([shown, f"{title}.", *notes])
    svg = draw(paths, fluctuations, result.folds, pens(result), limit, alt)
    figure = Figure(
        "cumulative_loss", svg, alt, caption(result, paths, limit), fold_end_table(result.paths, result.folds)
    )
    details = (
        Details("The numbers of the lower panel", (fluctuation.fluctuation_table(fluctuations),))
        if fluctuations
        else None
    )
    return (Heading(title, QUESTION), *map(Text, notes), figure, *([details] if details else []))


def axis_limit(result: Result) -> float:
    """Return how far from 0 the figure reaches: the leading model's path decides."""
    ranked = dict.fromkeys(score.model for score in (*result.candidates, *result.rivals))
    sizes = {path.model: largest_difference(path) for path in result.paths}
    return limit_of([sizes[model] for model in ranked], OFF_SCALE)


def largest_difference(path: LossPath) -> float:
    """Return how far a path goes from 0."""
    return float(np.abs(path.values).max())


def visible_paths(result: Result, limit: float) -> tuple[LossPath, ...]:
    """Return the paths to draw: all candidates, the leading model, and baselines within the limit."""
    always = {score.model for score in (*result.candidates, result.leader) if score}
    return tuple(path for path in result.paths if path.model in always or largest_difference(path) <= limit)


def fold_changes(path: LossPath) -> dict[int, float]:
    """Return the change of the path over each fold: below 0 the model was better than zero."""
    ends = list(path.at_fold_end.values())
    return dict(zip(path.at_fold_end, np.diff(ends, prepend=0.0).tolist(), strict=True))


def best_fold(path: LossPath) -> int:
    """Return the fold in which a model gained most, or lost least; of several the first."""
    by_fold = fold_changes(path)
    return min(by_fold, key=by_fold.__getitem__)


def cumulative_loss_title(path: LossPath, folds: Sequence[Fold]) -> str:
    """Return when the model gained or lost, in one sentence."""
    by_fold, model, best = fold_changes(path), label(path.model), best_fold(path)
    tested = folds[-1].test_end - folds[0].test_start
    starts = {fold.number: season(fold.test_start, span=tested) for fold in folds}
    won, total = sum(gain < 0 for gain in by_fold.values()), path.values[-1]
    if len(by_fold) == 1:
        return f"{model} was {'ahead of' if total < 0 else 'behind'} zero in the only fold of this run"
    score = "every fold" if won == len(by_fold) else f"{whole(won)} of {whole(len(by_fold))} folds"
    if total >= 0:
        worst = max(by_fold, key=by_fold.__getitem__)
        return f"{model} fell behind zero: ahead in {score}, largest loss in fold {worst} (from {starts[worst]})"
    if total - by_fold[best] >= 0:
        return f"{model} was ahead of zero in {score}, but not overall without fold {best} (from {starts[best]})"
    return f"{model} was ahead of zero in {score}, most clearly in fold {best} (from {starts[best]})"


def caption(result: Result, shown: Sequence[LossPath], limit: float) -> str:
    """Return how to read both panels, and what is cut off or left out."""
    sentences = [CAPTION]
    if len(result.folds) <= FEW:
        sentences.append("Vertical lines mark the start of each fold.")
    cut = [
        f"{label(path.model)} (ends at {percent(path.values[-1])})"
        for path in shown
        if largest_difference(path) > limit
    ]
    if cut:
        sentences.append(f"Cut off at triangles: {listed(cut)}.")
    absent = [label(path.model) for path in result.paths if path not in shown]
    if absent:
        sentences.append(f"Not shown, far off the scale: {listed(absent)}.")
    fluctuations = fluctuation.selected_paths(result)
    return " ".join(
        [*sentences, fluctuation.fluctuation_caption(fluctuations, result.folds)] if fluctuations else sentences
    )


def fold_end_table(paths: Sequence[LossPath], folds: Sequence[Fold]) -> Table:
    """Return the values of all paths at the ends of the folds."""
    labels = ["Fold", "Test until", *(label(path.model) for path in paths)]
    rows = [
        (whole(fold.number), day(fold.test_end), *(percent(path.at_fold_end.get(fold.number), 3) for path in paths))
        for fold in binned(folds)
    ]
    caption = f"Cumulative difference at the end of each fold, in per cent of zero's total.{binned_note(folds)}"
    return table(labels, rows, caption, words=2)
