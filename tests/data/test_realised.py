"""Tests of bars made of finer ones: realised variances against plain loops, what is missing, and nothing of later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from backtest.audit.assertion import assert_sealed
from backtest.data import realised
from backtest.data.dataset import Dataset
from backtest.data.durations import parse_duration
from backtest.data.errors import ConfigError, LeakError, TooFewBars
from backtest.data.reading.bars import load_bars
from backtest.data.reading.synthetic import make_bars
from backtest.data.realised import realised_bars
from backtest.data.target_columns import QUARTICITY, REALISED
from tests.support.places import needs_shared, shared

HOUR, DAY, QUARTER = timedelta(hours=1), timedelta(days=1), timedelta(minutes=15)
MIDNIGHT = datetime(2022, 1, 3, tzinfo=UTC)


def always_open(days: int = 40) -> pl.DataFrame:
    """Hourly bars of whole days."""
    return make_bars(24 * days, start=MIDNIGHT)


def sessions(days: int = 60, *, opens: timedelta = 14 * HOUR, bars: int = 26) -> pl.DataFrame:
    """Bars of a quarter of an hour on weekdays, whose opens jump away from the last close."""
    times = [
        MIDNIGHT + day * DAY + opens + place * QUARTER for day in range(days) if day % 7 < 5 for place in range(bars)
    ]
    made = make_bars(len(times), interval="15m", taker=False).with_columns(
        time=pl.Series(times, dtype=pl.Datetime("us", "UTC"))
    )
    jump = np.exp(np.random.default_rng(0).normal(0, 0.01, len(times) // bars).repeat(bars).cumsum() / bars)
    return made.with_columns(pl.col("open", "high", "low", "close") * pl.Series(jump))


def of_day(finer: pl.DataFrame, day: datetime) -> pl.DataFrame:
    """Finer bars of one day."""
    return finer.filter(pl.col("time").is_between(day, day + DAY, closed="left"))


@pytest.mark.parametrize("overnight", [True, False])
def test_where_the_market_never_closes_the_variance_is_the_sum_of_squared_returns(overnight: bool) -> None:
    finer = always_open()
    made = realised_bars(finer, HOUR, DAY, overnight=overnight)
    returns = np.diff(np.log(finer["close"].to_numpy()))
    for day in (1, 7, 39):
        inside = returns[24 * day - 1 : 24 * day + 23]
        assert made[REALISED][day] == pytest.approx((inside**2).sum(), rel=1e-12)
        assert made[QUARTICITY][day] == pytest.approx(24 / 3 * (inside**4).sum(), rel=1e-12)
    first = np.log(finer["close"].to_numpy()[:24] / np.append(finer["open"][0], finer["close"].to_numpy()[:23]))
    assert made[REALISED][0] == pytest.approx((first**2).sum(), rel=1e-12)
    assert made["returns"].to_list() == [24] * 40
    one = of_day(finer, MIDNIGHT + 5 * DAY)
    expected = one["open"][0], one["high"].max(), one["low"].min(), one["close"][-1], one["volume"].sum()
    assert made.select("open", "high", "low", "close", "volume").row(5) == pytest.approx(expected)
    assert made["trades"][5] == one["trades"].sum()


def test_closed_hours_count_once_squared_or_not_at_all() -> None:
    finer = sessions()
    within, whole = (realised_bars(finer, QUARTER, DAY, overnight=overnight) for overnight in (False, True))
    assert (within["time"].dt.hour() == 0).all()
    opened, closed = whole["open"].to_numpy()[1:], whole["close"].to_numpy()[:-1]
    gaps = np.log(opened / closed) ** 2
    np.testing.assert_allclose((whole[REALISED] - within[REALISED]).to_numpy()[1:], gaps, rtol=1e-9, atol=1e-18)
    assert gaps.min() > 0
    assert whole[REALISED][0] == within[REALISED][0]
    one = of_day(finer, within["time"][8])
    steps = np.log(one["close"].to_numpy() / np.append(one["open"][0], one["close"].to_numpy()[:-1]))
    assert within[REALISED][8] == pytest.approx((steps**2).sum(), rel=1e-12)
    assert within["returns"][8] == 26
    assert whole[QUARTICITY].equals(within[QUARTICITY])


def test_missing_bars_are_bridged_inside_and_too_few_leave_no_variance() -> None:
    finer = always_open()
    kept = pl.Series(np.delete(np.arange(finer.height), [24 * 5 + 10, 24 * 5 + 11, *range(24 * 9 + 2, 24 * 9 + 9)]))
    holey = finer[kept]
    made = realised_bars(holey, HOUR, DAY, overnight=True)
    closes = of_day(holey, MIDNIGHT + 5 * DAY)["close"].to_numpy()
    before = of_day(holey, MIDNIGHT + 4 * DAY)["close"][-1]
    assert made[REALISED][5] == pytest.approx((np.diff(np.log(np.append(before, closes))) ** 2).sum(), rel=1e-12)
    assert (made["returns"][5], made["returns"][9]) == (22, 17)
    assert made[REALISED][9] is None
    assert made[QUARTICITY][9] is None
    assert made[REALISED].null_count() == 1
    assert made["close"].null_count() == 0


def test_a_return_across_a_hole_at_the_start_of_a_bar_is_left_out() -> None:
    finer = always_open()
    holey = finer.filter(~pl.col("time").is_between(MIDNIGHT + 6 * DAY - 2 * HOUR, MIDNIGHT + 6 * DAY + 2 * HOUR))
    made = realised_bars(holey, HOUR, DAY, overnight=True)
    one = of_day(holey, MIDNIGHT + 6 * DAY)
    steps = np.log(one["close"].to_numpy() / np.append(one["open"][0], one["close"].to_numpy()[:-1]))
    assert made[REALISED][6] == pytest.approx((steps**2).sum() * 24 / 21, rel=1e-12)
    assert made[QUARTICITY][6] == pytest.approx((steps**4).sum() * 21 / 3 * (24 / 21) ** 2, rel=1e-12)
    closes = np.log(of_day(holey, MIDNIGHT + 5 * DAY)["close"].to_numpy())
    before = np.log(of_day(holey, MIDNIGHT + 4 * DAY)["close"][-1])
    assert made[REALISED][5] == pytest.approx((np.diff(np.append(before, closes)) ** 2).sum() * 24 / 22, rel=1e-12)


def test_days_of_half_their_hours_have_a_variance_where_that_is_enough_and_no_bias() -> None:
    """Of hours at random times of the day, over many days: the mean is that of whole days, with some more noise."""
    finer = always_open(800)
    hours = np.random.default_rng(1).permuted(np.tile(np.arange(24) < 13, (800, 1)), axis=1)
    runs = np.array([np.roll(np.arange(24) < 13, day) for day in range(800)])
    whole = realised_bars(finer, HOUR, DAY, overnight=True)[REALISED]
    for kept in (hours, runs):
        holey = finer.filter(pl.Series(kept.ravel()))
        made = realised_bars(holey, HOUR, DAY, overnight=True, coverage=0.5)
        assert made[REALISED].null_count() == 0
        assert made[REALISED].mean() == pytest.approx(whole.mean(), rel=0.03)
        assert realised_bars(holey, HOUR, DAY, overnight=True)[REALISED].null_count() == made.height


def test_a_last_bar_that_had_not_closed_is_left_out() -> None:
    assert realised_bars(always_open().head(24 * 39 + 23), HOUR, DAY, overnight=True).height == 39
    assert realised_bars(always_open(), HOUR, DAY, overnight=True).height == 40
    assert realised_bars(sessions(), QUARTER, DAY, overnight=True).height == 44
    assert realised_bars(sessions()[:-8], QUARTER, DAY, overnight=True).height == 43


def test_a_session_past_midnight_is_one_day() -> None:
    finer = sessions(opens=21 * HOUR)
    made = realised_bars(finer, QUARTER, DAY, overnight=True)
    assert (made["time"].dt.hour() == 21).all()
    assert made["returns"].to_list() == [26] * 44
    assert made["close"][3] == finer["close"][4 * 26 - 1]


def test_two_sessions_a_day_past_midnight_are_cut_at_midnight() -> None:
    two = pl.concat([sessions(opens=21 * HOUR, bars=20), sessions(opens=9 * HOUR, bars=20)]).sort("time")
    made = realised_bars(two, QUARTER, DAY, overnight=True)
    assert (made["time"].dt.hour() == 0).all()


@pytest.mark.parametrize("interval", ["45m", "1h", "5h", "2d"])
def test_lengths_that_do_not_fit_are_refused(interval: str) -> None:
    with pytest.raises(
        ConfigError, match=r"data\.interval: expected a multiple of target\.from, 1h, that divides a day"
    ):
        realised_bars(always_open(), HOUR, parse_duration(interval), overnight=True)


def test_a_single_day_is_too_few() -> None:
    with pytest.raises(TooFewBars, match="expected finer bars of two or more bars of 1d"):
        realised_bars(always_open(1), HOUR, DAY, overnight=True)


def variances(finer: pl.DataFrame) -> pl.DataFrame:
    """Realised variances, each at the last finer bar that it may know."""
    made = realised_bars(finer, HOUR, DAY, overnight=True)
    return made.select("symbol", pl.col("time") + 23 * HOUR, REALISED, QUARTICITY, "open", "high", "low", "close")


def test_no_realised_variance_knows_of_later_finer_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_sealed(variances, always_open())
    early = realised._bar_starts

    def an_hour_early(*parts: object) -> pl.Series:
        """Cut days an hour late, so that each holds the first hour of the next."""
        finer, *others = parts
        assert isinstance(finer, pl.DataFrame)
        shifted = finer.with_columns(pl.when(pl.int_range(pl.len()) > 0).then(pl.col("time") - HOUR).otherwise("time"))
        return early(shifted, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(realised, "_bar_starts", an_hour_early)
    with pytest.raises(
        LeakError, match=r"realised_variance of SYNTH at .* 23:00 reads the bar of .* 00:00, 1 bar ahead"
    ):
        assert_sealed(variances, always_open())


def test_a_dataset_says_what_its_bars_were_made_of() -> None:
    finer = Dataset.from_frame(sessions())
    made = finer.realised(DAY, overnight=False)
    assert made.finer is not None
    assert (made.finer.interval, made.finer.overnight, made.interval) == (QUARTER, False, DAY)
    assert made.bars.height == 44
    assert made.sha256 not in {finer.sha256, finer.realised(DAY, overnight=True).sha256}
    assert len(made.segments) == 44


@needs_shared
def test_days_of_bitcoin_against_a_plain_loop() -> None:
    finer = load_bars(shared("data", "btcusdt_spot_1h.parquet"))
    made = realised_bars(finer, HOUR, DAY, overnight=True)
    whole = made.filter(pl.col("returns") == 24)["time"].to_list()
    for day in (whole[200], whole[1500], whole[3000]):
        closes = finer.filter(pl.col("time").is_between(day - HOUR, day + 23 * HOUR))["close"].to_numpy()
        assert len(closes) == 25
        expected = (np.diff(np.log(closes)) ** 2).sum()
        assert made.filter(time=day)[REALISED].item() == pytest.approx(expected, rel=1e-12)
    assert made[REALISED].null_count() < 15
