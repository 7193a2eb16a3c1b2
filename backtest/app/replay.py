"""The walk again, fold by fold: what was forecast, what came, and how often the interval held it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import altair as alt
import polars as pl
import streamlit as st

from backtest.app import charts, parts
from backtest.app.choosing import Choice
from backtest.app.loading import Contents, current, read_bars
from backtest.app.words import of_seed, shown, times
from backtest.data.errors import BacktestError, DataError
from backtest.data.names import PRIMARY, label
from backtest.reports.formats import counted, day, decimals, level, percent, whole
from backtest.reports.result import Fold
from backtest.reports.run_folder import printable_frame

DRAWN = 2_000
"""Forecasts that a chart draws; of more, those with the highest and the lowest values of every stretch."""

VIEWS = ("Log returns", "Prices")

NEARLY = 0.25
"""Forecasts whose sizes add up to no more than this share of those of the moves draw nearly zero's line of prices."""


@st.fragment
def replay(run: Path, stamp: str, contents: Contents, choice: Choice) -> None:
    """Let the reader slide through the folds, and draw the forecasts of one of them."""
    fold = choose_fold(contents.result.folds, contents.result.manifest.data.interval)
    view = st.segmented_control("Shown as", VIEWS, default=VIEWS[0], required=True, key="replayed")
    rows = forecasts_of(contents, choice, fold)
    if not rows.height:
        st.text("There is no forecast for this symbol in this fold.")
        return
    width, covered = interval_of(contents, choice, fold)
    head(contents, choice, fold, rows.height, covered)
    try:
        drawn, picture = in_returns(rows, width) if view == VIEWS[0] else in_prices(rows, width, closes_of(run, stamp))
    except BacktestError as problem:
        parts.refuse(problem, "No prices")
        return
    parts.chart(picture, "What was forecast in this fold, and what came")
    if view == VIEWS[1]:
        st.text(lateness(rows, choice.model, contents.result.horizon))
    st.text(caption(choice, contents.result.horizon, width, rows.height, drawn))


def choose_fold(folds: Sequence[Fold], interval: timedelta) -> Fold:
    """Let the reader slide through the folds by the dates of their test spans; the last comes first."""
    if len(folds) == 1:
        return folds[0]
    texts = {fold.number: f"{fold.number}: {day(fold.test_start)} to {day(fold.test_end - interval)}" for fold in folds}
    number = st.select_slider("Fold", list(texts), value=folds[-1].number, format_func=texts.__getitem__)
    return next(fold for fold in folds if fold.number == number)


def forecasts_of(contents: Contents, choice: Choice, fold: Fold) -> pl.DataFrame:
    """Return one model's forecasts in a fold (symbol, origin, time, at, y, y_hat); `time` is the target bar's."""
    result = contents.result
    interval = result.manifest.data.interval
    chosen = contents.folder.forecasts.filter(
        pl.col("seed").eq_missing(choice.seed),
        model=choice.model,
        symbol=choice.symbol,
        fold=fold.number,
        horizon=result.horizon,
    )
    target = chosen.select("symbol", "y", "y_hat", origin="time", time=pl.col("target_time") - interval).sort("time")
    return target.with_columns(at=times("time", interval))


def interval_of(contents: Contents, choice: Choice, fold: Fold) -> tuple[float | None, int | None]:
    """Return the half-width of the intervals of a fold, and how many outcomes they held; a single seed has none."""
    row = contents.folder.coverage.filter(
        model=choice.model,
        symbol=choice.symbol,
        fold=fold.number,
        level=choice.level,
        horizon=contents.result.horizon,
    )
    return row.select("half_width", "covered").row(0) if row.height and choice.seed is None else (None, None)


def head(contents: Contents, choice: Choice, fold: Fold, n: int, covered: int | None) -> None:
    """Show how the model did in the fold."""
    st.text(shown(f"{label(choice.model)}, {of_seed(choice.seed, choice.seeds)}, in fold {fold.number}:"))
    scores = contents.folder.scores.filter(
        pl.col("seed").eq_missing(choice.seed), model=choice.model, fold=fold.number, metric="skill_zero"
    ).filter(horizon=contents.result.horizon)
    pooled = " of all symbols" if contents.folder.forecasts["symbol"].n_unique() > 1 else ""
    with st.container(horizontal=True):
        parts.figure(f"Skill vs zero{pooled}", percent(next(iter(scores["value"]), None)))
        parts.figure("Forecasts", whole(n))
        if covered is not None:
            parts.figure(f"{level(choice.level)} intervals held", percent(covered / n, 1, signed=False))


