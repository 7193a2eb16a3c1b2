"""What must hold for bars: one row of a table per rule, counted for all bars of a file in a single Polars query."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from backtest.data.errors import (
    DataError,
    InconsistentPrices,
    MissingValue,
    NegativeVolume,
    NonPositivePrice,
    NotFinite,
    Unsorted,
)
from backtest.data.reading.formats import PRICES
from backtest.data.reading.problems import Table, problem
from backtest.data.schema import BARS

NUMBERS = tuple(column.name for column in BARS.columns if column.dtype == pl.Float64)
AMOUNTS = ("volume", "quote_volume", "trades", "taker_buy_volume")

# A single crash can be as deep as this; where many bars are, decimal points have been lost.
IMPLAUSIBLE_RATIO, IMPLAUSIBLE_SHARE, IMPLAUSIBLE_COUNT = 9.0, 0.01, 3


@dataclass(frozen=True, slots=True)
class Check:
    """A rule: which rows break it (null counts as no), and the words of the error. `got` is formatted with the row."""

    kind: type[DataError]
    column: str
    broken: pl.Expr
    what: str
    expected: str
    remedy: str
    got: str

    def report(self, table: Table) -> DataError:
        """Word the rows of `table` that break the rule; there must be some."""
        broken = table.frame.filter(self.broken)
        return problem(self.kind, table, self.column, broken, self.what, self.expected, self.remedy, self.got)


def rules(frame: pl.DataFrame) -> list[Check]:
    """Return the rules for the columns that `frame` has; each row can be judged alone, or by the row before it.

    NaN is greater than every number in Polars, so each comparison also asks for finite values.
    """
    columns = frame.columns
    found = [_missing(name) for name in BARS.names]
    found += [_not_finite(name) for name in NUMBERS if name in columns]
    found += [_not_positive(name) for name in PRICES]
    found += [_negative(name) for name in AMOUNTS if name in columns]
    return [*found, *_inconsistent(), _unsorted(frame)]


def _missing(name: str) -> Check:
    remedy = "fill in the value or delete the row"
    return Check(MissingValue, name, pl.col(name).is_null(), "no value", "a value in every row", remedy, "nothing")


def _not_finite(name: str) -> Check:
    broken, remedy = ~pl.col(name).is_finite(), "fill in the value or delete the row"
    return Check(NotFinite, name, broken, "NaN or infinity", "a finite number", remedy, f"{{{name}}}")


def _not_positive(name: str) -> Check:
    broken = pl.col(name).is_finite() & (pl.col(name) <= 0)
    remedy = "correct the price or delete the row"
    return Check(NonPositivePrice, name, broken, "price not above zero", "a price > 0", remedy, f"{{{name}}}")


def _negative(name: str) -> Check:
    remedy = "correct the amount or delete the row (zero is allowed)"
    broken = pl.col(name) < 0 if name == "trades" else pl.col(name).is_finite() & (pl.col(name) < 0)
    return Check(NegativeVolume, name, broken, "amount below zero", "an amount >= 0", remedy, f"{{{name}}}")


def _inconsistent() -> list[Check]:
    """Rules for the four prices of a bar, where all four are prices at all."""
    opened, high, low, close = (pl.col(name) for name in PRICES)
    sound = pl.all_horizontal(pl.col(name).is_finite() & (pl.col(name) > 0) for name in PRICES)
    got, remedy = "open {open}, high {high}, low {low}, close {close}", "correct the prices or delete the row"
    below = sound & (high < pl.max_horizontal(opened, low, close))
    above = sound & (low > pl.min_horizontal(opened, close))
    ratio = sound & (high > IMPLAUSIBLE_RATIO * low)
    enough = ratio.sum() >= pl.max_horizontal(IMPLAUSIBLE_COUNT, IMPLAUSIBLE_SHARE * pl.len())
    kind = InconsistentPrices
    return [
        Check(kind, "high", below, "below another price of the bar", "high >= open, low and close", remedy, got),
        Check(kind, "low", above, "above another price of the bar", "low <= open and close", remedy, got),
        Check(
            kind,
            "high",
            ratio & enough,
            f"more than {IMPLAUSIBLE_RATIO:g} times the low, as where decimal points are lost,",
            "this of a rare crash at most",
            "take the file again from its source",
            got,
        ),
    ]


def _unsorted(frame: pl.DataFrame) -> Check:
    """Times go back, within one instrument."""
    back = pl.col("time").diff() < pl.duration()
    several = frame.height > 0 and frame["symbol"].n_unique() > 1
    return Check(
        Unsorted,
        "time",
        back.over("symbol") if several else back,
        "earlier than the row before",
        "ascending times",
        "sort the file by time",
        "{time:%Y-%m-%d %H:%M}",
    )


def check_rows(table: Table) -> list[DataError]:
    """Return the problems of the bars of one file that a single row, or its neighbour, shows."""
    checks = rules(table.frame)
    counts = table.frame.select(check.broken.sum().alias(str(number)) for number, check in enumerate(checks)).row(0)
    return [check.report(table) for check, count in zip(checks, counts, strict=True) if count]
