"""A table of expressions over a few bars as something to be audited, and the witness that an audit of it finds."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from backtest.audit.recompute import Probe
from backtest.audit.search import Search
from backtest.data.reading.synthetic import make
from backtest.data.records.audit import Witness

BARS = make(200, seed=1, symbol="A")
CLOSE, TIME = pl.col("close"), pl.col("time")


def probe_of(exprs: pl.Expr | Mapping[str, pl.Expr], frame: pl.DataFrame = BARS) -> Probe:
    """A table of expressions, one of them alone being `x`, computed from bars."""
    named = exprs if isinstance(exprs, Mapping) else {"x": exprs}
    return Probe.of(lambda changed: changed.select("symbol", "time", **named), frame)


def only_witness(found: Search, column: str = "x") -> Witness:
    """Witness of the leak of a column, the only leak that was found."""
    assert list(found.leaks) == [column]
    witness = found.leaks[column].witness
    assert witness
    assert witness.column == column
    return witness
