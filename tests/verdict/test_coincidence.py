"""Test rows are recognised whatever their file is called, however its prices are scaled, and others are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from backtest.data.question import Question
from backtest.data.reading.synthetic import make_bars
from backtest.evaluation.loss_panel import LossPanel
from backtest.verdict.coincidence import BARS, Rows, bar_rows, height, rows_of, share, share_within
from tests.support.forecasts import panels, random_forecasts

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
N = 3_000
(PANEL,) = panels(random_forecasts(3, n=N))
Floats = npt.NDArray[np.float64]
NOISE = np.random.default_rng(5).standard_normal((2, N))


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
    assert share(rows(signs[0]), rows(signs[1])) == pytest.approx(0, abs=0.01)
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
    assert set(rows(returns=returns())) == {BARS, "log_return@1/2"}
    empty = returns().with_columns(bar_return=pl.lit(None, pl.Float64))
    assert set(rows(returns=empty)) == {"log_return@1/2"}


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
    bars = make_bars(3_000, seed=2)
    value = bars.select("symbol", "time", bar_return=pl.col("close").log().diff())
    tested = replace(PANEL, rows=bars.slice(1_000, 1_500).select("symbol", "time", y="close"))
    found = bar_rows(bars.with_columns(symbol=pl.lit("x")), HOUR)
    assert share(rows_of([tested], HOUR, value), found) == pytest.approx(1, abs=0.15)


def daily(closes: Floats, after: timedelta = timedelta()) -> Rows:
    """The rows of daily bars with these closes, labelled so long after midnight."""
    times = pl.Series(np.arange(closes.size)).cast(pl.Int64) * (DAY // timedelta(microseconds=1))
    bars = pl.DataFrame({"time": times.cast(pl.Datetime("us", "UTC")) + after, "close": closes})
    return bar_rows(bars.with_columns(symbol=pl.lit("x")), DAY)


def closes(price: float, noise: Floats = NOISE[0]) -> Floats:
    """Prices with a volatility of 1 % a day that end where they began."""
    path = np.cumsum(noise) * 0.01
    return price * np.exp(path - np.linspace(0, path[-1], N))


@pytest.mark.parametrize(("price", "least"), [(10, 0.25), (50, 0.7), (200, 0.9), (1_000, 0.95)])
@pytest.mark.parametrize("cents", [False, True])
def test_prices_that_were_adjusted_and_rounded_again_are_the_same(price: float, least: float, cents: bool) -> None:
    before = closes(price).round(2) if cents else closes(price)
    assert (share(daily(before), daily((before * 0.9873).round(2))) or 0) > least


@pytest.mark.parametrize(
    "again",
    [
        daily(closes(10).round(4)),
        daily(closes(10).astype(np.float32).astype(float) * 3),
        daily(closes(10)[:-1]),
        daily(closes(10)[N // 8 :], DAY * (N // 8)),
        daily(closes(10), timedelta(hours=5)),
        daily(closes(10), timedelta(hours=-2)),
    ],
    ids=[
        "four decimals",
        "float32",
        "a bar less",
        "an eighth less",
        "labelled 05:00",
        "labelled 22:00 of the day before",
    ],
)
def test_the_same_prices_in_another_file_are_the_same(again: Rows) -> None:
    assert (share(daily(closes(10)), again) or 0) > 0.9


@pytest.mark.parametrize(("correlation", "most"), [(0.0, 0.01), (0.85, 0.05)])
def test_markets_that_move_together_are_not_the_same(correlation: float, most: float) -> None:
    other = correlation * NOISE[0] + np.sqrt(1 - correlation**2) * NOISE[1]
    assert (share(daily(closes(50)), daily(closes(50, other))) or 0) < most


def seldom(noise: Floats) -> Floats:
    """A rate that is set anew on every thirtieth day or so."""
    return np.cumsum(np.where(np.abs(np.roll(noise, 7)) > 2.1, np.sign(noise) * 0.25, 0))


@pytest.mark.parametrize(
    "outcome",
    [
        lambda noise: np.sign(noise),
        lambda noise: np.log(noise**2),
        lambda noise: np.convolve(noise, np.ones(22), "same"),
        lambda noise: np.cumsum(noise),
        seldom,
        lambda noise: np.diff(seldom(noise), prepend=0),
        lambda noise: np.where(np.roll(noise, 7) > 1.3, noise, 0),
    ],
    ids=["direction", "variance", "22 bars", "level", "level that seldom moves", "its change", "illiquid"],
)
def test_outcomes_of_any_kind_are_the_same_at_another_scale_and_those_of_other_data_are_not(
    outcome: Callable[[Floats], Floats],
) -> None:
    one, other = (PANEL.rows.with_columns(y=pl.Series(outcome(noise))) for noise in NOISE)
    known = rows(replace(PANEL, rows=one))
    assert share(rows(replace(PANEL, rows=one.with_columns(pl.col("y") * 3))), known) == 1
    assert (share(rows(replace(PANEL, rows=other)), known) or 0) < 0.05


def test_the_share_within_is_that_of_the_first() -> None:
    tenth = rows(part(last=N // 10))
    assert share_within(rows(), tenth) == pytest.approx(0.1, abs=0.02)
    assert share_within(tenth, rows()) == pytest.approx(1, abs=0.1)
    assert share_within(rows(), {}) is None
    assert [height(each) for each in (rows(), tenth, {})] == [N, N // 10, 0]


def test_rows_that_an_earlier_version_hashed_are_not_compared() -> None:
    assert share({"bars": rows()["log_return@1/2"]}, rows(returns=returns())) is None
