"""Tests of the intervals around forecasts: the right quantile of what was known, and coverage as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from backtest.data.question import Question
from backtest.data.result_tables import COVERAGE
from backtest.data.schema import FORECASTS, check
from backtest.data.summaries import empirical_coverage
from backtest.evaluation.conformal import LEVELS, coverage, half_width
from tests.support.forecasts import panels
from tests.support.strategies import HOUR, SEEDS, opens

Floats = NDArray[np.float64]


def forecasts(errors: Floats, folds: int, symbol: str = "S", *, horizon: int = 1, gap: int = 0) -> pl.DataFrame:
    """FORECASTS of one model whose errors (n,) are given, in folds of equal length with `gap` bars between them."""
    n = len(errors)
    fold = np.arange(n) * folds // n
    time = opens(n + folds * gap, HOUR).gather(np.arange(n) + fold * gap)
    y_hat = np.arange(n) % 5 / 64
    frame = pl.DataFrame({"fold": fold, "time": time, "y": y_hat + errors, "y_hat": y_hat}).with_columns(
        model=pl.lit("gru"),
        seed=None,
        symbol=pl.lit(symbol),
        horizon=pl.lit(horizon),
        target_time=pl.col("time") + HOUR * (1 + horizon),
    )
    return frame.select(pl.col(name).cast(kind) for name, kind in FORECASTS.dtypes.items())


def cover(rows: pl.DataFrame, interval: timedelta) -> pl.DataFrame:
    """COVERAGE of the models of a table; the references forecast the same rows."""
    origins = rows.filter(pl.col("seed").is_null()).unique(["symbol", "horizon", "time"])
    references = [origins.with_columns(model=pl.lit(name), y_hat=pl.lit(0.0)) for name in Question().references]
    return coverage(panels(pl.concat([rows, *references])), interval).filter(
        ~pl.col("model").is_in(Question().references)
    )


def drawn(seed: int, n: int) -> Floats:
    return np.random.default_rng(seed).standard_t(4, n) * 0.01


def by_hand(rows: pl.DataFrame, level: float, fold: int | None) -> tuple[int, float | None, int, int | None]:
    """n_before, half_width, n and covered by a loop over the rows of one model and symbol."""
    table = rows.to_dicts()
    tested = [row for row in table if row["fold"] == fold]
    now = min((row["time"] + HOUR for row in tested), default=None)
    known = sorted(abs(row["y"] - row["y_hat"]) for row in table if now is None or row["target_time"] <= now)
    if np.ceil((len(known) + 1) * level - 1e-9) > len(known):
        return len(known), None, len(tested), None
    width = float(np.quantile([*known, np.inf], level, method="inverted_cdf"))
    held = [row for row in tested if abs(row["y"] - row["y_hat"]) <= width]
    return len(known), width, len(tested), None if fold is None else len(held)


@given(SEEDS, st.integers(1, 80), st.integers(1, 6), st.integers(1, 3), st.sampled_from([0, 2]))
def test_the_table_is_what_a_plain_loop_finds(seed: int, n: int, folds: int, horizon: int, gap: int) -> None:
    rows = forecasts(drawn(seed, n), min(folds, n), horizon=horizon, gap=gap)
    found = check(cover(rows, HOUR), COVERAGE)
    assert found.height == len(LEVELS) * (min(folds, n) + 1)
    for row in found.iter_rows(named=True):
        expected = by_hand(rows, row["level"], row["fold"])
        assert (row["n_before"], row["half_width"], row["n"], row["covered"]) == expected


@given(SEEDS, st.integers(0, 300), st.sampled_from(LEVELS))
def test_the_half_width_is_the_quantile_of_the_errors_and_one_that_has_no_end(seed: int, n: int, level: float) -> None:
    errors = np.sort(np.abs(drawn(seed, n)))
    found = half_width(errors, level)
    quantile = float(np.quantile([*errors, np.inf], level, method="inverted_cdf"))
    assert found == (quantile if np.isfinite(quantile) else None)


@pytest.mark.parametrize(
    ("n", "level", "rank"), [(19, 0.95, 19), (59, 0.95, 57), (39, 0.95, 38), (4, 0.8, 4), (1, 0.5, 1)]
)
def test_whole_ranks_are_not_rounded_up(n: int, level: float, rank: int) -> None:
    assert half_width(np.arange(1.0, n + 1), level) == rank


def test_too_few_errors_make_no_interval() -> None:
    assert [half_width(np.arange(18.0), level) is None for level in LEVELS] == [False, False, True]
    found = cover(forecasts(drawn(0, 30), 10), HOUR)
    first = found.filter(fold=0)
    assert first["half_width"].to_list() == first["covered"].to_list() == [None] * 3
    assert found.filter(pl.col("half_width").is_nan() | pl.col("half_width").is_infinite()).is_empty()
    assert found.filter(
        pl.col("covered").is_null() != (pl.col("half_width").is_null() | pl.col("fold").is_null())
    ).is_empty()


@given(SEEDS, st.integers(8, 60), st.data())
def test_what_comes_later_changes_no_interval_before(seed: int, n: int, data: st.DataObject) -> None:
    errors = drawn(seed, n)
    before = forecasts(errors, 4, horizon=2)
    changed = data.draw(st.integers(0, n - 1))
    errors[changed:] = drawn(seed + 1, n - changed) * 50
    after = forecasts(errors, 4, horizon=2)
    known_at = before["target_time"][changed]
    folds = before.group_by("fold").agg(pl.col("time").min()).filter(pl.col("time") + HOUR < known_at)["fold"]
    widths = [
        cover(rows, HOUR).filter(pl.col("fold").is_in(folds.implode())).select("fold", "level", "half_width")
        for rows in (before, after)
    ]
    assert_frame_equal(widths[0], widths[1], check_exact=True)


def test_an_outcome_that_is_known_when_the_first_forecast_is_made_counts_and_the_next_does_not() -> None:
    found = cover(forecasts(drawn(0, 40), 4, horizon=3), HOUR).filter(level=0.5, fold=1)
    assert found["n_before"].item() == 8  # the bars 8 and 9 of fold 0 have outcomes that close after bar 10


def test_every_symbol_has_intervals_of_its_own() -> None:
    calm, wild = forecasts(drawn(0, 60), 3), forecasts(drawn(1, 90) * 10, 3, "W")
    both = cover(pl.concat([wild, calm]), HOUR)
    assert_frame_equal(both, pl.concat([cover(calm, HOUR), cover(wild, HOUR)]))
    held = empirical_coverage(both)
    assert held["n"].to_list() == [100, 100, 100]
    assert empirical_coverage(both, "symbol").filter(level=0.8)["n"].to_list() == [40, 60]


def test_models_and_horizons_stand_one_after_the_other() -> None:
    one = forecasts(drawn(0, 60), 3, "W")
    later = forecasts(drawn(1, 60), 3, "W", horizon=2)
    ridge = [rows.with_columns(model=pl.lit("ridge"), y_hat=pl.col("y_hat") * 2) for rows in (one, later)]
    parts = [cover(rows, HOUR) for rows in (one, later, *ridge)]
    assert_frame_equal(cover(pl.concat([*ridge, later, one]), HOUR), pl.concat(parts))


def test_an_outcome_at_the_end_of_the_interval_is_held() -> None:
    found = cover(forecasts(np.full(60, 0.25), 3), HOUR).filter(pl.col("fold") > 0)
    assert set(found["half_width"]) == {0.25}
    assert set(found["covered"]) == {20}


def test_the_mean_over_seeds_counts_and_no_seed_does() -> None:
    rows = forecasts(drawn(0, 60), 3)
    seeds = rows.with_columns(seed=pl.lit(0, pl.Int32), y_hat=pl.lit(5.0))
    assert_frame_equal(cover(pl.concat([seeds, rows]), HOUR), cover(rows, HOUR))


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = forecasts(drawn(0, 60), 3)
    assert_frame_equal(cover(rows.sample(fraction=1.0, shuffle=True, seed=1), HOUR), cover(rows, HOUR))


def test_without_forecasts_there_is_an_empty_table() -> None:
    assert check(coverage([], HOUR), COVERAGE).is_empty()


def shares(errors: Floats, folds: int) -> dict[float, float]:
    """Share of the outcomes that was held, by level."""
    found = empirical_coverage(cover(forecasts(errors, folds), HOUR))
    return dict(found.select("level", pl.col("covered") / pl.col("n")).iter_rows())


def test_exchangeable_errors_are_held_as_often_as_promised() -> None:
    found = shares(drawn(3, 20_000), 20)
    assert found == pytest.approx({level: level for level in LEVELS}, abs=0.01)


def test_a_break_in_volatility_shows_as_coverage_below_and_above_the_promise() -> None:
    calm, wild = drawn(4, 4_000), drawn(5, 4_000) * 3
    after_calm, after_wild = shares(np.append(calm, wild), 2), shares(np.append(wild, calm), 2)
    for level in LEVELS:
        assert after_calm[level] < level - 0.1
        assert after_wild[level] > level + 0.03


def test_measured_coverage_counts_only_what_had_an_interval_and_weighs_widths_by_forecasts() -> None:
    def row(fold: int | None, n: int, covered: int | None, width: float | None) -> dict[str, Any]:
        key = {"model": "gru", "horizon": 1, "symbol": "S", "fold": fold, "level": 0.8}
        return {**key, "n_before": 0, "half_width": width, "n": n, "covered": covered}

    rows = [row(0, 50, None, None), row(1, 10, 9, 1.0), row(2, 30, 20, 2.0), row(None, 0, None, 3.0)]
    table = pl.DataFrame(rows, schema=COVERAGE.dtypes)
    assert empirical_coverage(table).row(0) == ("gru", 1, 0.8, 40, 29, 1.75)
    assert empirical_coverage(table, "fold")["fold"].to_list() == [1, 2]


def test_an_interval_in_bars_of_another_length_changes_what_is_known() -> None:
    rows = forecasts(drawn(0, 40), 4, horizon=3)
    later = cover(rows, timedelta(hours=3)).filter(level=0.5, fold=1)
    assert later["n_before"].item() == 10
