"""The tab on the next step: recent prices where there are any, the forecast, and its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import altair as alt
import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from backtest.app import charts
from backtest.app.elements import (
    NO_INTERVALS,
    palette,
    seed_label,
    show_chart,
    show_error,
    show_number,
    target_label,
    time_labels,
    visible,
)
from backtest.app.loading import Choice, Source, forecast, read_bars, with_state
from backtest.data.errors import BacktestError, ConfigError, DataError
from backtest.data.names import label
from backtest.data.records.reading import printable, printable_frame
from backtest.forecast.next_step import Series, unnamed_plugins
from backtest.forecast.step import NextStep
from backtest.forecast_view import last_value, subject, table_of, value_digits
from backtest.reports.formats import SPACE, counted, decimal, decimals, level, moment, percent, within
from backtest.reports.run import RunResult
from backtest.reports.wording.question import capital

LENGTHS = (100, 500, 2_000)
VIEWS = ("Candles", "Closes")


@st.fragment
def show_next_step(
    run: Path, state: str, result: RunResult, choice: Choice, source: Source | None, plugins: Sequence[str]
) -> None:
    """Show recent prices at once, and the forecast as soon as torch is loaded."""
    top, prices = st.container(), st.container()
    try:
        source = with_state(run, state, source)
        series = read_bars(run, state, source, plugins)
        with prices:
            drawn = show_prices(series, choice.symbol) if "close" in series.bars.columns else None
        with top:
            check_plugins(series, plugins)
            step = chosen_forecast(forecast(run, state, source, plugins), choice, result.horizon)
            show_numbers(step, choice, series)
            st.text(" ".join((interval_text(step, choice), *newer_bars_text(result, series, choice.symbol))))
        if drawn and step.about.tradable:
            point = charts.next_close(forecast_row(step, choice, series, drawn.bars), palette(), value_digits([step]))
            draw_prices(
                drawn.place, charts.layered(drawn.past, point), drawn.span, "and the forecast of the next close"
            )
    except BacktestError as error:
        with top:
            show_error(error, "No forecast")


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Recent prices on the page: the bars, their chart, the time it spans, and where it stands."""

    bars: pl.DataFrame
    past: alt.LayerChart
    span: str
    place: DeltaGenerator


def show_prices(series: Series, symbol: str) -> Drawn:
    """Let the reader choose how many bars are shown and how, and draw them."""
    with st.container(horizontal=True):
        length = st.segmented_control(
            "Bars shown", LENGTHS, default=LENGTHS[0], format_func="{:,}".format, required=True
        )
        view = st.segmented_control("Shown as", VIEWS, default=VIEWS[0], required=True)
    bars = recent_bars(series, symbol, length)
    past = charts.price_history(bars, palette(), decimals(bars["close"][-1]), candles=view == VIEWS[0])
    drawn = Drawn(bars, past, f"{bars['at'][0]} to {bars['at'][-1]}", st.empty())
    draw_prices(drawn.place, past, drawn.span)
    return drawn


def check_plugins(series: Series, plugins: Sequence[str]) -> None:
    """Raise ConfigError if the run needs plugins that were not named when the app was started."""
    missing = unnamed_plugins(series.config, plugins)
    if missing:
        command = " ".join(("backtest app RUN", *(f"--plugins {name}" for name in series.config.plugins)))
        raise ConfigError(
            f"This run uses the plugin {', '.join(missing)}, which is code: if you trust it, stop the app, go to the "
            f"folder of the plugin, and run: {command}"
        )


def draw_prices(place: DeltaGenerator, picture: alt.LayerChart, span: str, more: str = "") -> None:
    """Draw a chart in the place of the one before, titled with the time it spans; `more` is what it shows besides."""
    with place.container():
        show_chart(picture.properties(title=span), f"Recent prices {more}".rstrip())


def recent_bars(series: Series, symbol: str, length: int) -> pl.DataFrame:
    """Return the last bars of a symbol with their times as text; DataError if there are none."""
    own = printable_frame(series.bars).filter(symbol=symbol).tail(length)
    if not own.height:
        raise DataError(f"{symbol}: expected bars of this symbol (got none): choose other bars or another symbol")
    return own.select("time", *charts.PRICES, at=time_labels("time", series.interval))


