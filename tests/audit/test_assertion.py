"""`assert_causal` and `assert_sealed`: their messages, what is a leak and what is not, and whole walks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from backtest.audit import assert_causal, assert_sealed
from backtest.audit.features import Effort, check_features
from backtest.audit.lookback import Lookback
from backtest.audit.recompute import Computation
from backtest.data.errors import LeakError
from backtest.data.reading.synthetic import make_bars
from backtest.data.records.audit import Note
from backtest.models.windows import Floats

BARS = make_bars(240, seed=3, symbol="A")
CLOSE, VOLUME, HOUR = pl.col("close"), pl.col("volume"), pl.col("time").dt.hour()
PAST, NEXT = CLOSE / CLOSE.shift(1), CLOSE.shift(-1) / CLOSE


def test_the_message_names_feature_bar_later_bar_distance_and_remedy() -> None:
    def momentum(bars: pl.DataFrame) -> pl.DataFrame:
        later = pl.when(pl.col("time") == BARS["time"][100]).then(CLOSE.shift(-3)).otherwise(CLOSE)
        return bars.select("symbol", "time", fast=CLOSE, slow=later)

    with pytest.raises(LeakError) as caught:  # noqa: PT011 - the text is compared as a whole
        assert_causal(momentum, BARS, lookback=0)
    what, where, remedy = str(caught.value).splitlines()
    assert what == "feature slow reads the future"
    assert where.startswith("  slow of A at 2020-01-05 04:00 reads the bar of 2020-01-05 07:00, 3 bars ahead (with ")
    assert where.endswith(" there, the value changes)")
    assert remedy.startswith("  what to do: use only the bar itself and earlier ones: shift(n) with n >= 0, windows ")


def test_every_leaking_column_is_reported_and_no_other() -> None:
    with pytest.raises(LeakError, match="reads the future") as caught:
        assert_causal(lambda: {"one": NEXT, "two": PAST, "three": CLOSE.rank()}, BARS)
    told = [line for line in str(caught.value).splitlines() if not line.startswith("  ")]
    assert told == ["feature lambda_one reads the future", "feature lambda_three reads the future"]


# look-back and tolerance


def test_a_look_back_that_is_too_short_is_a_leak_and_the_exact_one_passes() -> None:
    assert_causal(CLOSE.rolling_median(10), BARS, lookback=9)
    with pytest.raises(LeakError, match=r"its look-back of 8\n  feature of A .* 9 bars back \(with nothing there"):
        assert_causal(CLOSE.rolling_median(10), BARS, lookback=8)


@pytest.mark.parametrize("lookback", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_an_average_that_never_forgets_passes_with_the_tolerance_that_its_weights_leave(lookback: int) -> None:
    average = PAST.log().ewm_mean(span=9, ignore_nulls=True)
    left = 0.8 ** (lookback + 1)  # weight of all bars before the look-back
    assert_causal(average, BARS, lookback=lookback, tolerance=10 * left)
    with pytest.raises(LeakError, match=f"before its look-back of {lookback}"):
        assert_causal(average, BARS, lookback=lookback, tolerance=left / 100)


def test_a_mean_since_the_first_bar_has_no_look_back_but_reads_nothing_later() -> None:
    since = CLOSE.cum_sum() / pl.int_range(1, pl.len() + 1)
    assert_causal(since, BARS)
    with pytest.raises(LeakError, match="such as a mean since the first bar, has no look-back"):
        assert_causal(since, BARS, lookback=200)


@pytest.mark.parametrize("expr", [VOLUME.rolling_mean(24), CLOSE.rolling_std(24), VOLUME.rolling_sum(5)])
def test_rounding_of_moving_sums_is_no_leak(expr: pl.Expr) -> None:
    wild = BARS.with_columns(volume=pl.when(pl.int_range(pl.len()) % 50 == 7).then(1e9).otherwise("volume"))
    assert_causal(expr, wild, lookback=23)


def test_rounding_of_moving_sums_in_a_long_series_is_no_leak() -> None:
    frame = make_bars(260_000, taker=False)
    computation = Computation.of(lambda bars: bars.select("symbol", "time", x=VOLUME.rolling_mean(24)), frame)
    assert not check_features(computation, {"x": Lookback(23)}, Effort(cuts=4, grids=4)).leaks


def test_last_digits_that_change_with_the_number_of_bars_are_noted_and_more_is_a_leak() -> None:
    def sums(relative: float) -> Computation:
        rounded = CLOSE * (1 + relative * pl.len())
        return Computation.of(lambda bars: bars.select("symbol", "time", x=rounded), BARS)

    found = check_features(sums(1e-15), {}, Effort(4, 0))
    assert not found.leaks
    assert found.notes == [Note("rounding", names=("x",))]
    assert list(check_features(sums(1e-8), {}, Effort(4, 0)).leaks) == ["x"]


# functions of the times, caches, randomness, failures


@pytest.mark.parametrize(
    "expr",
    [
        HOUR,
        HOUR.cast(pl.Float64).ewm_mean(span=5),
        HOUR.cum_sum(),
        pl.int_range(pl.len()),
        pl.col("time").diff().dt.total_hours(),
        pl.int_range(pl.len()).over(pl.col("time").dt.date()),
        pl.lit(1.0),
    ],
)
def test_a_function_of_the_times_may_ignore_the_rest_of_the_bars(expr: pl.Expr) -> None:
    assert_causal(expr, BARS)


def test_a_function_of_the_times_may_drop_rows() -> None:
    afternoons = pl.when(HOUR >= 12).then(HOUR)
    assert_causal(lambda bars: bars.select("symbol", "time", x=afternoons, y=PAST).drop_nulls(), BARS)


CACHE_KEYS: dict[str, Callable[[pl.DataFrame], object]] = {
    "nothing": lambda bars: None,
    "the number of bars": len,
    "the first and last time": lambda bars: (bars["time"][0], bars["time"][-1]),
    "the last time": lambda bars: bars["time"][-1],
}


@pytest.mark.parametrize("keyed", CACHE_KEYS)
@pytest.mark.parametrize("columns", [["x"], ["symbol", "time", "x"]])
def test_a_cache_without_the_data_in_its_key_is_found(keyed: str, columns: list[str]) -> None:
    kept: dict[object, pl.DataFrame] = {}

    def compute(bars: pl.DataFrame) -> pl.DataFrame:
        made = bars.with_columns(x=CLOSE - CLOSE.mean()).select(columns)
        return kept.setdefault(CACHE_KEYS[keyed](bars), made)

    with pytest.raises(LeakError, match="feature x does not change with the bars that it is given"):
        assert_causal(compute, BARS)


def test_a_random_feature_is_found_and_a_seeded_one_passes() -> None:
    def drawn(rng: np.random.Generator) -> Callable[[pl.DataFrame], Floats]:
        return lambda bars: bars["close"].to_numpy() * rng.normal(size=bars.height)

    with pytest.raises(LeakError, match="differs when it is computed twice from the same bars"):
        assert_causal(drawn(np.random.default_rng()), BARS)
    assert_causal(lambda bars: drawn(np.random.default_rng(1))(bars), BARS)


def test_a_feature_that_fails_the_second_time_does_not_pass() -> None:
    calls: list[int] = []

    def once(bars: pl.DataFrame) -> pl.Series:
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("a connection that was closed")
        return bars["close"]

    with pytest.raises(LeakError, match="differs when it is computed twice"):
        assert_causal(once, BARS)


@pytest.mark.parametrize("refused", ["NaN", "huge values", "fewer bars"])
def test_a_feature_that_refuses_some_bars_is_still_checked_on_others(refused: str) -> None:
    def strict(expr: pl.Expr) -> Callable[[pl.DataFrame], pl.Series]:
        def compute(bars: pl.DataFrame) -> pl.Series:
            seen = {
                "NaN": bars["close"].is_nan().any(),
                "huge values": bool((bars["close"] > 1e8).any()),
                "fewer bars": bars.height < BARS.height,
            }
            if seen[refused]:
                raise ValueError(refused)
            return bars.select(expr).to_series()

        return compute

    assert_causal(strict(PAST), BARS, lookback=1)
    with pytest.raises(LeakError, match="1 bar ahead"):
        assert_causal(strict(NEXT), BARS, lookback=1)


# whole walks


def folds_from_the_end(scale: Callable[[Floats, Floats], float]) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """A walk over the last 120 bars in four folds; `scale` sees the returns so far and all of them."""

    def walk(bars: pl.DataFrame) -> pl.DataFrame:
        returns = bars["close"].log().diff().fill_null(0.0).to_numpy()
        parts = []
        for start in range(bars.height - 120, bars.height, 30):
            rows = slice(start, start + 30)
            y_hat = 0.1 * returns[rows] / scale(returns[:start], returns)
            parts.append(bars[rows].select("symbol", "time", fold=pl.lit(start), y_hat=pl.Series(y_hat)))
        return pl.concat(parts)

    return walk


def test_a_walk_with_folds_counted_from_the_end_passes() -> None:
    assert_sealed(folds_from_the_end(lambda past, everything: float(np.std(past))), BARS)


@pytest.mark.parametrize("statistic", [np.std, lambda returns: np.abs(returns).max(), lambda returns: returns[-1]])
def test_a_walk_that_scales_by_all_rows_is_a_leak(statistic: Callable[[Floats], float]) -> None:
    with pytest.raises(
        LeakError, match=r"forecast y_hat changes when later bars are replaced\n  y_hat of A at .* ahead"
    ):
        assert_sealed(folds_from_the_end(lambda past, everything: float(statistic(everything))), BARS)


def test_a_walk_of_several_models_and_seeds_is_compared_row_by_row() -> None:
    def walk(own: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
        models = pl.DataFrame({"model": ["a", "b"], "seed": [None, 1]})
        y_hat = pl.when(pl.col("model") == "b").then(own).otherwise(CLOSE)
        return lambda bars: bars.join(models, how="cross").select("model", "seed", "time", y_hat=y_hat)

    assert_sealed(walk(2 * CLOSE), BARS)
    with pytest.raises(LeakError, match="forecast y_hat changes"):
        assert_sealed(walk(CLOSE + CLOSE.mean()), BARS)


def test_data_read_by_time_from_elsewhere_raise_a_warning() -> None:
    def tomorrow(bars: pl.DataFrame) -> pl.Series:
        later = BARS.select("time", later=CLOSE.shift(-1))
        return bars.join(later, on="time", how="left", maintain_order="left")["later"]

    with pytest.warns(UserWarning, match="tomorrow reads data by time that is not among the bars"):
        assert_causal(tomorrow, BARS)
