"""Test rows are recognised whatever their file is called and wherever the sample ends, and others are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from backtest.data.question import Question
from backtest.data.reading.synthetic import make_bars
from backtest.evaluation.loss_panel import LossPanel
from backtest.verdict.coincidence import BARS, Rows, bar_rows, rows_of, share
from tests.support.forecasts import panels, random_forecasts

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
N = 3_000
(PANEL,) = panels(random_forecasts(3, n=N))


def part(first: int = 0, last: int = N, *, symbol: str = "BTCUSDT", target: str = "log_return") -> LossPanel:
    """The panel of some of its rows, under another name."""
    rows = PANEL.rows.slice(first, last - first).with_columns(symbol=pl.lit(symbol))
    return replace(PANEL, rows=rows, question=Question(target=target))


def rows(panel: LossPanel = PANEL, interval: timedelta = HOUR, returns: pl.DataFrame | None = None) -> Rows:
    """Its rows as the ledger knows them."""
    return rows_of([panel], interval, returns)


def returns(panel: LossPanel = PANEL) -> pl.DataFrame:
    """Made-up returns of the bars, the same whatever is forecast."""
    values = np.random.default_rng(1).standard_normal(N)
    return panel.rows.select("symbol", "time", bar_return=pl.Series(values[: panel.rows.height]))


@pytest.mark.parametrize(
    ("panel", "expected", "error"),
    [
        (part(symbol="a_copy"), 1.0, 0.0),
        (part(last=N - 1), 1.0, 0.002),
        (part(last=N - 10), 1.0, 0.01),
        (part(last=N // 2), 1.0, 0.1),
        (part(first=N // 2), 1.0, 0.1),
        (part(first=700, last=1_000), 1.0, 0.5),
    ],
)
def test_rows_are_the_same_under_another_name_and_with_more_or_fewer_of_them(
    panel: LossPanel, expected: float, error: float
) -> None:
    assert share(rows(panel), rows()) == pytest.approx(expected, abs=error)
    assert share(rows(), rows(panel)) == share(rows(panel), rows())


@pytest.mark.parametrize("shared", [0, 150, 750, 1_200])
def test_the_share_is_that_of_the_smaller(shared: int) -> None:
    first, second = part(last=1_500), part(first=1_500 - shared)
    assert share(rows(first), rows(second)) == pytest.approx(shared / 1_500, abs=0.08)


def test_other_data_at_the_same_times_are_not_the_same() -> None:
    (other,) = panels(random_forecasts(4, n=N))
    assert share(rows(other), rows()) == 0
    signs = [replace(each, rows=each.rows.with_columns(y=(pl.col("y") > 0).cast(float))) for each in (PANEL, other)]
    assert share(rows(signs[0]), rows(signs[1])) == pytest.approx(0, abs=0.06)
    assert share(rows(signs[0]), rows(signs[0])) == 1


def test_bars_of_another_length_are_other_rows() -> None:
    assert share(rows(), rows(interval=4 * HOUR)) == 0


def test_digits_that_a_file_has_lost_do_not_matter() -> None:
    shorter = replace(PANEL, rows=PANEL.rows.with_columns(pl.col("y").round_sig_figs(5)))
    assert (share(rows(shorter), rows()) or 0) > 0.9


def test_a_hole_in_every_month_leaves_the_other_rows_the_same() -> None:
    holes = replace(PANEL, rows=PANEL.rows.with_row_index().filter(pl.col("index") % 100 != 0).drop("index"))
    assert (share(rows(holes), rows()) or 0) > 0.6


def test_another_target_is_on_the_same_rows_where_their_bars_are_known() -> None:
    other = replace(part(target="direction"), rows=PANEL.rows.with_columns(y=pl.col("y").abs()))
    assert share(rows(other), rows()) is None
    assert share(rows(other, returns=returns()), rows(returns=returns())) == 1
    assert set(rows(returns=returns())) == {BARS, "log_return@1"}
    empty = returns().with_columns(bar_return=pl.lit(None, pl.Float64))
    assert set(rows(returns=empty)) == {"log_return@1"}


def test_symbols_that_are_exchanged_are_the_same_rows() -> None:
    def both(names: str) -> LossPanel:
        (second,) = panels(random_forecasts(4, n=N))
        renamed = [
            each.rows.with_columns(symbol=pl.lit(name)) for each, name in zip((PANEL, second), names, strict=True)
        ]
        return replace(PANEL, rows=pl.concat(renamed).sort("time", "symbol"))

    assert share(rows(both("AB")), rows(both("BA"))) == 1
    assert share(rows(both("AB")), rows()) == pytest.approx(1, abs=0.25)


def test_bars_are_found_by_their_prices() -> None:
    bars = make_bars(600, seed=2)
    value = bars.select("symbol", "time", bar_return=pl.col("close").log().diff())
    tested = replace(PANEL, rows=bars.slice(200, 300).select("symbol", "time", y="close"))
    assert share(rows_of([tested], DAY, value), bar_rows(bars.with_columns(symbol=pl.lit("x")), DAY)) == 1
