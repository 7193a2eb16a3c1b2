"""A table of expressions over a few bars to be audited, and the counterexample that an audit finds."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from backtest.audit.counterexample import Search
from backtest.audit.recompute import Computation
from backtest.data.reading.synthetic import make_bars
from backtest.data.records.audit import Counterexample

BARS = make_bars(200, seed=1, symbol="A")
CLOSE, TIME = pl.col("close"), pl.col("time")


def computation_of(exprs: pl.Expr | Mapping[str, pl.Expr], frame: pl.DataFrame = BARS) -> Computation:
    """A table of expressions, one of them alone being `x`, computed from bars."""
    named = exprs if isinstance(exprs, Mapping) else {"x": exprs}
    return Computation.of(lambda changed: changed.select("symbol", "time", **named), frame)


def only_counterexample(found: Search, column: str = "x") -> Counterexample:
    """Counterexample of the leak of a column, the only leak that was found."""
    assert list(found.leaks) == [column]
    counterexample = found.leaks[column].counterexample
    assert counterexample
    assert counterexample.column == column
    return counterexample
