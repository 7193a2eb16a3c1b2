"""Bars made of finer ones, each with the variance that was realised inside it: the sum of squared finer returns.

Andersen and Bollerslev (1998), International Economic Review 39 (4), 885-905. The sum is unbiased for the variance of
the bar and less noisy the more returns it holds: its relative standard error is about sqrt(2 / returns).
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from backtest.data.durations import format_duration
from backtest.data.errors import ConfigError, TooFewBars
from backtest.data.schema import BARS
from backtest.data.sessions import LONGEST_BREAK, Sessions, find_sessions
from backtest.data.target_columns import QUARTICITY, REALISED

COVERAGE, FEWEST_USUAL = 0.8, 0.5
"""A bar has no realised variance with fewer finer bars than this share of those expected, or of the median bar's."""

DAY = timedelta(days=1)
SHORTEST_DAY = timedelta(hours=18)  # from one session's start to the next, where each of them is a day

SUMS = [column.name for column in BARS.columns if column.name in {"quote_volume", "trades", "taker_buy_volume"}]


def realised_bars(
    finer: pl.DataFrame, step: timedelta, interval: timedelta, *, overnight: bool, coverage: float = COVERAGE
) -> pl.DataFrame:
    """Return BARS of `interval` made of the bars `finer`, `step` apart, with the columns of a realised variance.

    `realised_variance` is the sum of the squared log returns of the finer bars inside, from close to close; the first
    one counts from its own open where the market was closed before it, and the return over those closed hours is
    squared and added if `overnight`. Bars missing inside are bridged by one longer return; a return across missing
    bars at the start is left out. Where the market never closes, the sum is divided by the share of the bar's time that
    its returns span: the missing hours at its borders count as the others. `realised_quarticity` is M / 3 times the sum
    of the M fourth powers, closed hours left out, over the square of that share, `returns` is M. Variance and
    quarticity are null in a bar with too few finer bars (a share `coverage` of those that the market's calendar
    expects, FEWEST_USUAL, or `coverage` if that is less, of the median bar's). A last bar that had not closed is left
    out.

    A day is a day in UTC; where the market closes and a session runs past midnight, a day is a session and its `time`
    the session's start. Raises ConfigError where `interval` is no multiple of `step` or divides no day.
    """
    _check_lengths(step, interval)
    sessions = find_sessions(finer, step)
    time, before = pl.col("time"), pl.col("time").shift().over("symbol")
    start = _bar_starts(finer, step, interval, sessions)
    rows = finer.with_columns(start, sessions.segments).with_columns(
        first=(pl.col("start") != pl.col("start").shift().over("symbol")).fill_null(True),
        joined=(time - before == step).fill_null(False),
        closed=(pl.col("segment") == pl.col("segment").shift().over("symbol")).fill_null(False),
        close_before=pl.col("close").shift().over("symbol"),
    )
    alone = pl.col("first") & ~pl.col("joined")
    base = pl.when(alone).then("open").otherwise("close_before")
    gap = (pl.col("open") / pl.col("close_before")).log().pow(2)
    rows = rows.with_columns(
        r=(pl.col("close") / base).log(),
        gap=pl.when(alone & pl.col("closed") & overnight).then(gap).otherwise(0.0),
    )
    made = rows.group_by("symbol", time="start", maintain_order=True).agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col("volume").sum(),
        *(pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()) for name in SUMS if name in rows.columns),
        (pl.col("r").pow(2).sum() + pl.col("gap").sum()).alias(REALISED),
        (pl.col("r").pow(4).sum() * pl.len() / 3).alias(QUARTICITY),
        pl.len().cast(pl.Int64).alias("returns"),
        begin=pl.when(alone.first()).then(time.first()).otherwise(pl.col("start").first()),
        end=time.last() + step,
    )
    if sessions.always_open:
        share = (pl.col("end") - pl.col("begin")) / pl.lit(interval)
        made = made.with_columns(pl.col(REALISED) / share, pl.col(QUARTICITY) / share.pow(2))
    return _without_thin(made, _expected(made, rows, step, interval, sessions), interval, sessions, coverage)


def _check_lengths(step: timedelta, interval: timedelta) -> None:
    """ConfigError unless bars of `interval` can be made of bars of `step`."""
    if interval <= step or interval % step or DAY % interval:
        raise ConfigError(
            f"data.interval: expected a multiple of target.from, {format_duration(step)}, that divides a day (got "
            f"{format_duration(interval)}): choose such as 1d"
        )


def _bar_starts(finer: pl.DataFrame, step: timedelta, interval: timedelta, sessions: Sessions) -> pl.Series:
    """Return the `start` of the bar that each finer bar (n,) lies in."""
    microseconds = interval // timedelta(microseconds=1)
    grid = finer["time"].dt.truncate(f"{microseconds}us").alias("start")
    if interval < DAY or sessions.always_open:
        return grid
    opens = (pl.col("time").diff() > timedelta(microseconds=LONGEST_BREAK)) | (
        pl.col("symbol") != pl.col("symbol").shift()
    )
    rows = finer.select("symbol", "time", number=opens.fill_null(True).cum_sum())
    found = rows.group_by("symbol", "number", maintain_order=True).agg(
        start=pl.col("time").first(), end=pl.col("time").last() + step
    )
    start, last = pl.col("start"), pl.col("end") - timedelta(microseconds=1)
    past_midnight, too_long, too_close = found.select(
        (last.dt.date() != start.dt.date()).any(),
        too_long=(pl.col("end") - start > DAY).any(),
        too_close=(start.diff().over("symbol") < SHORTEST_DAY).any(),
    ).row(0)
    if not past_midnight or too_long or too_close:
        return grid
    return rows.join(found, on=["symbol", "number"], how="left", maintain_order="left")["start"]


def _expected(
    made: pl.DataFrame, rows: pl.DataFrame, step: timedelta, interval: timedelta, sessions: Sessions
) -> pl.Series:
    """Return how many finer bars each bar (n,) should hold: all of its length, or those found and those missing."""
    if sessions.always_open:
        return pl.Series([interval // step]).new_from_index(0, made.height)
    starts = rows.select("symbol", "time", "start")
    holes = sessions.holes.join(starts, left_on=["symbol", "before"], right_on=["symbol", "time"], how="left")
    missing = holes.group_by("symbol", time="start").agg(pl.col("missing").sum())
    lost = made.select("symbol", "time").join(missing, on=["symbol", "time"], how="left", maintain_order="left")
    return made["returns"] + lost["missing"].fill_null(0)


def _without_thin(
    made: pl.DataFrame, expected: pl.Series, interval: timedelta, sessions: Sessions, coverage: float
) -> pl.DataFrame:
    """Return the bars, a variance null where it has too few returns, without a last one that had not closed."""
    returns, usual = pl.col("returns"), pl.col("returns").median().over("symbol")
    thin = (returns < coverage * pl.col("expected")) | (returns < min(coverage, FEWEST_USUAL) * usual)
    complete = pl.col("end") >= pl.col("time") + interval
    enough = complete if sessions.always_open else returns >= COVERAGE * usual
    last = pl.int_range(pl.len()).over("symbol") == pl.len().over("symbol") - 1
    kept = made.with_columns(expected.alias("expected")).filter(~last | enough)
    if kept.height < 2:
        raise TooFewBars(
            f"target.from: expected finer bars of two or more bars of {format_duration(interval)} (got "
            f"{kept.height}): load more"
        )
    measures = (pl.when(~thin).then(name).alias(name) for name in (REALISED, QUARTICITY))
    return kept.with_columns(measures).select(column.name for column in BARS.columns if column.name in kept.columns)
