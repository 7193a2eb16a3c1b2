"""The tab that replays the walk: forecasts, outcomes and intervals of one fold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import altair as alt
import polars as pl
import streamlit as st

from backtest.app import charts
from backtest.app.elements import (
    NO_INTERVALS,
    palette,
    seed_label,
    show_chart,
    show_error,
    show_number,
    time_labels,
    visible,
)
from backtest.app.loading import Choice, read_bars, with_state
from backtest.data.errors import BacktestError, DataError
from backtest.data.names import label
from backtest.data.records.reading import printable_frame
from backtest.data.targets import Target
from backtest.reports.formats import counted, day, decimals, level, percent, whole
from backtest.reports.result import Fold
from backtest.reports.run import RunResult
from backtest.reports.wording.question import capital

DRAWN = 2_000
"""Forecasts that a chart draws at most; of more, those with the extremes of equal stretches."""

VIEWS = ("Log returns", "Prices")

SCALES = {"return": "outcome", "variance": "variance", "probability": "probability"}
"""What the axis of outcomes is called, by the scale of a target."""

NEARLY_ZERO = 0.25
"""Forecasts whose absolute sum is at most this share of that of the returns draw nearly the same prices as zero."""


@st.fragment
def show_replay(run: Path, state: str, result: RunResult, choice: Choice, plugins: Sequence[str]) -> None:
    """Let the reader slide through the folds, and draw the forecasts of one."""
    fold = choose_fold(result.folds, result.manifest.data.interval)
    question = result.question
    views = VIEWS if question.about.tradable else (capital(question.about.title),)
    view = st.segmented_control("Shown as", views, default=views[0], required=True, key="replayed")
    rows = fold_forecasts(result, choice, fold)
    if not rows.height:
        st.text("There is no forecast for this symbol in this fold.")
        return
    width, covered = fold_interval(result, choice, fold)
    show_fold(result, choice, fold, rows.height, covered)
    try:
        if view == views[0]:
            drawn, picture = outcomes_chart(rows, width, question.about)
        else:
            drawn, picture = prices_chart(rows, width, run_closes(run, state, plugins))
    except BacktestError as error:
        show_error(error, "No prices")
        return
    show_chart(picture, "Forecasts and outcomes in this fold")
    if view == VIEWS[1]:
        st.text(zero_line_text(rows, choice.model, result.horizon))
    st.text(chart_caption(choice, result, width, rows.height, drawn))


def choose_fold(folds: Sequence[Fold], interval: timedelta) -> Fold:
    """Let the reader choose a fold by the dates of its test span; the last comes first."""
    if len(folds) == 1:
        return folds[0]
    texts = {fold.number: f"{fold.number}: {day(fold.test_start)} to {day(fold.test_end - interval)}" for fold in folds}
    number = st.select_slider("Fold", list(texts), value=folds[-1].number, format_func=texts.__getitem__)
    return next(fold for fold in folds if fold.number == number)


def of_fold(table: pl.DataFrame, result: RunResult, choice: Choice, fold: Fold) -> pl.DataFrame:
    """Return the rows of a table of the run that are of the chosen model in a fold."""
    return table.filter(model=choice.model, fold=fold.number, horizon=result.horizon)


def fold_forecasts(result: RunResult, choice: Choice, fold: Fold) -> pl.DataFrame:
    """Return one model's forecasts in a fold: symbol, origin, time (of the target bar), at (as text), y, y_hat."""
    interval = result.manifest.data.interval
    rows = of_fold(result.tables["forecasts"], result, choice, fold)
    chosen = rows.filter(pl.col("seed").eq_missing(choice.seed), symbol=choice.symbol)
    target = chosen.select("symbol", "y", "y_hat", origin="time", time=pl.col("target_time") - interval).sort("time")
    return target.with_columns(at=time_labels("time", interval))


def fold_interval(result: RunResult, choice: Choice, fold: Fold) -> tuple[float | None, int | None]:
    """Return the half-width of the intervals of a fold and how many outcomes they covered; None for a single seed."""
    rows = of_fold(result.tables["coverage"], result, choice, fold)
    row = rows.filter(symbol=choice.symbol, level=choice.level)
    return row.select("half_width", "covered").row(0) if row.height and choice.seed is None else (None, None)


def show_fold(result: RunResult, choice: Choice, fold: Fold, n: int, covered: int | None) -> None:
    """Show the numbers of a model in a fold."""
    st.text(visible(f"{label(choice.model)}, {seed_label(choice.seed, choice.seeds)}, in fold {fold.number}:"))
    rows = of_fold(result.tables["scores"], result, choice, fold)
    scores = rows.filter(pl.col("seed").eq_missing(choice.seed), metric=f"skill_{result.rival}")
    pooled = " of all symbols" if result.tables["forecasts"]["symbol"].n_unique() > 1 else ""
    with st.container(horizontal=True):
        show_number(f"Skill vs {result.rival_name}{pooled}", percent(next(iter(scores["value"]), None)))
        show_number("Forecasts", whole(n))
        if covered is not None:
            show_number(f"{level(choice.level)} interval coverage", percent(covered / n, 1, signed=False))


