"""Paired tests between the models of several runs: which pairs are tested, and what is found of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from backtest.comparison.common_sample import same_forecasts
from backtest.data.errors import UndefinedTest
from backtest.data.records.comparison import Finding, Group, Pair
from backtest.evaluation.loss_panel import LossPanel
from backtest.significance.multiple_testing import holm
from backtest.significance.primary import PrimaryTest
from backtest.significance.result import FloatArray
from backtest.verdict.rule import differences_needed


@dataclass(frozen=True, slots=True)
class RunModels:
    """The models of one run by their names in the loss panel, and the `candidates` among them."""

    run: str
    names: Mapping[str, str]
    candidates: frozenset[str]


@dataclass(frozen=True, slots=True)
class ModelPair:
    """Two models to be tested against each other at a horizon.

    `picked_from` counts the pairs that this one was chosen from. `names` are those in the loss panel.
    """

    model: str
    run: str
    other_model: str
    other_run: str
    horizon: int
    group: Group
    picked_from: int
    names: tuple[str, str]


def pairs_to_test(panels: Sequence[LossPanel], runs: Sequence[RunModels]) -> list[ModelPair]:
    """Return what is to be tested: of every two runs the models that both have, and their best against each other.

    Each pair is tested at the horizon of every panel. The best are the candidates with the smallest mean loss there;
    where they have the same name they are tested already. Candidates come first.
    """
    found = [
        pair
        for one, other in combinations(runs, 2)
        for pair in (*_models_of_both(one, other, panels), *_best_of_each(one, other, panels))
    ]
    order: tuple[Group, ...] = ("question", "best", "other")
    return sorted(found, key=lambda pair: order.index(pair.group))


def compare_pairs(
    panels: Sequence[LossPanel], pairs: Sequence[ModelPair], alpha: float
) -> tuple[tuple[Pair, ...], int]:
    """Return what is found of every pair, and how many p-values were adjusted together, by Holm, at all horizons.

    An undefined p-value makes no claim. The same two forecasts under other names are the same test repeated, and count
    once. The p-value of a pair that was picked from several counts for each of them (Bonferroni).
    """
    by_horizon = {panel.horizon: panel for panel in panels}
    first = {panel.horizon: first_alike(panel.y_hat) for panel in panels}
    tests = [frozenset((pair.horizon, first[pair.horizon][name]) for name in pair.names) for pair in pairs]
    found = [
        _tested(by_horizon[pair.horizon], pair, same=len(test) == 1) for pair, test in zip(pairs, tests, strict=True)
    ]
    claims: dict[frozenset[tuple[int, str]], float] = {}
    for pair, test, row in zip(pairs, tests, found, strict=True):
        if row["p_value"] is not None:
            claims[test] = min(claims.get(test, 1.0), pair.picked_from * row["p_value"])
    adjusted = dict(zip(claims, holm(list(claims.values())).tolist(), strict=True))
    judged = []
    for pair, test, row in zip(pairs, tests, found, strict=True):
        least = None
        if row["p_value"] is not None:
            least = _detectable(by_horizon[pair.horizon], pair, alpha / (2 * pair.picked_from * len(claims)))
        judged.append(_judged(pair, row | {"detectable": least}, adjusted.get(test), alpha, same=len(test) == 1))
    return tuple(judged), len(claims)


def _detectable(panel: LossPanel, pair: ModelPair, level: float) -> float | None:
    """Smallest difference, as a share of the rival's loss, that a one-sided test at a level shows in most cases."""
    first, second, rival = (panel.loss(name) for name in (*pair.names, panel.rival))
    try:
        skill = panel.primary_test.detectable(first, second, horizon=panel.horizon, alpha=level)
    except UndefinedTest:
        return None
    return skill * float(second.mean()) / float(rival.mean())


def first_alike(y_hat: Mapping[str, FloatArray]) -> dict[str, str]:
    """Return for each name the first one under which the same forecasts (n,) stand."""
    return {
        name: next(other for other in y_hat if same_forecasts(y_hat[other], values)) for name, values in y_hat.items()
    }


