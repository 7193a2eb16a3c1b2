"""Forecasts that do not pair are refused by name; a row is never dropped."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import NotFinite, UnpairedForecasts, WrongSchema
from backtest.evaluation.matched_forecasts import match_forecasts
from tests.support.forecasts import random_forecasts

FORECASTS = random_forecasts(1, n=40)
LSTM_1 = (pl.col("model") == "lstm") & pl.col("seed").eq_missing(1)
ROW = pl.int_range(pl.len()).over("model", "seed")


def changed(where: pl.Expr, **values: pl.Expr) -> pl.DataFrame:
    """The forecasts with other values in some rows."""
    return FORECASTS.with_columns(
        pl.when(where).then(value).otherwise(pl.col(name)).alias(name) for name, value in values.items()
    )


def test_each_row_gets_what_the_baselines_forecast_for_it() -> None:
    paired = match_forecasts(FORECASTS)
    assert paired.height == FORECASTS.height
    assert (paired["zero"] == 0).all()
    for rows in paired.partition_by("model", "seed"):
        assert rows["naive"].to_list() == [0.001, *rows["y"][:-1]]


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    assert match_forecasts(FORECASTS.sample(fraction=1, shuffle=True, seed=seed)).equals(match_forecasts(FORECASTS))


@given(st.sets(st.integers(0, 39), min_size=1, max_size=39))
def test_rows_missing_in_one_fit_are_refused_with_model_seed_fold_time_and_count(lost: set[int]) -> None:
    first = f"2020-01-{1 + min(lost) // 24:02} {min(lost) % 24:02}:00 UTC"
    message = (
        rf"missing that zero has: lstm, seed 1, fold {min(lost) // 10}, BTCUSDT, {first} \(rows in all: {len(lost)}\)"
    )
    with pytest.raises(UnpairedForecasts, match=message):
        match_forecasts(FORECASTS.filter(~(LSTM_1 & ROW.is_in(list(lost)))))


def test_rows_that_zero_lacks_are_refused() -> None:
    with pytest.raises(UnpairedForecasts, match=r"zero has no such forecast: lstm, fold 0, .*rows in all: 25"):
        match_forecasts(FORECASTS.filter((pl.col("model") != "zero") | (ROW >= 5)))


def test_a_row_that_stands_twice_is_refused_even_in_another_fold() -> None:
    again = FORECASTS.filter(pl.col("model") == "ridge").head(2)
    with pytest.raises(UnpairedForecasts, match=r"a forecast is repeated: ridge, fold 0, .*rows in all: 2"):
        match_forecasts(pl.concat([FORECASTS, again]))
    with pytest.raises(UnpairedForecasts, match="a forecast is repeated: ridge"):
        match_forecasts(pl.concat([FORECASTS, again.with_columns(pl.col("fold") + 1)]))
    with pytest.raises(UnpairedForecasts, match="a forecast is repeated: zero"):
        match_forecasts(pl.concat([FORECASTS, FORECASTS.filter(pl.col("model") == "zero")]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("y", pl.col("y") + 1e-17),
        ("fold", pl.col("fold") + 1),
        ("target_time", pl.col("target_time") + timedelta(hours=1)),
    ],
)
def test_another_outcome_fold_or_target_time_for_the_same_row_is_refused(name: str, value: pl.Expr) -> None:
    where = LSTM_1 & (pl.col("y").abs() == pl.col("y").abs().min())
    with pytest.raises(UnpairedForecasts, match=r"differ from those of zero: lstm, seed 1, .*rows in all: 1\)"):
        match_forecasts(changed(where, **{name: value}))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_forecast_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(
        NotFinite,
        match=r"log return: not finite, or outside of -1e\+06 to 1e\+06: lstm, seed 1, fold 0, .*rows in all: 3\)",
    ):
        match_forecasts(changed(LSTM_1 & (ROW < 3), y_hat=pl.lit(bad)))
    with pytest.raises(WrongSchema, match="y_hat must not be null"):
        match_forecasts(changed(LSTM_1, y_hat=pl.lit(None)))


@pytest.mark.parametrize("model", ["zero", "naive", "lstm"])
def test_a_missing_baseline_or_mean_over_seeds_is_refused(model: str) -> None:
    with pytest.raises(UnpairedForecasts, match=rf"without a seed \(the mean over seeds\) are missing for {model}:"):
        match_forecasts(FORECASTS.filter((pl.col("model") != model) | pl.col("seed").is_not_null()))


def test_no_forecasts_at_all_are_refused() -> None:
    with pytest.raises(UnpairedForecasts, match="are missing for naive, zero"):
        match_forecasts(FORECASTS.clear())


def test_times_that_are_not_forecast_at_every_horizon_are_refused_with_the_first_and_their_number() -> None:
    later = FORECASTS.with_columns(horizon=pl.lit(5, pl.Int32))
    assert match_forecasts(pl.concat([FORECASTS, later])).height == 2 * FORECASTS.height
    with pytest.raises(
        UnpairedForecasts,
        match=r"at all of the horizons 1, 5: BTCUSDT, 2020-01-02 12:00 UTC has 1 only \(times in all: 4\)\. Leave out",
    ):
        match_forecasts(pl.concat([FORECASTS, later.filter(ROW < 36)]))