def outcomes_chart(rows: pl.DataFrame, width: float | None, about: Target) -> tuple[pl.DataFrame, alt.LayerChart]:
    """Return the forecasts that are drawn, in the unit of what is forecast, and the chart."""
    inside = pl.lit(charts.OUTCOME)
    if width is not None:
        held = (pl.col("y") - pl.col("y_hat")).abs() <= width
        inside = pl.when(held).then(pl.lit(charts.INSIDE)).otherwise(pl.lit(charts.OUTSIDE))
    ends = {"low": pl.col("y_hat") - width, "high": pl.col("y_hat") + width}
    drawn = downsample(rows.with_columns(kind=inside, **ends), ("y", "y_hat"))
    axis = charts.LOG_RETURN if about.tradable else "change" if about.bar_change else SCALES[about.scale]
    return drawn, charts.outcomes(drawn, palette(), axis)


def prices_chart(rows: pl.DataFrame, width: float | None, closes: pl.DataFrame) -> tuple[pl.DataFrame, alt.LayerChart]:
    """Return the same as prices, from the `closes` (symbol, origin, close) at the forecasts' origins."""
    known = rows.join(closes, on=["symbol", "origin"], how="inner", maintain_order="left")
    if not known.height:
        raise DataError("prices: expected the bars of the run (got other times): choose log returns")
    close = pl.col("close")
    leads = {"close_hat": pl.col("y_hat"), "close_outcome": pl.col("y")}
    leads |= {"low": pl.col("y_hat") - width, "high": pl.col("y_hat") + width}
    priced = known.with_columns(kind=pl.lit(charts.OUTCOME), **{name: close * y.exp() for name, y in leads.items()})
    drawn = downsample(priced, ("close_outcome", "close_hat"))
    return drawn, charts.closes(drawn, palette(), decimals(float(known["close"][-1])))


def zero_line_text(rows: pl.DataFrame, model: str, horizon: int) -> str:
    """Return why forecasts look good as prices: they stay near the last close, which is what zero forecasts."""
    sizes = rows.select(pl.col("y", "y_hat").abs().sum())
    late = f"the last close, {counted(horizon, 'bar')} late".replace(" 1 bar", " one bar")
    if model == "zero":
        text = f"This is zero's line: {late}."
    elif sizes["y_hat"].item() <= NEARLY_ZERO * sizes["y"].item():
        text = f"Zero draws nearly the same line: {late}."
    else:
        text = f"Zero draws the dashed line: {late}. To be close to the price is no merit."
    return f"{text} Look at the log returns."


def run_closes(run: Path, state: str, plugins: Sequence[str]) -> pl.DataFrame:
    """Return the closes of the run's own bars. Raises what `read_bars` raises."""
    bars = read_bars(run, state, with_state(run, state, None), plugins).bars
    return printable_frame(bars.select("symbol", "close", origin="time"))


def downsample(rows: pl.DataFrame, names: Sequence[str], most: int = DRAWN) -> pl.DataFrame:
    """Return at most `most` rows: all of them, or those of equal stretches where one of the columns has an extreme."""
    if rows.height <= most:
        return rows
    stretch = pl.int_range(pl.len()) * (most // (2 * len(names))) // pl.len()
    extremes = [place for name in names for place in (pl.col(name).arg_min(), pl.col(name).arg_max())]
    groups = rows.with_row_index("row").group_by(stretch.alias("stretch"))
    kept = groups.agg(pl.concat_list([pl.col("row").get(place) for place in extremes]).alias("row"))
    return rows[kept["row"].explode().unique().sort()]


def chart_caption(choice: Choice, result: RunResult, width: float | None, n: int, drawn: pl.DataFrame) -> str:
    """Return how to read the chart, and what it leaves out."""
    texts = [f"Each point in time is a bar, forecast at the close {counted(result.horizon, 'bar')} before."]
    if not result.question.about.intervals:
        texts.append(NO_INTERVALS)
    elif choice.seed is not None:
        texts.append("No interval: intervals are made from errors of the mean over seeds.")
    elif width is None:
        texts.append("No interval: too few errors were known before this fold.")
    else:
        texts.append(f"The band is the {level(choice.level)} interval from errors before this fold.")
    if drawn.height < n:
        texts.append(
            f"{whole(drawn.height)} of {counted(n, 'forecast')} are drawn: the extremes of equal stretches of time."
        )
    return " ".join(texts)
