"""What a verdict says of a model besides its status: why a leak concerns it, whether it knows something, and more."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from backtest.data.combinations import COMBINATIONS
from backtest.data.errors import UndefinedTest
from backtest.data.names import BEST, Status
from backtest.data.question import Question
from backtest.data.records.audit import Suspects
from backtest.data.records.verdict import ClarkWest, Combination, Comparison, Reason, SubVerdict, Tested
from backtest.evaluation.combination import combine, losses_per_time
from backtest.evaluation.loss_panel import LossPanel
from backtest.significance.multiple_testing import holm
from backtest.significance.result import FloatArray
from backtest.verdict.family import Key

CLARK_WEST = "clark_west"


def leak_reason(leak: Suspects, model: str, question: Question) -> Reason | None:
    """Return why a leak concerns a model, None if it does not: all share it, or it is of this model or of a rival."""
    if leak.shared:
        return Reason("leak")
    if model in leak.models:
        return Reason("leak_of_model")
    return Reason("leak_of_rival") if leak.models & {*question.rivals} else None


def clark_west_of(
    tests: pl.DataFrame, question: Question, candidates: Collection[str], configurations: int = 1
) -> dict[Key, ClarkWest]:
    """Return Clark and West's test of each candidate and horizon in TESTS, adjusted by Holm over all of them.

    The result is multiplied by the number of `configurations` that were tried on the same rows, as if each of the
    others had had as many candidates. It tests squared errors of returns against a rival that every model contains; for
    any other question none is returned. Undefined tests are not counted.
    """
    if not question.nested:
        return {}
    rows = tests.filter(
        pl.col("fold").is_null(),
        pl.col("model").is_in(list(candidates)),
        pl.col("p_value").is_not_null(),
        test=CLARK_WEST,
        baseline=question.rival,
        alternative="less",
    ).sort("model", "horizon")
    adjusted = np.minimum(1.0, configurations * holm(rows["p_value"].to_list())).tolist()
    return {
        Key(row["model"], row["horizon"]): ClarkWest(row["p_value"], p_adjusted, configurations * rows.height)
        for row, p_adjusted in zip(rows.iter_rows(named=True), adjusted, strict=True)
    }


def sub_verdict_of(status: Status, found: ClarkWest | None, alpha: float) -> SubVerdict | None:
    """Return what else is known of a model that was judged, and is not better: see `SubVerdict`."""
    judged = status in ("no evidence", "worse")
    return "does_not_pay" if judged and found and found.p_adjusted <= alpha else None


def combinations_of(panels: Sequence[LossPanel], candidates: Collection[str]) -> tuple[Combination, ...]:
    """Return what the candidates are worth together, at each horizon; nothing of less than two.

    Nothing against the best of several baselines either: that claim is about each of them.
    """
    models = sorted(set(candidates) - COMBINATIONS.keys())  # which are made of the others already
    if len(models) < 2 or panels[0].question.rival == BEST:
        return ()
    found = []
    for panel in panels:
        made = combine(panel, models)
        equal, mixed = (_tested(panel, y_hat) for y_hat in (made.mean, made.mix))
        found.append(Combination(panel.horizon, tuple(models), equal, mixed, tuple(made.weights.values())))
    return tuple(found)


def _tested(panel: LossPanel, y_hat: FloatArray) -> Tested:
    """The primary test of forecasts (n,) against the rival, as far as it is defined."""
    losses, horizon = (losses_per_time(panel, y_hat), panel.rival_loss()), panel.horizon
    try:
        skill = panel.primary_test.interval(*losses, horizon=horizon)
        p_value = panel.primary_test.run(*losses, horizon=horizon, alternative="less").p_value
    except UndefinedTest:
        return Tested()
    return Tested(skill.value, skill.low, skill.high, p_value)


def benchmarks_of(panel: LossPanel, model: str) -> tuple[Comparison, ...]:
    """Return the primary test of a model against each benchmark of the target in the run that is not the rival."""
    asked, found = panel.question, list[Comparison]()
    for name in asked.about.benchmarks:
        if name in panel.models and name not in {model, *asked.rivals}:
            losses = panel.loss(model), panel.loss(name)
            p_value = panel.primary_test.run(*losses, horizon=panel.horizon, alternative="less").p_value
            found.append(Comparison(name, p_value))
    return tuple(found)


def time_share(seeds: pl.DataFrame, key: Key) -> float | None:
    """Return the share of time in the variance of one seed's mean loss difference; None where it is undefined."""
    rows = seeds.filter(pl.col("time_variance").is_not_null(), model=key[0], horizon=key[1])
    if rows.is_empty():
        return None
    time, seed = rows.row(0, named=True)["time_variance"], rows.row(0, named=True)["seed_variance"]
    return float(time / (time + seed))