def difference(
    first: FloatArray, second: FloatArray, rival: FloatArray, horizon: int, primary: PrimaryTest
) -> dict[str, float]:
    """Mean loss difference of two models (n,) as a share of the rival's loss, with its 95 % interval if defined.

    first - second + rival has the skill -difference against the rival, and the interval of that is Fieller's: 0 lies
    outside of it if and only if the two-sided primary test rejects. Only lower ends are taken, of both directions,
    because a skill ends at 1 and a difference does not; so the two directions are mirror images to the last bit.
    """
    scale = float(rival.mean())
    if not scale > 0:
        return {}
    value = float((first - second).mean()) / scale
    try:
        low, high = (
            primary.interval(one - other + rival, rival, horizon=horizon).low
            for one, other in ((second, first), (first, second))
        )
    except UndefinedTest:
        return {"difference": value}
    return {"difference": value, "low": low, "high": -high}


def _models_of_both(one: RunModels, other: RunModels, panels: Sequence[LossPanel]) -> Iterator[ModelPair]:
    """Pairs of the same model in two runs."""
    references = panels[0].question.references
    for model in (model for model in one.names if model in other.names and model not in references):
        group: Group = "question" if model in one.candidates | other.candidates else "other"
        names = one.names[model], other.names[model]
        for panel in panels:
            yield ModelPair(model, one.run, model, other.run, panel.horizon, group, 1, names)


def _best_of_each(one: RunModels, other: RunModels, panels: Sequence[LossPanel]) -> Iterator[ModelPair]:
    """The pair of the best candidates of two runs at each horizon, where they have different names."""
    choice = len(one.candidates) * len(other.candidates)
    for panel in panels if choice else []:
        first, second = (
            min((float(panel.loss(run.names[model]).mean()), model) for model in run.candidates)[1]
            for run in (one, other)
        )
        if first != second:
            names = one.names[first], other.names[second]
            yield ModelPair(first, one.run, second, other.run, panel.horizon, "best", choice, names)


def _judged(pair: ModelPair, found: dict[str, Any], p_adjusted: float | None, alpha: float, *, same: bool) -> Pair:
    """Apply the rule: a difference is one where the adjusted p-value is at most alpha."""
    finding: Finding = "no difference"
    if p_adjusted is None:
        finding = "the same" if same else "undefined"
    elif p_adjusted <= alpha:
        finding = "better" if found["difference"] < 0 else "worse"
    about = (pair.model, pair.run, pair.other_model, pair.other_run, pair.horizon, pair.group, pair.picked_from)
    return Pair(*about, names=pair.names, finding=finding, p_adjusted=p_adjusted, **found)


def _tested(panel: LossPanel, pair: ModelPair, *, same: bool) -> dict[str, Any]:
    """Difference with interval, p-values and note of one pair, which may be of the same forecasts."""
    nothing = dict.fromkeys(("difference", "low", "high", "p_value", "p_other_loss"))
    if same:
        return {**nothing, "note": "the same forecasts"}
    losses = [panel.loss(name) for name in (*pair.names, panel.rival)]
    primary, needed = panel.primary_test, differences_needed(panel.horizon)
    if losses[0].size < needed:
        return {**nothing, "note": f"{losses[0].size} loss differences, at least {needed} are needed"}
    effect = difference(losses[0], losses[1], losses[2], panel.horizon, primary)
    if not effect:
        return {**nothing, "note": "the rival makes no error to compare with"}
    try:
        p_value = primary.run(losses[0], losses[1], horizon=panel.horizon).p_value
    except UndefinedTest as error:
        return {**nothing, **effect, "note": str(error)}
    return {**nothing, **effect, "p_value": p_value, "p_other_loss": _p_other_loss(panel, pair), "note": ""}


def _p_other_loss(panel: LossPanel, pair: ModelPair) -> float | None:
    """P-value for the second loss of the question, None where there is none or the test is undefined."""
    if len(panel.question.losses) < 2:
        return None
    first, second = (panel.loss(name, panel.question.losses[1]) for name in pair.names)
    try:
        return panel.primary_test.run(first, second, horizon=panel.horizon).p_value
    except UndefinedTest:
        return None
