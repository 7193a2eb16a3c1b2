"""When the differences came about: steadily, or in one lucky spell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.names import label
from reports.blocks import Block, Figure, Heading, Table, table
from reports.derived import LossPath
from reports.figures.course import course as draw
from reports.figures.timeline import FEW
from reports.formats import day, listed, percent, whole
from reports.result import Fold, Result
from reports.sections.parts import binned, binning, colours

QUESTION = "When did it gain or lose?"
OFF_SCALE = 4
"""A baseline whose path is this many times larger than every candidate's is left out of the picture."""

CAPTION = (
    "Where a line falls, the model forecast better than zero; where it rises, worse. It ends at minus the model's "
    "skill. A steady slope is evidence; one sudden drop is one event."
)


def course(result: Result) -> tuple[Block, ...]:
    """When did it gain or lose? Cumulative loss difference against zero, with the borders of the folds."""
    leader = result.leader
    if leader is None:
        return (Heading("There is no model to compare with zero", QUESTION),)
    shown = visible(result)
    absent = [label(path.model) for path in result.paths if path not in shown]
    title = finding(next(path for path in result.paths if path.model == leader.model), result.folds)
    alt = f"Line chart of the cumulative difference in squared error against zero over time. {title}."
    caption = CAPTION + (" Uprights mark where a new fold begins." if len(result.folds) <= FEW else "")
    caption += f" Far off the scale and left out: {listed(absent)}." if absent else ""
    svg = draw(shown, result.folds, colours(result), alt)
    return Heading(title, QUESTION), Figure("course", svg, alt, caption, numbers(result.paths, result.folds))


def visible(result: Result) -> tuple[LossPath, ...]:
    """Return the paths that fit into one picture: all candidates, and the baselines of a similar scale."""
    sizes = {path.model: float(np.abs(path.values).max()) for path in result.paths}
    candidates = {score.model for score in result.candidates}
    scale = max((sizes[model] for model in candidates), default=0.0) or min(sizes.values())
    return tuple(path for path in result.paths if path.model in candidates or sizes[path.model] <= OFF_SCALE * scale)


def gains(path: LossPath) -> dict[int, float]:
    """Return what each fold added to the path: below 0 the model was better than zero."""
    ends = list(path.at_fold_end.values())
    return dict(zip(path.at_fold_end, np.diff(ends, prepend=0.0).tolist(), strict=True))


def finding(path: LossPath, folds: Sequence[Fold]) -> str:
    """Return when the model gained or lost, in one sentence."""
    by_fold, model = gains(path), label(path.model)
    starts = {fold.number: day(fold.test_start) for fold in folds}
    won, total = sum(gain < 0 for gain in by_fold.values()), path.values[-1]
    best, worst = min(by_fold, key=by_fold.__getitem__), max(by_fold, key=by_fold.__getitem__)
    if len(by_fold) == 1:
        return f"{model} {'gained on' if total < 0 else 'lost to'} zero over the one fold of this run"
    score = "every fold" if won == len(by_fold) else f"{whole(won)} of {whole(len(by_fold))} folds"
    if total >= 0:
        return f"{model} lost to zero: ahead in {score}, most lost in fold {worst} (from {starts[worst]})"
    if total - by_fold[best] >= 0:
        return f"{model}'s lead over zero rests on fold {best} alone (from {starts[best]})"
    return f"{model} gained on zero in {score}, most of all in fold {best} (from {starts[best]})"


def numbers(paths: Sequence[LossPath], folds: Sequence[Fold]) -> Table:
    """Return the heights of all paths at the ends of the folds."""
    heads = ["Fold", "Ends before", *(label(path.model) for path in paths)]
    rows = [
        (whole(fold.number), day(fold.test_end), *(percent(path.at_fold_end.get(fold.number), 3) for path in paths))
        for fold in binned(folds)
    ]
    caption = f"Cumulative difference at the end of each fold, in per cent of zero's total.{binning(folds)}"
    return table(heads, rows, caption, words=2)
