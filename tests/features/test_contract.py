"""What every entry of FEATURES must keep to: no future, no lookback beyond the look-back, no look across a hole.

The table itself is walked through, so a new entry is tested without a new test.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from backtest.audit import assert_causal
from backtest.audit.assertion import THOROUGH
from backtest.audit.features import Effort, check_features
from backtest.audit.lookback import Lookback
from backtest.audit.recompute import Computation
from backtest.data.reading.synthetic import make_bars
from backtest.data.schema import FEATURES as FEATURES_TABLE
from backtest.data.schema import UTC_TIME, check
from backtest.data.sessions import segments
from backtest.features import FEATURES
from backtest.features.catalog import Spec, resolve
from backtest.features.pipeline import build
from tests.support.places import needs_shared, shared
from tests.support.selection import examples
from tests.support.strategies import HOUR, bars

LEARNT_LATER = ("y_log_return_2", "target_time")


def with_takers(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the optional column that some features read: any share of the volume."""
    share = pl.int_range(pl.len()) * 37 % 101 / 100
    return frame.with_columns(taker_buy_volume=pl.col("volume") * share)


OTHER = "OTHER"


def of_other(name: str) -> dict[str, object]:
    """What a feature of two assets must be told: which is the other."""
    return {"of": OTHER} if "of" in inspect.signature(FEATURES[name].function).parameters else {}


DEFAULTS: list[Spec] = [{"name": name, **of_other(name)} if of_other(name) else name for name in FEATURES]
"""Every feature with its defaults."""


def others(frame: pl.DataFrame, interval: timedelta = HOUR) -> dict[str, pl.DataFrame]:
    """Bars of another asset, missing now and then; each is the same whatever the other rows of `frame` are."""
    close = pl.col("time") + interval
    price = 100 + (pl.col("time").hash(5) % 1_000).cast(pl.Float64) / 100
    rows = frame.select("time").unique().sort("time").filter(pl.col("time").hash(6) % 50 != 0)
    return {OTHER: rows.select(time=close, known_at=close, expires=close, close=price)}


def compute(frame: pl.DataFrame, specs: Sequence[Spec], interval: timedelta = HOUR) -> pl.DataFrame:
    return build(frame, specs, horizons=[2], interval=interval, external=others(frame, interval))


def lookbacks(specs: Sequence[Spec]) -> dict[str, int]:
    return {column: one.lookback for one in resolve(specs) for column in one.columns}


@st.composite
def variants(draw: st.DrawFn) -> list[Spec]:
    """Draw every feature with its defaults, and those with a parameter once more with another."""
    specs = list(DEFAULTS)
    for name, entry in FEATURES.items():
        for parameter in list(inspect.signature(entry.function).parameters.values())[:1]:
            if isinstance(parameter.default, int):
                value = draw(st.sampled_from([value for value in range(2, 41) if value != parameter.default]))
                specs.append({"name": name, parameter.name: value, **of_other(name)})
    return specs


def random_bars(n: int, scale: np.ndarray[tuple[int], np.dtype[np.float64]] | float = 1.0) -> pl.DataFrame:
    """Return `n` hourly bars without a hole, their volumes times `scale`."""
    rng = np.random.default_rng(n)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, n)))
    columns = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}
    times = pl.Series(np.arange(n) * 3_600_000_000).cast(pl.Datetime("us")).cast(UTC_TIME)
    volume = rng.lognormal(3, 1, n) * scale
    return with_takers(pl.DataFrame({"symbol": ["A"] * n, "time": times, **columns, "volume": volume}))


def odd_bars() -> pl.DataFrame:
    """Hourly bars with every optional column, a hole, bars without a trade, and a price that stands still."""
    place, amounts = pl.int_range(pl.len()), ("volume", "quote_volume", "trades", "taker_buy_volume")
    frame = make_bars(540, seed=1).with_columns(
        pl.when(place % 40 == 7).then(0).otherwise(name).alias(name) for name in amounts
    )
    still, first = place.is_between(200, 203), pl.col("close").get(200)
    prices = (pl.when(still).then(first).otherwise(name).alias(name) for name in ("open", "high", "low", "close"))
    return frame.with_columns(prices).filter(~place.is_between(120, 123))


@pytest.mark.slow
@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_passes_the_audit(name: str) -> None:
    assert_causal({"name": name, **of_other(name)}, odd_bars(), external=others(odd_bars()))


@pytest.mark.parametrize("effort", [Effort(cuts=4, grids=12), pytest.param(THOROUGH, marks=pytest.mark.slow)])
def test_all_features_together_pass_the_audit(effort: Effort) -> None:
    known = lookbacks(list(DEFAULTS))
    together = Computation.of(lambda frame: compute(frame, list(DEFAULTS)).select("symbol", "time", *known), odd_bars())
    assert not check_features(together, {name: Lookback(bars) for name, bars in known.items()}, effort).leaks


