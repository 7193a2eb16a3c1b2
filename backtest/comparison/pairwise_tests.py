"""Paired tests between the models of several runs: which are made, and what is found of each pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from backtest.comparison.common_sample import key_of
from backtest.data import result_tables, schema
from backtest.data.errors import UndefinedTest
from backtest.data.names import REFERENCES
from backtest.data.records.comparison import Finding, Group, Pair
from backtest.data.summaries import downsample
from backtest.evaluation.loss_panel import RIVAL, LossPanel
from backtest.significance.equal_accuracy import diebold_mariano, skill_interval
from backtest.significance.multiple_testing import holm
from backtest.significance.result import FloatArray

LAST_DIGITS = 1e-12
"""Forecasts that differ by at most this share of the largest are the same: another processor rounds otherwise."""

POINTS = 960
"""Of a path that are kept."""

Team = tuple[str, tuple[str, ...], frozenset[str]]
"""A run as a duel sees it: its name, its models, and those of them that it was made for."""


@dataclass(frozen=True, slots=True)
class Duel:
    """Two models to be tested against each other, by run and name; `picked_from` counts the pairs it was chosen among.

    `keys` are what they are called in CommonRows.
    """

    model: str
    run: str
    other_model: str
    other_run: str
    group: Group
    picked_from: int
    keys: tuple[str, str]


def duels_of(panel: LossPanel, teams: Sequence[Team]) -> list[Duel]:
    """Return what is to be tested: of every two runs the models that both have, and their best against each other.

    The best are those with the smallest squared error among the models that a run was made for; where they have the
    same name they are tested already. Models that runs were made for come first.
    """
    found = [
        duel
        for one, other in combinations(range(len(teams)), 2)
        for duel in (*_shared(one, other, teams), *_best(one, other, teams, panel))
    ]
    order: tuple[Group, ...] = ("question", "best", "other")
    return sorted(found, key=lambda duel: order.index(duel.group))


def _shared(one: int, other: int, teams: Sequence[Team]) -> Iterator[Duel]:
    (run, models, asked), (other_run, others, others_asked) = teams[one], teams[other]
    for model in (model for model in models if model in others and model not in REFERENCES):
        group: Group = "question" if model in asked | others_asked else "other"
        yield Duel(model, run, model, other_run, group, 1, (key_of(one, model), key_of(other, model)))


def _best(one: int, other: int, teams: Sequence[Team], panel: LossPanel) -> Iterator[Duel]:
    sides = [[(_error(panel, key_of(place, model)), model) for model in teams[place][2]] for place in (one, other)]
    if not all(sides):
        return
    model, rival = (min(side)[1] for side in sides)
    if model != rival:
        keys = key_of(one, model), key_of(other, rival)
        yield Duel(model, teams[one][0], rival, teams[other][0], "best", len(sides[0]) * len(sides[1]), keys)


def _error(panel: LossPanel, key: str) -> float:
    """Mean squared error over times."""
    return float(panel.loss(key).mean())


def fight(
    panel: LossPanel, duels: Sequence[Duel], first: Mapping[str, str], alpha: float
) -> tuple[tuple[Pair, ...], int]:
    """Return what is found of every pair, and how many p-values were adjusted together, by Holm.

    `first` is that of `first_alike`. An undefined p-value makes no claim. The same two forecasts under other names are
    the same test made again, and count once. The p-value of a pair that was picked from several counts for each of
    them (Bonferroni).
    """
    tests = [frozenset(first[key] for key in duel.keys) for duel in duels]
    found = [_tested(panel, duel, same=len(test) == 1) for duel, test in zip(duels, tests, strict=True)]
    claims: dict[frozenset[str], float] = {}
    for duel, test, row in zip(duels, tests, found, strict=True):
        if row["p_value"] is not None:
            claims[test] = min(claims.get(test, 1.0), duel.picked_from * row["p_value"])
    adjusted = dict(zip(claims, holm(list(claims.values())).tolist(), strict=True))
    rows = zip(duels, tests, found, strict=True)
    pairs = tuple(_pair(duel, row, adjusted.get(test), alpha, same=len(test) == 1) for duel, test, row in rows)
    return pairs, len(claims)


def first_alike(y_hat: Mapping[str, FloatArray]) -> dict[str, str]:
    """Return for each name the first one under which the same forecasts (n,) stand."""

    def alike(one: FloatArray, other: FloatArray) -> bool:
        return bool(np.abs(one - other).max() <= LAST_DIGITS * max(np.abs(one).max(), np.abs(other).max()))

    return {key: next(name for name in y_hat if alike(y_hat[name], values)) for key, values in y_hat.items()}


def _pair(duel: Duel, found: dict[str, Any], p_adjusted: float | None, alpha: float, *, same: bool) -> Pair:
    """Apply the rule: a difference is one where the adjusted p-value is at most alpha."""
    finding: Finding = "no difference"
    if p_adjusted is None:
        finding = "the same" if same else "undefined"
    elif p_adjusted <= alpha:
        finding = "better" if found["difference"] < 0 else "worse"
    about = (duel.model, duel.run, duel.other_model, duel.other_run, duel.group, duel.picked_from)
    return Pair(*about, finding=finding, p_adjusted=p_adjusted, **found)


def _tested(panel: LossPanel, duel: Duel, *, same: bool) -> dict[str, Any]:
    """Difference with interval, p-values and note of one pair, which may be of the same forecasts."""
    nothing = dict.fromkeys(("difference", "low", "high", "p_value", "p_absolute"))
    if same:
        return {**nothing, "note": "the same forecasts"}
    losses = [panel.loss(key) for key in (*duel.keys, RIVAL)]
    effect = difference(losses[0], losses[1], losses[2], panel.horizon)
    if not effect:
        return {**nothing, "note": "zero makes no error to compare with"}
    try:
        p_value = diebold_mariano(losses[0], losses[1], horizon=panel.horizon).p_value
    except UndefinedTest as error:
        return {**nothing, **effect, "note": str(error)}
    return {**nothing, **effect, "p_value": p_value, "p_absolute": _absolute(panel, duel), "note": ""}


def _absolute(panel: LossPanel, duel: Duel) -> float | None:
    """P-value for absolute errors; None where it is undefined."""
    first, second = (panel.loss(key, "absolute") for key in duel.keys)
    try:
        return diebold_mariano(first, second, horizon=panel.horizon).p_value
    except UndefinedTest:
        return None


def difference(first: FloatArray, second: FloatArray, zero: FloatArray, horizon: int) -> dict[str, float]:
    """Mean loss difference of two models (n,) as a share of zero's, with its 95 % interval, as far as it is defined.

    first - second + zero has the skill -difference against zero, and the interval of that is Fieller's: 0 lies outside
    of it if and only if the two-sided Diebold-Mariano test rejects. Only lower ends are taken, of both directions,
    because a skill ends at 1 and a difference does not; so the two directions are mirror images to the last bit.
    """
    scale = float(zero.mean())
    if not scale > 0:
        return {}
    value = float((first - second).mean()) / scale
    try:
        low, high = (
            skill_interval(one - other + zero, zero, horizon=horizon).low
            for one, other in ((second, first), (first, second))
        )
    except UndefinedTest:
        return {"difference": value}
    return {"difference": value, "low": low, "high": -high}


def paths_of(panel: LossPanel, duels: Sequence[Duel], pairs: Sequence[Pair]) -> pl.DataFrame:
    """PATHS of the pairs that differ, thinned to what a picture can show; a path ends at the pair's difference."""
    frames = [pl.DataFrame(schema=result_tables.PATHS.dtypes)]
    total = float(panel.loss(RIVAL).sum())
    for duel, _ in filter(lambda both: both[1].difference is not None, zip(duels, pairs, strict=True)):
        first, second = (panel.loss(key) for key in duel.keys)
        path = np.cumsum(first - second) / total
        places, values = downsample(np.arange(path.size, dtype=np.float64), path, POINTS)
        times = pl.Series(panel.times[places.astype(int)]).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        names = {name: pl.lit(getattr(duel, name)) for name in ("model", "run", "other_model", "other_run")}
        frame = pl.DataFrame({"time": times, "difference": values}).with_columns(**names)
        frames.append(frame.select(result_tables.PATHS.names))
    return schema.check(pl.concat(frames), result_tables.PATHS)
