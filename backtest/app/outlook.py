"""The next close: recent prices, what the networks forecast from them, and how far off they may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import altair as alt
import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from backtest.app import charts, parts
from backtest.app.choosing import Choice
from backtest.app.loading import Contents, Source, current, forecast, read_bars
from backtest.app.words import due, of_seed, shown, times
from backtest.data.errors import BacktestError, ConfigError, DataError
from backtest.data.names import label
from backtest.forecast.intervals import Interval
from backtest.forecast.next_step import NextStep, Series, close_after, unnamed_plugins
from backtest.reports.formats import SPACE, counted, decimal, decimals, level, moment, percent, within
from backtest.reports.run_folder import printable, printable_frame

LENGTHS = (100, 500, 2_000)
VIEWS = ("Candles", "Closes")


@dataclass(frozen=True, slots=True)
class Ahead:
    """One forecast as it is shown: what leads to which close; `ends` are those of its interval, None without one."""

    step: NextStep
    log_return: float
    close: float
    interval: Interval | None
    ends: tuple[float, float] | None


@st.fragment
def outlook(
    run: Path, stamp: str, contents: Contents, choice: Choice, source: Source | None, plugins: Sequence[str]
) -> None:
    """Show recent prices at once, and the forecast as soon as the networks have woken up."""
    top = st.container()
    with st.container(horizontal=True):
        length = st.segmented_control(
            "Bars shown", LENGTHS, default=LENGTHS[0], format_func="{:,}".format, required=True
        )
        view = st.segmented_control("Shown as", VIEWS, default=VIEWS[0], required=True)
    place = st.empty()
    try:
        source = current(run, stamp, source)
        series = read_bars(run, stamp, source)
        bars = recent(series, choice.symbol, length)
        digits = decimals(bars["close"][-1])
        past = charts.history(bars, parts.palette(), digits, candles=view == VIEWS[0])
        span = f"{bars['at'][0]} to {bars['at'][-1]}"
        draw(place, past, span)
        with top:
            trusted(series, plugins)
            ahead = ahead_of(forecast(run, stamp, source, plugins), choice)
            numbers(ahead, choice, series, digits)
            st.text(" ".join((interval_words(ahead, choice), *newer_words(contents, series, choice.symbol))))
        draw(place, charts.layers(past, charts.ahead(next_bar(ahead, series, bars), parts.palette(), digits)), span)
    except BacktestError as problem:
        with top:
            parts.refuse(problem, "No forecast")


def trusted(series: Series, plugins: Sequence[str]) -> None:
    """Raise ConfigError where the run needs plugins that were not named when the app was started."""
    missing = unnamed_plugins(series.config, plugins)
    if missing:
        command = " ".join(("backtest app RUN", *(f"--plugins {name}" for name in series.config.plugins)))
        raise ConfigError(
            f"This run uses the plugin {', '.join(missing)}, which is code: stop the app and start it again, in the "
            f"folder of the plugin, with: {command}, if you trust that code"
        )


def draw(place: DeltaGenerator, picture: alt.LayerChart, span: str) -> None:
    """Put a chart in the place of the one before; from when to when it goes stands above it."""
    with place.container():
        parts.chart(picture.properties(title=span), "Recent prices and the forecast of the next close")


def recent(series: Series, symbol: str, length: int) -> pl.DataFrame:
    """Return the last bars of a symbol, with their times in words; DataError where it has none."""
    own = printable_frame(series.bars).filter(symbol=symbol).tail(length)
    if not own.height:
        raise DataError(f"{symbol}: expected bars of it (got none): choose other bars, or another symbol")
    return own.select("time", *charts.PRICES, at=times("time", series.interval))


def ahead_of(steps: Sequence[NextStep], choice: Choice) -> Ahead:
    """Return the chosen forecast; DataError where the run has no such fit.

    Intervals are made from errors of the mean over seeds: a single seed gets none.
    """
    wanted = choice.symbol, choice.model
    step = next((step for step in steps if (printable(step.symbol), printable(step.model)) == wanted), None)
    if step is None or (choice.seed is not None and choice.seed not in step.by_seed):
        raise DataError(f"{label(choice.model)}: the run holds no fit of it on all bars: run `backtest run` again")
    if choice.seed is not None:
        log_return = step.by_seed[choice.seed]
        return Ahead(step, log_return, close_after(step.close, log_return), None, None)
    return Ahead(step, step.log_return, step.next_close, step.interval(choice.level), step.ends(choice.level))


def numbers(ahead: Ahead, choice: Choice, series: Series, digits: int) -> None:
    """Show the forecast in figures."""
    step, horizon = ahead.step, series.config.target.horizon
    when = due(step.target_time, horizon, series.interval)
    who, last = f"{label(choice.model)}, {of_seed(choice.seed, choice.seeds)}", moment(step.time, series.interval)
    st.text(shown(f"{who}, for {when}, after the bar of {last}:"))
    name = "Next close" if horizon == 1 else f"Close {horizon} bars ahead"
    change = f"{percent(math.expm1(ahead.log_return), 3)} on {decimal(step.close, digits)}"
    with st.container(horizontal=True):
        parts.figure(name, decimal(ahead.close, digits), change)
        parts.figure("Log return", decimal(ahead.log_return, 6, signed=True))
        if ahead.interval and ahead.ends:
            one = ahead.interval
            parts.figure(f"{level(one.level)} interval", within(*ahead.ends, digits))
            parts.figure("Such intervals held", percent(one.share, 1, signed=False), f"of {counted(one.n, 'outcome')}")


def interval_words(ahead: Ahead, choice: Choice) -> str:
    """Return what the interval is and how far to trust it, or why there is none."""
    if choice.seed is not None:
        return "No interval: they are made from errors of the mean over seeds. Choose the mean to see one."
    one = ahead.interval
    if one is None or one.half_width is None:
        return f"Too few errors for an interval of {level(choice.level)}."
    covered = f"{percent(one.share, 1, signed=False)} of {counted(one.n, 'outcome')}" if one.n else "no outcome"
    return (
        f"{level(one.level)} intervals covered {covered} of the walk, each made from earlier errors only. "
        f"This one is the forecast ±{SPACE}{decimal(one.half_width, 5)} in log return."
    )


def newer_words(contents: Contents, series: Series, symbol: str) -> tuple[str, ...]:
    """Return how far the bars go beyond those that the run learned from."""
    card = contents.result.manifest.data
    newer = printable_frame(series.bars).filter(pl.col("time") >= card.end, symbol=symbol).height
    last = moment(card.end - card.interval, card.interval)
    return (f"It goes on from {counted(newer, 'bar')} after {last}, the last that the run knew.",) if newer else ()


def next_bar(ahead: Ahead, series: Series, bars: pl.DataFrame) -> pl.DataFrame:
    """Return the forecast as one row for the chart, one horizon behind the last bar."""
    time = bars["time"][-1] + series.config.target.horizon * series.interval
    low, high = ahead.ends or (None, None)
    when = due(ahead.step.target_time, series.config.target.horizon, series.interval)
    row = {"time": time, "at": when, "forecast": ahead.close, "low": low, "high": high}
    numbers = dict.fromkeys(("forecast", "low", "high"), pl.Float64)
    return pl.DataFrame([row], schema_overrides=numbers)
