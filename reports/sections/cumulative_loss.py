"""When a model gained or lost against the rival: its cumulative loss difference, and the fluctuation test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import numpy as np

from backtest.data.names import label
from backtest.data.result_tables import FLUCTUATION
from backtest.reports.blocks import Block, Details, Figure, Heading, Table, Text, binned, binned_note, table
from backtest.reports.diagnostics import FluctuationPath, LossPath, fluctuation_paths
from backtest.reports.figures.axes import limit_of
from backtest.reports.figures.canvas import pens
from backtest.reports.figures.cumulative_loss import cumulative_loss as draw
from backtest.reports.figures.folds import FEW
from backtest.reports.formats import day, decimal, listed, percent, season, whole
from backtest.reports.result import Fold, Result
from backtest.reports.wording.question import words_of_loss

QUESTION = "When did it gain or lose: steadily, or in one lucky period?"
OFF_SCALE = 4
"""A path this many times as far from 0 as the leading model's is cut off, or left out if it is a baseline's."""

CAPTION = (
    "Cumulative {loss} minus that of {rival}, in per cent of its total: where a line falls, the model is better than "
    "{rival}; where it rises, worse. It ends at minus the model's skill. A steady decline is evidence of skill; a "
    "single drop is one event."
)


def cumulative_loss(result: Result) -> tuple[Block, ...]:
    """When did it gain or lose? Cumulative loss difference against the rival, and below it the fluctuation test."""
    leader = result.leader
    if leader is None:
        return (Heading(result.fill("There is no model to compare with {rival}"), QUESTION),)
    limit, fluctuations = axis_limit(result), selected_paths(result)
    paths = visible_paths(result, limit)
    title = cumulative_loss_title(
        next(path for path in result.paths if path.model == leader.model), result.folds, result.rival_name
    )
    notes = [fluctuation_sentence(fluctuations, result.folds, result.rival_name)] if fluctuations else []
    shown = result.fill("Line chart of the cumulative difference in {loss} from {rival} over time.")
    alt = " ".join([shown, f"{title}.", *notes])
    svg = draw(
        paths, fluctuations, result.folds, pens(result), limit, alt, loss=result.loss_name, rival=result.rival_name
    )
    figure = Figure(
        "cumulative_loss",
        svg,
        alt,
        cumulative_loss_caption(result, paths, limit),
        fold_end_table(result),
    )
    details = Details("The numbers of the lower panel", (fluctuation_table(fluctuations),)) if fluctuations else None
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
    """Return the change of the path over each fold: below 0 the model was better than the rival."""
    ends = list(path.at_fold_end.values())
    return dict(zip(path.at_fold_end, np.diff(ends, prepend=0.0).tolist(), strict=True))


def best_fold(path: LossPath) -> int:
    """Return the fold in which a model gained most, or lost least; of several the first."""
    by_fold = fold_changes(path)
    return min(by_fold, key=by_fold.__getitem__)


def cumulative_loss_title(path: LossPath, folds: Sequence[Fold], rival: str) -> str:
    """Return when the model gained or lost, in one sentence."""
    by_fold, model, best = fold_changes(path), label(path.model), best_fold(path)
    tested = folds[-1].test_end - folds[0].test_start
    starts = {fold.number: season(fold.test_start, span=tested) for fold in folds}
    won, total = sum(gain < 0 for gain in by_fold.values()), path.values[-1]
    if len(by_fold) == 1:
        return f"{model} was {'ahead of' if total < 0 else 'behind'} {rival} in the only fold of this run"
    score = "every fold" if won == len(by_fold) else f"{whole(won)} of {whole(len(by_fold))} folds"
    if total >= 0:
        worst = max(by_fold, key=by_fold.__getitem__)
        return f"{model} fell behind {rival}: ahead in {score}, largest loss in fold {worst} (from {starts[worst]})"
    if total - by_fold[best] >= 0:
        return f"{model} was ahead of {rival} in {score}, but not overall without fold {best} (from {starts[best]})"
    return f"{model} was ahead of {rival} in {score}, most clearly in fold {best} (from {starts[best]})"


def cumulative_loss_caption(result: Result, shown: Sequence[LossPath], limit: float) -> str:
    """Return how to read both panels, and what is cut off or left out."""
    sentences = [result.fill(CAPTION)]
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
    fluctuations = selected_paths(result)
    return " ".join([*sentences, fluctuation_caption(fluctuations, result)] if fluctuations else sentences)


def fold_end_table(result: Result) -> Table:
    """Return the values of all paths at the ends of the folds."""
    paths, folds = result.paths, result.folds
    labels = ["Fold", "Test until", *(label(path.model) for path in paths)]
    rows = [
        (whole(fold.number), day(fold.test_end), *(percent(path.at_fold_end.get(fold.number), 3) for path in paths))
        for fold in binned(folds)
    ]
    caption = result.fill("Cumulative difference at the end of each fold, in per cent of the total of {rival}.")
    caption += binned_note(folds)
    return table(labels, rows, caption, words=2)


MOST_PATHS = 5
MOST_SPELLS = 2
"""Periods that a sentence names."""


def selected_paths(result: Result) -> tuple[FluctuationPath, ...]:
    """Return the paths of the candidates, the best first; without candidates that of the best other model."""
    paths = {path.model: path for path in fluctuation_paths(result.frame(FLUCTUATION))}
    ranked = [score.model for score in (result.candidates or result.rivals) if score.model in paths]
    return tuple(paths[model] for model in ranked[: MOST_PATHS if result.candidates else 1])


def fluctuation_sentence(paths: Sequence[FluctuationPath], folds: Sequence[Fold], rival: str) -> str:
    """Return which models left the band, and when, the better ones first."""
    tested = folds[-1].test_end - folds[0].test_start
    spells = []
    for side, word in ((-1, "better"), (1, "worse")):
        for path in paths:
            outside = side * path.values > path.band
            when = (
                "throughout" if outside.all() else f"around {spell_dates(path, side, tested)}" if outside.any() else ""
            )
            spells += [f"{label(path.model)} was {word} than {rival} {when}"] if when else []
    if not spells:
        verb = "stays" if len(paths) == 1 else "stay"
        return f"No period stands out: {listed([label(path.model) for path in paths])} {verb} within the 95 % band."
    more = [f"and {whole(len(spells) - MOST_SPELLS)} more"] if len(spells) > MOST_SPELLS else []
    opening = "One period stands out" if len(spells) == 1 else "Some periods stand out"
    return f"{opening}: {'; '.join([*spells[:MOST_SPELLS], *more])}."


def spell_dates(path: FluctuationPath, side: int, tested: timedelta) -> str:
    """Return when a path was farthest outside of its band, from leaving it to coming back."""
    values = side * path.values
    inside = np.flatnonzero(values <= path.band)
    farthest = int(np.argmax(values))
    place = int(np.searchsorted(inside, farthest))
    first = inside[place - 1] + 1 if place else 0
    last = inside[place] - 1 if place < len(inside) else len(values) - 1
    ends = (season(moment, span=tested) for moment in path.times[[first, last]].astype("datetime64[us]").tolist())
    return " to ".join(dict.fromkeys(ends))


def fluctuation_caption(paths: Sequence[FluctuationPath], result: Result) -> str:
    """Return how to read the lower panel, with the width of the window."""
    folds, losses = result.folds, words_of_loss(result.steady_loss).several
    tested_seconds = (folds[-1].test_end - folds[0].test_start).total_seconds()
    window = 1 - float((paths[0].times[-1] - paths[0].times[0]) / np.timedelta64(1, "s")) / tested_seconds
    return (
        f"Lower panel: the mean difference of {losses} in a rolling window of about "
        f"{percent(window, 0, signed=False)} of the test period, in standard errors (fluctuation test of Giacomini and "
        "Rossi). Without any difference in skill a path stays within the grey band throughout with 95 % probability; "
        "a period outside it stands out. A model with steady skill stays below 0 throughout."
    )


def fluctuation_table(paths: Sequence[FluctuationPath]) -> Table:
    """Return the values of all paths at some of the dates that they share, and the band."""
    heights = [dict(zip(path.times.tolist(), path.values.tolist(), strict=True)) for path in paths]
    shared = [moment for moment in heights[0] if all(moment in path for path in heights)]
    labels = ["Window centre", *(label(path.model) for path in paths), "Band"]
    unit: Literal["D", "m"] = "D" if (paths[0].times == paths[0].times.astype("datetime64[D]")).all() else "m"
    texts = dict(zip(paths[0].times.tolist(), np.datetime_as_string(paths[0].times, unit=unit).tolist(), strict=True))
    rows = [
        (texts[moment].replace("T", " "), *(decimal(path[moment], 2) for path in heights), decimal(paths[0].band, 2))
        for moment in binned(shared)
    ]
    extremes = (f"{label(path.model)} {decimal(extreme_value(path), 2)}" for path in paths)
    note = f"Extreme values: {listed(list(extremes))}.{binned_note(shared, 'dates')}"
    return table(labels, rows, note)


def extreme_value(path: FluctuationPath) -> float:
    """Return the value of a path that is farthest from 0, with its sign."""
    return float(path.values[np.argmax(np.abs(path.values))])
