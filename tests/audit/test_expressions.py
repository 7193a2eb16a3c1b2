"""The audit of features on random expression trees: causal ones pass, and a leak planted anywhere is found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backtest.audit import assert_causal
from backtest.audit.assertion import THOROUGH
from backtest.audit.counterexample import Search
from backtest.audit.features import Effort, check_features
from backtest.audit.lookback import Lookback
from backtest.audit.recompute import Computation
from backtest.data.errors import LeakError
from backtest.data.reading.synthetic import make_bars
from backtest.data.records.audit import Counterexample
from tests.support.computations import only_counterexample
from tests.support.expressions import HOUR, PRICES, Planted, Tree, alive, planted, trees
from tests.support.selection import examples
from tests.support.strategies import bars

FACTORS = (1e6, -1e6, 1.3, 0.7, float("nan"))
FRAMES = bars(60, 150, holes=True)


def search(frame: pl.DataFrame, trees: Mapping[str, Tree], effort: Effort = THOROUGH) -> Search:
    """Search a table of trees for reads of later bars."""
    exprs = {name: tree.expr for name, tree in trees.items()}
    lookbacks = {name: Lookback(tree.lookback) for name, tree in trees.items() if tree.lookback is not None}
    return check_features(
        Computation.of(lambda changed: changed.select("symbol", "time", **exprs), frame), lookbacks, effort
    )


def instants(counterexample: Counterexample) -> tuple[datetime, datetime]:
    """The bar whose value is wrong, and the one that it reads."""
    assert counterexample.reads
    return datetime.fromisoformat(counterexample.time), datetime.fromisoformat(counterexample.reads)


def changed_at(reads: datetime, frame: pl.DataFrame, kind: str) -> list[pl.DataFrame]:
    """The bars without those from `reads` on, or with other numbers in this one bar alone."""
    if kind == "removed":
        return [frame.filter(pl.col("time") < reads)]
    there, numbers = pl.col("time") == reads, (*PRICES, "volume")
    return [
        frame.with_columns(
            pl.when(there).then(factor * (pl.col(name) + 1)).otherwise(name).alias(name) for name in numbers
        )
        for factor in FACTORS
    ]


def is_true(counterexample: Counterexample, expr: pl.Expr, frame: pl.DataFrame) -> bool:
    """Whether the value of a counterexample changes with that one bar, and the distance is right."""
    time, reads = instants(counterexample)
    times = frame["time"].to_list()
    assert counterexample.ahead == times.index(reads) - times.index(time) > 0
    values = [
        one.select("time", value=expr).filter(time=time)["value"]
        for one in [frame, *changed_at(reads, frame, str(counterexample.perturbation))]
    ]
    return any(value.ne_missing(values[0]).all() for value in values[1:])


@given(trees(), FRAMES | bars(40, 80, holes=True, symbols=2))
@example(Tree("hour", HOUR).under("ewm_mean", 4), make_bars(100))
@examples(30)
def test_a_tree_of_causal_blocks_passes(tree: Tree, frame: pl.DataFrame) -> None:
    assert_causal(tree.expr, frame, lookback=tree.lookback)


@given(planted(), FRAMES)
@examples(40)
def test_a_leak_planted_anywhere_is_found_and_its_counterexample_is_true(case: Planted, frame: pl.DataFrame) -> None:
    clean, leaky = case.clean, case.leaky
    counterexample = only_counterexample(search(frame, {"tree": leaky}), "tree")
    assert is_true(counterexample, leaky.expr, frame)
    assert case.reach is None or (counterexample.ahead or 0) <= case.reach
    with pytest.raises(LeakError, match=r"reads the future\n  .* of S0 at .* reads the bar of .*, \d+ bars? ahead"):
        assert_causal(leaky.expr, frame, lookback=leaky.lookback)
    assert_causal(clean.expr, frame, lookback=clean.lookback)


@pytest.mark.slow
@given(st.lists(trees(), min_size=1, max_size=3), planted(), FRAMES, st.data())
@examples(20)
def test_among_several_columns_the_counterexample_names_the_leaking_one(
    clean: list[Tree], case: Planted, frame: pl.DataFrame, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(clean)))
    several = [*clean[:place], case.leaky, *clean[place:]]
    found = search(frame, {f"x{number}": tree for number, tree in enumerate(several)})
    assert only_counterexample(found, f"x{place}").ahead


@given(alive(), bars(80, 150), st.integers(1, 4), st.data())
@examples(40)
def test_a_leak_at_a_single_bar_is_found_by_the_grid_anywhere(
    tree: Tree, frame: pl.DataFrame, k: int, data: st.DataObject
) -> None:
    place = data.draw(st.integers(tree.lookback or 0, frame.height - 1 - k))
    there = pl.col("time") == frame["time"][place]
    leaky = Tree(f"there {tree.text}", pl.when(there).then(tree.expr.shift(-k)).otherwise(tree.expr), tree.lookback)
    counterexample = only_counterexample(search(frame, {"tree": leaky}, Effort(cuts=0, grids=400)), "tree")
    assert instants(counterexample)[0] == frame["time"][place]
    assert is_true(counterexample, leaky.expr, frame)


@given(trees(), bars(60, 100), st.integers(0, 3))
@examples(15)
def test_the_search_is_deterministic(tree: Tree, frame: pl.DataFrame, k: int) -> None:
    ahead = Tree(f"ahead {tree.text}", tree.expr.shift(-k), tree.lookback)
    one, other = (search(frame, {"tree": ahead}) for _ in range(2))
    assert (one.leaks, one.notes, one.tried) == (other.leaks, other.notes, other.tried)
