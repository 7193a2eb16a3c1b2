"""Windows: whole, inside their spans, views of shared rows, blind to what comes later."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.models.scaling import Scaler, covered
from backtest.models.windows import Floats, Panel, Windows, panel

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hour: int) -> datetime:
    return START + hour * HOUR


def make_panel(lengths: list[int], *, bad: tuple[int, ...] = ()) -> Panel:
    """Rows of one symbol for each length, hour by hour from START; `bad` rows lack a feature."""
    frames = []
    for number, length in enumerate(lengths):
        hours = range(length)
        value = [float(100 * number + hour) for hour in hours]
        columns = {"symbol": [f"S{number}"] * length, "time": [at(hour) for hour in hours], "a": value}
        columns |= {
            "target_time": [at(hour + 2) for hour in hours],
            "bar_return": value,
            "y_log_return_1": [*value[1:], None],
            "segment": [number] * length,
        }
        frames.append(pl.DataFrame(columns, schema_overrides={"segment": pl.Int32, "y_log_return_1": pl.Float64}))
    frame = pl.concat(frames).with_columns(pl.col("time").cast(pl.Datetime("us", "UTC"))).with_row_index("row")
    frame = frame.with_columns(a=pl.when(~pl.col("row").is_in(bad)).then("a"))
    return panel(frame, ["a"])


def test_windows_hold_the_last_rows_of_each_origin() -> None:
    windows = make_panel([10]).validation(at(5), at(8), window=3, known_by=at(9))
    np.testing.assert_array_equal(windows.x[:, :, 0], [[3, 4, 5], [4, 5, 6], [5, 6, 7]])
    np.testing.assert_array_equal(windows.past_returns, windows.x[:, :, 0])
    np.testing.assert_array_equal(windows.y, [6, 7, 8])


def test_a_training_window_lies_inside_its_span_as_a_whole() -> None:
    rows = make_panel([10])
    assert rows.training(at(2), at(8), window=3, known_by=at(9)).x[0, :, 0].tolist() == [2, 3, 4]
    assert rows.validation(at(2), at(8), window=3, known_by=at(9)).x[0, :, 0].tolist() == [0, 1, 2]


def test_windows_never_contain_later_rows() -> None:
    rows = make_panel([10, 10])
    for part in (
        rows.training(at(0), at(6), window=2, known_by=at(9)),
        rows.validation(at(4), at(6), window=2, known_by=at(9)),
    ):
        assert part.features.max() == 105.0
        assert set(part.features[:, 0].tolist()) == {*range(6), *range(100, 106)}


def test_the_last_bar_without_a_target_is_forecast_but_not_scored() -> None:
    rows = make_panel([10])
    assert rows.origins(at(0), at(10), window=3).tolist() == list(range(2, 9))
    assert rows.at(np.array([9]), window=3).x[0, :, 0].tolist() == [7, 8, 9]


def test_test_windows_hide_their_targets() -> None:
    windows = make_panel([10]).test(at(5), at(8), window=3)
    with pytest.raises(LookupError, match="hide their targets"):
        _ = windows.y


def test_a_window_never_crosses_a_symbol_or_an_incomplete_row() -> None:
    rows = make_panel([6, 6], bad=(8,))
    assert rows.origins(at(0), at(6), window=3).tolist() == [2, 3, 4]
    assert make_panel([6, 6], bad=(2,)).origins(at(0), at(6), window=3).tolist() == [8, 9, 10]


def test_a_target_that_is_known_too_late_is_not_learned_from() -> None:
    rows = make_panel([10])
    assert rows.training(at(0), at(8), window=3, known_by=at(6)).ends.tolist() == [2, 3, 4]
    assert rows.validation(at(3), at(8), window=3, known_by=at(6)).ends.tolist() == [3, 4]


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    bad=st.sets(st.integers(0, 60), max_size=5),
    window=st.integers(1, 6),
    span=st.tuples(st.integers(0, 30), st.integers(1, 30)),
    training=st.booleans(),
)
def test_windows_equal_those_of_a_simple_loop(
    lengths: list[int], bad: set[int], window: int, span: tuple[int, int], training: bool
) -> None:
    rows = make_panel(lengths, bad=tuple(bad))
    start, end = span[0], span[0] + span[1]
    expected, first = [], 0
    for length in lengths:
        for hour in range(length - 1):
            own = range(first + hour - window + 1, first + hour + 1)
            whole = hour - window + 1 >= (start if training else 0) and not bad & set(own)
            if start <= hour < end and whole:
                expected.append([100.0 * lengths_before(lengths, first) + row - first for row in own])
        first += length
    part = rows.training if training else rows.validation
    got = part(at(start), at(end), window=window, known_by=at(end + 1))
    assert (got.x[:, :, 0].tolist() if len(got) else []) == expected


def lengths_before(lengths: list[int], first: int) -> int:
    """Which symbol begins at row `first`."""
    return [sum(lengths[:number]) for number in range(len(lengths))].index(first)


def test_neighbouring_windows_are_views() -> None:
    rows = make_panel([1000])
    windows = rows.validation(at(100), at(900), window=48, known_by=at(901))
    assert np.shares_memory(windows.x, rows.features)
    assert all(np.shares_memory(block.x, rows.features) for block in windows.blocks(64))


def test_windows_hold_the_measures_of_their_own_rows() -> None:
    rows = make_panel([100])
    own = replace(rows, variances=np.arange(100.0), quarticities=np.arange(100.0) ** 2)
    parts = (
        own.training(at(10), at(60), window=5, known_by=at(61)),
        own.validation(at(61), at(80), window=5, known_by=at(81)),
        own.test(at(81), at(95), window=5),
        own.at(np.array([97]), window=5),
    )
    for part in parts:
        assert (part.past_quarticities == part.past_variances**2).all()
        assert part.past_variances[0, -1] == part.x[0, -1, 0] % 100
    with pytest.raises(LookupError, match="expected variances from finer bars, or a file's"):
        _ = rows.at(np.array([97]), window=5).past_quarticities


def test_blocks_are_the_windows_in_order() -> None:
    windows = make_panel([100]).validation(at(10), at(90), window=5, known_by=at(91))
    np.testing.assert_array_equal(np.concatenate([block.x for block in windows.blocks(7)]), windows.x)


def test_the_scaler_is_fitted_on_the_rows_of_the_training_windows_alone() -> None:
    features = np.arange(20.0)[:, None]
    target = np.linspace(-1, 1, 20)
    train = Windows(features, target, target[:, None], np.array([4, 5, 9]), 2, (1,))
    scaler = Scaler.of(train)
    used = np.array([3.0, 4.0, 5.0, 8.0, 9.0])
    assert covered(train).nonzero()[0].tolist() == [3, 4, 5, 8, 9]
    assert scaler.mean.tolist() == [used.mean()]
    assert scaler.std.tolist() == [used.std()]
    assert scaler.target_std == target[[4, 5, 9]].std()


def test_the_scaler_survives_constant_columns_and_its_own_state() -> None:
    ones: Floats = np.full((3000, 2), 0.1)  # whose standard deviation is not 0 but rounding
    scaler = Scaler.of(Windows(ones, ones[:, 0], ones[:, :1], np.arange(3, 2999), 2, (1,)))
    assert scaler.std.tolist() == [1, 1]
    assert scaler.target_std == 1
    again = Scaler.restore(scaler.state())
    assert np.array_equal(again.mean, scaler.mean)
    assert again.target_std == scaler.target_std


def test_later_rows_are_held_within_the_training_range_and_its_margin() -> None:
    rng = np.random.default_rng(0)
    features, target = rng.normal(size=(60, 2)), rng.normal(size=60)
    features[40:] *= 9  # the later rows
    train = Windows(features, target, target[:, None], np.arange(3, 40), 4, (1,))
    free, exact, wide = (Scaler.of(train, clip) for clip in ("off", 0.0, 0.25))
    seen = features[:40]
    low, high = seen.min(axis=0), seen.max(axis=0)
    assert (features[40:] > high).any()
    np.testing.assert_array_equal(
        free.transform(features), ((features - seen.mean(0)) / seen.std(0)).astype(np.float32)
    )
    np.testing.assert_array_equal(exact.transform(features), free.transform(np.clip(features, low, high)))
    margin = (high - low) / 4
    np.testing.assert_array_equal(
        wide.transform(features), free.transform(np.clip(features, low - margin, high + margin))
    )
    np.testing.assert_array_equal(exact.transform(seen), free.transform(seen))
    ends = [target[3:40].min(), target[3:40].max()]
    assert exact.hold(np.array([-99.0, 0.0, 99.0])).tolist() == [ends[0], 0.0, ends[1]]
    assert free.hold(np.array([-99.0, 99.0])).tolist() == [-99.0, 99.0]
    assert set(free.state()) == {"scaler.mean", "scaler.std", "scaler.target_std"}
    again = Scaler.restore(wide.state())
    np.testing.assert_array_equal(again.transform(features), wide.transform(features))
    np.testing.assert_array_equal(again.hold(10 * target), wide.hold(10 * target))