@given(bars(holes=True, symbols=2), variants())
def test_the_table_is_valid_and_holds_only_finite_numbers(frame: pl.DataFrame, specs: list[Spec]) -> None:
    made = check(compute(with_takers(frame), specs), FEATURES_TABLE)
    columns = list(lookbacks(specs))
    assert made.columns == ["symbol", "time", "known_at", "segment", "bar_return", *columns, *LEARNT_LATER]
    logs = [column for one in resolve(specs) if one.logarithm for column in one.columns]
    made = made.with_columns(pl.when(pl.col(logs) > -np.inf).then(pl.col(logs)))  # the logarithm of zero is a value
    assert made.select(pl.col(pl.Float64).is_finite().all()).row(0) == (True,) * (len(columns) + 2)
    assert_frame_equal(made.select("symbol", "time"), frame.select("symbol", "time"))


@given(bars(holes=True), variants(), st.data())
def test_features_of_a_prefix_are_the_prefix_of_the_features(
    frame: pl.DataFrame, specs: list[Spec], data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, frame.height))
    frame = with_takers(frame)
    whole, part = compute(frame, specs).head(n), compute(frame.head(n), specs)
    assume(part["segment"].equals(whole["segment"]))  # whether a step is a hole may show only later
    assert part.drop(LEARNT_LATER).equals(whole.drop(LEARNT_LATER))
    assert part.select(LEARNT_LATER).head(n - 2).equals(whole.select(LEARNT_LATER).head(n - 2))
    assert part.select(LEARNT_LATER).tail(2).null_count().row(0) == (min(n, 2),) * 2


@given(bars(holes=True), variants(), st.data())
def test_a_later_start_changes_nothing_beyond_the_look_back(
    frame: pl.DataFrame, specs: list[Spec], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, frame.height - 1))
    frame = with_takers(frame)
    whole, late = compute(frame, specs).slice(first), compute(frame.slice(first), specs)
    assume((whole["segment"] - whole["segment"][0]).equals(late["segment"]))
    unbroken = int((late["segment"] == 0).sum())
    for column, lookback in lookbacks(specs).items():
        start = min(lookback, unbroken)
        assert late[column].head(start).null_count() == start
        pair = whole.select(column).slice(start), late.select(column).slice(start)
        assert_frame_equal(*pair, rel_tol=1e-12, abs_tol=1e-15)


@given(bars(max_size=60, holes=True, symbols=2), variants())
@examples(50)
def test_each_stretch_of_bars_is_computed_as_if_it_were_alone(frame: pl.DataFrame, specs: list[Spec]) -> None:
    frame = with_takers(frame)
    whole = compute(frame, specs)
    for alone in frame.with_columns(segments(frame, HOUR)).partition_by("segment", include_key=False):
        made = compute(alone, specs)
        assume(made["segment"].n_unique() == 1)
        keys = alone.select("symbol", "time")
        same = keys.join(whole, on=["symbol", "time"], maintain_order="left")
        assert made.drop("segment").equals(same.drop("segment"))
        for column, lookback in lookbacks(specs).items():
            assert made[column].head(lookback).null_count() == min(lookback, made.height)


@pytest.mark.parametrize("n", [30_011, 100_000])
def test_the_last_bits_depend_neither_on_later_bars_nor_on_the_length(n: int) -> None:
    frame, specs = random_bars(120_000), [*DEFAULTS, "rolling_std_100", "volume_norm_7"]
    whole = compute(frame, specs).drop(LEARNT_LATER)
    assert compute(frame.head(n), specs).drop(LEARNT_LATER).equals(whole.head(n))
    late = compute(frame.tail(n), specs).drop(LEARNT_LATER).slice(250)
    assert late.equals(whole.tail(n - 250))


def test_small_volumes_after_huge_ones_keep_their_digits() -> None:
    scale = np.where(np.arange(3000) // 100 % 2 == 0, 1e9, 1e-3)
    frame = random_bars(3000, scale)
    whole = compute(frame, list(DEFAULTS)).slice(1250)
    assert compute(frame.slice(1000), list(DEFAULTS)).slice(250).drop("segment").equals(whole.drop("segment"))
    expected = frame["volume"].to_numpy()
    means = np.array([expected[t - 23 : t + 1].mean() for t in range(1250, 3000)])
    np.testing.assert_allclose(whole["volume_norm"].to_numpy(), expected[1250:] / means - 1, rtol=1e-9, atol=1e-13)


@needs_shared
def test_real_bars_with_their_holes_keep_to_the_contract() -> None:
    real = pl.read_parquet(shared("data", "btcusdt_spot_1h.parquet")).rename({"ts": "time"})
    frame = with_takers(
        real.select(pl.lit("BTCUSDT").alias("symbol"), "time", "open", "high", "low", "close", "volume")
    )
    specs = list(DEFAULTS)
    whole = compute(frame, specs)
    assert whole["segment"].n_unique() == 29
    assert compute(frame.head(50_000), specs).drop(LEARNT_LATER).equals(whole.drop(LEARNT_LATER).head(50_000))
    of_one_asset = [spec for spec in specs if isinstance(spec, str)]  # the other has bars missing of its own
    for column, lookback in lookbacks(of_one_asset).items():
        inside = pl.int_range(pl.len()).over("segment") >= lookback
        assert whole.filter(inside)[column].null_count() == 0
        assert whole.filter(~inside)[column].drop_nulls().is_empty()
