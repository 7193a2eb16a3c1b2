"""P-values are adjusted with all that was tried, and the same test made again counts once."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data import result_tables
from backtest.data.records.verdict import Claim
from backtest.significance.multiple_testing import holm
from backtest.significance.sharpe_ratio import deflated_sharpe, probabilistic_sharpe, sharpe
from backtest.verdict.multiple_testing import Family, Tried, deflate
from tests.verdict.test_ledger import tried

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def family(p_values: list[float], others: list[float] | None = None) -> Family:
    """The family of models m0, m1, ... with these p-values, beside those of other configurations."""
    rows = [{"model": f"m{k}", "horizon": 1, "p_value": p, "p_worse": 1 - p} for k, p in enumerate(p_values)]
    tried = frozenset(((f"o{k}", 1), p) for k, p in enumerate(others or []))
    return Family.of(rows, Tried(2 if others else 1, tried, frozenset((key, 1 - p) for key, p in tried)), "holm")


@given(P_VALUES, P_VALUES)
def test_the_adjustment_runs_over_own_and_others(own: list[float], others: list[float]) -> None:
    expected = holm([*own, *others])[: len(own)].tolist()
    found = family(own, others)
    assert [found.adjusted((f"m{k}", 1)) for k in range(len(own))] == expected
    assert [claim.p_adjusted for claim in found.claims] == expected
    assert found.size == len(own) + len(others)


@given(P_VALUES, P_VALUES)
def test_more_trials_never_make_a_p_smaller(own: list[float], others: list[float]) -> None:
    alone, among = family(own), family(own, others)
    for k in range(len(own)):
        assert (among.adjusted((f"m{k}", 1)) or 0) >= (alone.adjusted((f"m{k}", 1)) or 0)


def test_the_same_test_made_again_counts_once() -> None:
    rows = [{"model": "ar", "horizon": 1, "p_value": 0.2, "p_worse": 0.8}]
    again = Tried(2, frozenset([(("ar", 1), 0.2), (("ar", 5), 0.2)]))
    assert Family.of(rows, again, "holm").size == 2


def test_what_is_undefined_makes_no_claim() -> None:
    rows = [
        {"model": "idle", "horizon": 1, "p_value": None, "p_worse": None},
        {"model": "net", "horizon": 1, "p_value": 0.03, "p_worse": 0.97},
    ]
    found = Family.of(rows, Tried(), "holm")
    assert (found.adjusted(("idle", 1)), found.size) == (None, 1)
    assert found.claims == (Claim("net", 1, 0.03, 0.03),)
    assert Family.of(rows[:1], Tried(), "holm").size == 1


def dropped(p_values: dict[int, dict[str, float | None]]) -> pl.DataFrame:
    """DROPPED of these p-values by fold and model."""
    rows: list[dict[str, Any]] = [
        {"model": model, "horizon": 1, "fold": fold, "p_value": p, "p_worse": None if p is None else 1 - p}
        for fold, models in p_values.items()
        for model, p in models.items()
    ]
    return pl.DataFrame(rows, schema=result_tables.DROPPED.dtypes)


def test_the_worst_fold_is_the_one_without_which_the_adjusted_p_is_largest() -> None:
    table = dropped({0: {"m0": 0.01, "m1": 0.5}, 1: {"m0": 0.04, "m1": 0.001}, 2: {"m0": 0.02, "m1": 0.6}})
    found = family([0.01, 0.5])
    assert found.without_a_fold(table, ("m0", 1), worse=False) == (0.04, 1)
    assert found.without_a_fold(table, ("m1", 1), worse=False) == (0.6, 2)
    assert found.without_a_fold(table, ("m2", 1), worse=False) == (None, None)


def test_a_test_that_is_undefined_without_a_fold_does_not_survive_it() -> None:
    table = dropped({0: {"m0": 0.01}, 1: {"m0": None}})
    assert family([0.01]).without_a_fold(table, ("m0", 1), worse=False) == (1.0, 1)


def test_a_seed_alone_takes_the_place_of_its_model_in_the_family() -> None:
    rows = [("m0", 0, 0.02), ("m0", 1, 0.6)]
    columns = {"skill": 0.1, "time_variance": None, "seed_variance": None}
    table = pl.DataFrame(
        [{"model": m, "seed": s, "horizon": 1, "p_value": p, "p_worse": 1 - p, **columns} for m, s, p in rows],
        schema=result_tables.SEEDS.dtypes,
    )
    seeds = family([0.9, 0.03]).by_seed(table, ("m0", 1))
    assert [seed["p_adjusted"] for seed in seeds] == pytest.approx([0.04, 0.6])
    assert [seed["p_worse_adjusted"] for seed in seeds] == pytest.approx([1.0, 0.8])


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
