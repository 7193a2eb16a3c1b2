"""P-values are adjusted with all that was tried, and the same test made again counts once."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data import result_tables
from backtest.data.names import MAX_T
from backtest.data.records.verdict import Claim
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.multiple_testing import holm
from backtest.significance.sharpe_ratio import deflated_sharpe, probabilistic_sharpe, sharpe
from backtest.significance.stepdown import Hypothesis
from backtest.verdict.family import Family, Key, Known, Tried, p_values
from backtest.verdict.multiple_testing import deflate
from backtest.verdict.rule import status_of
from tests.verdict.test_ledger import tried

P_COLUMNS = ("p_value", "p_worse", "p_weighted", "p_weighted_worse")
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def family(own: list[float], others: list[float] | None = None) -> Family:
    """The family of models m0, m1, ... with these p-values, beside those of other configurations."""
    better = {Key(f"m{k}", 1): p for k, p in enumerate(own)}
    tried = frozenset((Key(f"o{k}", 1), p) for k, p in enumerate(others or []))
    about = Tried(2 if others else 1, tried, frozenset((key, 1 - p) for key, p in tried)), "holm"
    return Family(better, {key: 1 - p for key, p in better.items()}, *about)


def adjusted(found: Family, model: str) -> float | None:
    """Its adjusted p-value of being better."""
    return found.of_model(model, 1).better.get("")


@given(P_VALUES, P_VALUES)
def test_the_adjustment_runs_over_own_and_others(own: list[float], others: list[float]) -> None:
    expected = holm([*own, *others])[: len(own)].tolist()
    found = family(own, others)
    assert [adjusted(found, f"m{k}") for k in range(len(own))] == expected
    assert [claim.p_adjusted for claim in found.claims] == expected
    assert found.size == len(own) + len(others)


@given(P_VALUES, P_VALUES)
def test_more_trials_never_make_a_p_smaller(own: list[float], others: list[float]) -> None:
    alone, among = family(own), family(own, others)
    for k in range(len(own)):
        assert (adjusted(among, f"m{k}") or 0) >= (adjusted(alone, f"m{k}") or 0)


def test_the_same_test_made_again_counts_once() -> None:
    again = Tried(2, frozenset([(Key("ar", 1), 0.2), (Key("ar", 5), 0.2), (Key("ar", 1, "weighted"), 0.2)]))
    assert Family({Key("ar", 1): 0.2}, {Key("ar", 1): 0.8}, again, "holm").size == 3


def test_what_is_undefined_makes_no_claim() -> None:
    rows = [
        {"model": "idle", "horizon": 1, **dict.fromkeys(P_COLUMNS)},
        {"model": "net", "horizon": 1, **dict.fromkeys(P_COLUMNS), "p_value": 0.03, "p_worse": 0.97},
    ]
    found = Family(*p_values(rows), Tried(), "holm")
    assert (adjusted(found, "idle"), found.size) == (None, 1)
    assert found.claims == (Claim("net", 1, 0.03, 0.03, 0.97),)
    assert Family(*p_values(rows[:1]), Tried(), "holm").size == 1


def test_both_losses_are_one_family_and_either_makes_the_claim() -> None:
    rows = [{"model": "net", "horizon": 1, "p_value": 0.2, "p_worse": 0.8, "p_weighted": 0.01, "p_weighted_worse": 0.9}]
    found = Family(*p_values(rows), Tried(), "holm")
    assert found.size == 2
    assert found.of_model("net", 1).better == {"": 0.2, "weighted": 0.02}
    assert status_of(None, found.of_model("net", 1), 0.05) == "better"
    rows[0] |= {"p_value": 0.99, "p_worse": 0.001}
    contradicting = Family(*p_values(rows), Tried(), "holm").of_model("net", 1)
    assert contradicting.worse[""] <= 0.05
    assert status_of(None, contradicting, 0.05) == "no evidence"


@pytest.mark.parametrize(("p_value", "status"), [(0.49, "better"), (0.51, "no evidence")])
def test_a_claim_needs_the_other_loss_to_point_the_same_way(p_value: float, status: str) -> None:
    rows = [{"model": "net", "horizon": 1, "p_value": p_value, "p_worse": 1 - p_value}]
    rows[0] |= {"p_weighted": 0.001, "p_weighted_worse": 0.999}
    found = Family(*p_values(rows), Tried(), "holm").of_model("net", 1)
    assert found.better["weighted"] <= 0.05
    assert status_of(None, found, 0.05) == status


def dropped(p_values: dict[int, dict[str, float | None]]) -> pl.DataFrame:
    """DROPPED of these p-values by fold and model."""
    rows: list[dict[str, Any]] = [
        {"model": model, "horizon": 1, "fold": fold, "p_value": p, "p_worse": None if p is None else 1 - p}
        | {"p_weighted": None, "p_weighted_worse": None}
        for fold, models in p_values.items()
        for model, p in models.items()
    ]
    return pl.DataFrame(rows, schema=result_tables.DROPPED.dtypes)


def test_the_worst_fold_is_the_one_without_which_the_adjusted_p_is_largest() -> None:
    table = dropped({0: {"m0": 0.01, "m1": 0.5}, 1: {"m0": 0.04, "m1": 0.001}, 2: {"m0": 0.02, "m1": 0.6}})
    found = family([0.01, 0.5])
    assert found.without_a_fold(table, "m0", 1, worse=False) == (0.04, 1)
    assert found.without_a_fold(table, "m1", 1, worse=False) == (0.6, 2)
    assert found.without_a_fold(table, "m2", 1, worse=False) == (None, None)


def test_a_test_that_is_undefined_without_a_fold_does_not_survive_it() -> None:
    table = dropped({0: {"m0": 0.01}, 1: {"m0": None}})
    assert family([0.01]).without_a_fold(table, "m0", 1, worse=False) == (1.0, 1)


def test_a_seed_alone_takes_the_place_of_its_model_in_the_family() -> None:
    rows = [("m0", 0, 0.02), ("m0", 1, 0.6)]
    columns = {"skill": 0.1, "time_variance": None, "seed_variance": None, "p_weighted": None, "p_weighted_worse": None}
    table = pl.DataFrame(
        [{"model": m, "seed": s, "horizon": 1, "p_value": p, "p_worse": 1 - p, **columns} for m, s, p in rows],
        schema=result_tables.SEEDS.dtypes,
    )
    seeds = family([0.9, 0.03]).by_seed(table, "m0", 1)
    assert [seed.better[""] for seed in seeds] == pytest.approx([0.04, 0.6])
    assert [seed.worse[""] for seed in seeds] == pytest.approx([1.0, 0.8])


def test_the_sharpe_ratio_is_deflated_by_all_strategies_tried_and_their_variance() -> None:
    found = sharpe(np.random.default_rng(2).normal(0.05, 1, 2000))
    own = [found.ratio, -0.02]
    before = [tried(2, sharpes={"lstm@1": 0.01, "gru@1": -0.03}), tried(3, sharpes={"lstm@1": 0.0})]
    ratios = [found.ratio, -0.02, 0.01, -0.03, 0.0]
    assert deflate(found, own, before) == pytest.approx(
        deflated_sharpe(found, 5, float(np.var(ratios, ddof=1))), abs=1e-15
    )
    alone = deflate(found, own, [])
    assert alone == pytest.approx(deflated_sharpe(found, 2, float(np.var(ratios[:2], ddof=1))), abs=1e-15)
    assert deflate(found, own, before, unreadable=3) < deflate(found, own, before) < probabilistic_sharpe(found)


def test_a_single_strategy_has_nothing_to_be_deflated_by() -> None:
    found = sharpe(np.random.default_rng(2).normal(0.05, 1, 500))
    assert deflate(found, [found.ratio], []) == probabilistic_sharpe(found)
    assert deflate(found, [found.ratio], [tried(2, sharpes={})]) == probabilistic_sharpe(found)


def twins(count: int, *, known: bool) -> tuple[Family, Key]:
    """The family of one model after `count` other configurations that forecast nearly the same."""
    rng, n = np.random.default_rng(3), 1_000
    common = rng.standard_normal(n) - 0.075
    series = [common + 0.1 * rng.standard_normal(n) for _ in range(count + 1)]
    tests = [diebold_mariano(each, np.zeros(n), alternative="less").p_value for each in series]
    hypotheses = [Hypothesis(each, np.arange(n), 1) for each in series]
    own, key = Key("lstm", 1), Key("lstm", 1)
    others = [Known(key, p, 1 - p, one) for p, one in zip(tests[1:], hypotheses[1:], strict=True)]
    unknown = frozenset((key, one.better) for one in others), frozenset((key, one.worse) for one in others)
    tried_ = Tried(count + 1, known=tuple(others)) if known else Tried(count + 1, *unknown)
    return Family.of({own: tests[0]}, {own: 1 - tests[0]}, tried_, MAX_T, {own: hypotheses[0]}), own


def test_near_twins_cost_hardly_more_than_one_where_their_losses_are_known_and_as_holm_says_where_not() -> None:
    (family, own), (blind, _) = twins(20, known=True), twins(20, known=False)
    alone = family.better[own]
    with_losses, without = family.adjust(family.better)[own], blind.adjust(blind.better)[own]
    assert with_losses < 2.5 * alone
    assert without == pytest.approx(holm([alone, *(p for _, p in blind.tried.better)])[0])
    assert without > 6 * alone
    assert family.size == blind.size == 21
    assert family.level(0.05) > 3 * blind.level(0.05)
    assert family.adjust(family.worse, worse=True)[own] >= 1 - alone


def test_a_test_that_a_run_repeats_costs_nothing() -> None:
    family, own = twins(1, known=True)
    (other,) = family.tried.known
    again = Family.of({own: other.better}, {own: other.worse}, family.tried, MAX_T, {own: other.hypothesis})
    assert again.size == 1
    assert again.adjust(again.better) == {own: other.better}