def chosen_forecast(steps: Sequence[NextStep], choice: Choice, horizon: int) -> NextStep:
    """Return the chosen forecast, `horizon` bars ahead; DataError if the run has no such fit.

    Intervals come from errors of the mean over seeds, so a single seed has none.
    """
    wanted = choice.symbol, choice.model
    own = (step for step in steps if step.horizon == horizon)
    step = next((step for step in own if (printable(step.symbol), printable(step.model)) == wanted), None)
    if step is None or choice.seed not in {None, *step.by_seed}:
        raise DataError(
            f"{label(choice.model)}: the run has no fit of this model on all bars: run `backtest run` again"
        )
    return step if choice.seed is None else replace(step, y_hat=step.by_seed[choice.seed], intervals=())


def show_numbers(step: NextStep, choice: Choice, series: Series) -> None:
    """Show the forecast in numbers, those of a return with the close that it leads to."""
    interval, ends, digits = step.interval(choice.level), step.ends(choice.level), value_digits([step])
    what = subject(step, target_label(step.target_time, step.horizon, series.interval))
    who, last = f"{label(choice.model)}, {seed_label(choice.seed, choice.seeds)}", moment(step.time, series.interval)
    known = "" if step.about.tradable or step.last_value is None else f" ({last_value([step])})"
    st.text(visible(f"{who}, for {what}, after the bar of {last}{known}:"))
    with st.container(horizontal=True):
        if step.about.tradable and step.last_value is not None:
            name = "Next close" if step.horizon == 1 else f"Close {step.horizon} bars ahead"
            change = f"{percent(math.expm1(step.y_hat), 3)} on {decimal(step.last_value, digits)}"
            show_number(name, decimal(step.next_value, digits), change)
            show_number("Log return", decimal(step.y_hat, 6, signed=True))
        else:
            for head, (cell,) in table_of([step]).items():
                show_number(capital(head), cell)
        if interval and ends:
            covered = percent(interval.share, 1, signed=False)
            show_number(f"{level(choice.level)} interval", within(*ends, digits))
            show_number("Coverage so far", covered, f"of {counted(interval.n, 'outcome')}")


def interval_text(step: NextStep, choice: Choice) -> str:
    """Return how often such intervals covered the outcome and how wide this one is, or why there is none."""
    if not step.about.intervals:
        return NO_INTERVALS
    if choice.seed is not None:
        return "No interval: intervals are made from errors of the mean over seeds. Choose the mean to see one."
    one = step.interval(choice.level)
    if one is None or one.half_width is None:
        return f"Too few errors for an interval of {level(choice.level)}."
    covered = f"{percent(one.share, 1, signed=False)} of {counted(one.n, 'outcome')}" if one.n else "no outcome"
    width = (
        f"{decimal(one.half_width, 5)} in log return"
        if step.about.tradable
        else decimal(one.half_width, value_digits([step]))
    )
    return (
        f"{level(one.level)} intervals covered {covered} of the walk, each made from earlier errors only. "
        f"This one is the forecast ±{SPACE}{width}."
    )


def newer_bars_text(result: RunResult, series: Series, symbol: str) -> tuple[str, ...]:
    """Return how many bars are newer than those that the run was fitted on, if any."""
    card = result.manifest.data
    newer = printable_frame(series.bars).filter(pl.col("time") >= card.end, symbol=symbol).height
    last = moment(card.end - card.interval, card.interval)
    return (f"The bars include {counted(newer, 'bar')} after {last}, the last bar of the run.",) if newer else ()


def forecast_row(step: NextStep, choice: Choice, series: Series, bars: pl.DataFrame) -> pl.DataFrame:
    """Return the forecast as one row for the chart, one horizon after the last bar."""
    time = bars["time"][-1] + step.horizon * series.interval
    low, high = step.ends(choice.level) or (None, None)
    when = target_label(step.target_time, step.horizon, series.interval)
    row = {"time": time, "at": when, "forecast": step.next_value, "low": low, "high": high}
    numbers = dict.fromkeys(("forecast", "low", "high"), pl.Float64)
    return pl.DataFrame([row], schema_overrides=numbers)