def in_returns(rows: pl.DataFrame, width: float | None) -> tuple[pl.DataFrame, alt.LayerChart]:
    """Return what is drawn of the forecasts as log returns, and the picture."""
    inside = pl.lit(charts.CAME)
    if width is not None:
        held = (pl.col("y") - pl.col("y_hat")).abs() <= width
        inside = pl.when(held).then(pl.lit(charts.INSIDE)).otherwise(pl.lit(charts.OUTSIDE))
    ends = {"low": pl.col("y_hat") - width, "high": pl.col("y_hat") + width}
    drawn = thinned(rows.with_columns(came=inside, **ends), ("y", "y_hat"))
    return drawn, charts.returns(drawn, parts.palette())


def in_prices(rows: pl.DataFrame, width: float | None, closes: pl.DataFrame) -> tuple[pl.DataFrame, alt.LayerChart]:
    """Return the same as prices, from the `closes` (symbol, origin, close) that the forecasts go on from."""
    known = rows.join(closes, on=["symbol", "origin"], how="inner", maintain_order="left")
    if not known.height:
        raise DataError("prices: expected the bars that the run was made from (got other times): choose log returns")
    close = pl.col("close")
    leads = {"close_hat": pl.col("y_hat"), "close_came": pl.col("y")}
    leads |= {"low": pl.col("y_hat") - width, "high": pl.col("y_hat") + width}
    priced = known.with_columns(came=pl.lit(charts.CAME), **{name: close * y.exp() for name, y in leads.items()})
    drawn = thinned(priced, ("close_came", "close_hat"))
    return drawn, charts.closes(drawn, parts.palette(), decimals(float(known["close"][-1])))


def lateness(rows: pl.DataFrame, model: str, horizon: int) -> str:
    """Return why forecasts look good as prices: they hug the last close, which is what zero forecasts."""
    sizes = rows.select(pl.col("y", "y_hat").abs().sum())
    late = f"the last close, {counted(horizon, 'bar')} late".replace(" 1 bar", " one bar")
    if model == PRIMARY["baseline"]:
        said = f"This is zero's line: {late}."
    elif sizes["y_hat"].item() <= NEARLY * sizes["y"].item():
        said = f"Zero draws nearly the same line: {late}."
    else:
        said = f"Zero draws the dashed line: {late}. To be close to the price is no merit."
    return f"{said} Look at the log returns."


def closes_of(run: Path, stamp: str) -> pl.DataFrame:
    """Return the closes of the run's own bars; raises what reading them raises."""
    bars = read_bars(run, stamp, current(run, stamp, None)).bars
    return printable_frame(bars.select("symbol", "close", origin="time"))


def thinned(rows: pl.DataFrame, names: Sequence[str], most: int = DRAWN) -> pl.DataFrame:
    """Return at most `most` rows: of equal stretches those where one of the columns is highest or lowest.

    All rows where they are no more than that; so no extreme is lost.
    """
    if rows.height <= most:
        return rows
    stretch = pl.int_range(pl.len()) * (most // (2 * len(names))) // pl.len()
    extremes = [place for name in names for place in (pl.col(name).arg_min(), pl.col(name).arg_max())]
    groups = rows.with_row_index("row").group_by(stretch.alias("stretch"))
    kept = groups.agg(pl.concat_list([pl.col("row").get(place) for place in extremes]).alias("row"))
    return rows[kept["row"].explode().unique().sort()]


def caption(choice: Choice, horizon: int, width: float | None, n: int, drawn: pl.DataFrame) -> str:
    """Return how to read the picture, and what was left out of it."""
    said = [f"Each point in time is a bar, forecast at the close {counted(horizon, 'bar')} before."]
    if choice.seed is not None:
        said.append("No interval: they are made from errors of the mean over seeds.")
    elif width is None:
        said.append("No interval: too few errors were known before this fold.")
    else:
        said.append(f"The band is made to hold {level(choice.level)} of the outcomes, from errors before this fold.")
    if drawn.height < n:
        said.append(
            f"Drawn are {whole(drawn.height)} of {counted(n, 'forecast')}: the highest and lowest of every stretch."
        )
    return " ".join(said)
