"""The app's charts: interactive, in the report's colours, with columns and words of their own alone.

No name of a run, model or symbol goes into a chart: what a browser draws there is numbers, times and fixed words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import altair as alt
import polars as pl

from backtest.reports.render.svg import COLOURS

Colours = Mapping[str, str]

HEIGHT, LOW = 400, 220
WIDTH = 900
"""About what a chart gets on a large screen, in pixels."""

PRICES = ("open", "high", "low", "close")
FORECAST, CAME, INSIDE, OUTSIDE = "forecast", "came", "came inside", "came outside"
ZERO = "zero: the last close"


NO_SIGN = "datum.value ? datum.label : '0%'"
"""A label of an axis with signs, of which zero has none."""


def colours(theme: Literal["light", "dark"] | None) -> Colours:
    """Return the report's colours by their roles."""
    return {role: colour.dark if theme == "dark" else colour.light for role, colour in COLOURS.items()}


def history(bars: pl.DataFrame, colour: Colours, digits: int, *, candles: bool) -> alt.LayerChart:
    """Return bars (time, at, open, high, low, close) as candles, or as a line of closes; `at` is the time in words."""
    base = alt.Chart(bars).encode(x=_time())
    hover = _hover(base, "close", [_told("at", "bar"), *(_told(name, name, digits) for name in PRICES)])
    if not candles:
        return layers(base.mark_line(color=colour["ink"], strokeWidth=1.5).encode(y=_price("close")), hover)
    rise = alt.condition("datum.close >= datum.open", alt.value(colour["green"]), alt.value(colour["vermilion"]))
    wick = base.mark_rule().encode(y=_price("low"), y2="high", color=rise)
    body = base.mark_bar(size=max(1.0, 0.7 * WIDTH / max(bars.height, 1))).encode(y="open:Q", y2="close", color=rise)
    return layers(wick, body, hover)


def ahead(step: pl.DataFrame, colour: Colours, digits: int) -> alt.LayerChart:
    """Return one forecast close (time, at, forecast) with the ends of its interval (low, high); null: it has none."""
    told = [_told("at", "for"), _told("forecast", "next close", digits)]
    told += [] if step["low"].null_count() else [_told("low", "interval from", digits), _told("high", "to", digits)]
    base = alt.Chart(step).encode(x=_time(), tooltip=told)
    point = base.mark_point(filled=True, size=80, color=colour["blue"], opacity=1).encode(y=_price("forecast"))
    bar = base.mark_rule(strokeWidth=4, opacity=0.5, color=colour["blue"]).encode(y=_price("low"), y2="high")
    return layers(*([] if step["low"].null_count() else [bar]), point)


def returns(rows: pl.DataFrame, colour: Colours) -> alt.LayerChart:
    """Return forecasts (time, at, y_hat, low, high) beside what came (y, came) as log returns; null ends: no interval.

    `came` is CAME, or INSIDE or OUTSIDE where there is an interval.
    """
    base = alt.Chart(rows).encode(x=_time())
    told = [_told("at", "bar"), _told("y_hat", FORECAST, 5), _told("y", CAME, 5)]
    points = base.mark_circle(size=24, opacity=0.85).encode(
        y=_return("y"), color=_meaning(rows, colour, FORECAST), tooltip=told
    )
    line = base.mark_line(strokeWidth=1.8).encode(y=_return("y_hat"), color=_as(FORECAST))
    return layers(*_band(rows, base, _return("low"), colour), points, line)


def closes(rows: pl.DataFrame, colour: Colours, digits: int) -> alt.LayerChart:
    """Return the same as closes: `close_hat` with its ends beside `close_came` and zero's, `close`; `came` is CAME."""
    base = alt.Chart(rows).encode(x=_time())
    told = [_told("at", "bar"), _told("close", "close before", digits)]
    told += [_told("close_hat", FORECAST, digits), _told("close_came", CAME, digits)]
    came = base.mark_line(strokeWidth=3, opacity=0.6).encode(y=_price("close_came"), color=_as(CAME))
    forecast = base.mark_line(strokeWidth=1.2).encode(y=_price("close_hat"), color=_as(FORECAST))
    zero = base.mark_line(strokeWidth=1.2, strokeDash=[5, 4]).encode(y=_price("close"), color=_as(ZERO))
    points = _hover(base, "close_came", told).encode(color=_meaning(rows, colour, FORECAST, ZERO))
    return layers(*_band(rows, base, _price("low"), colour), came, forecast, zero, points)


def skills(rows: pl.DataFrame, colour: Colours) -> alt.LayerChart:
    """Return the skill against zero, as a share, in each fold (fold, at, skill)."""
    better = alt.condition("datum.skill > 0", alt.value(colour["blue"]), alt.value(colour["vermilion"]))
    told = [_told("fold", "fold"), _told("at", "tested"), alt.Tooltip("skill:Q", title="skill vs zero", format="+.2%")]
    folds = rows["fold"].to_list()
    around = alt.Scale(domain=[min(folds) - 0.7, max(folds) + 0.7], nice=False)
    bars = (
        alt.Chart(rows)
        .mark_bar(size=max(1.0, min(40.0, 0.7 * WIDTH / rows.height)))
        .encode(
            x=alt.X("fold:Q", title="fold", scale=around, axis=alt.Axis(tickMinStep=1, format="d", grid=False)),
            y=alt.Y("skill:Q", title="skill vs zero", axis=alt.Axis(format="+.1~%", labelExpr=NO_SIGN)),
            color=better,
            tooltip=told,
        )
    )
    return layers(bars)


def layers(*parts: alt.Chart | alt.LayerChart) -> alt.LayerChart:
    """Return charts on top of each other, the first at the bottom."""
    return alt.LayerChart(layer=parts)


def _time() -> alt.X:
    words = {"hours": "%H:%M", "minutes": "%H:%M", "month": "%b %Y", "quarter": "%b %Y"}
    return alt.X("time:T", title="UTC", scale=alt.Scale(type="utc", padding=8), axis=alt.Axis(format=words))


def _price(name: str) -> alt.Y:
    return alt.Y(f"{name}:Q", title="price", scale=alt.Scale(zero=False))


def _return(name: str) -> alt.Y:
    return alt.Y(f"{name}:Q", title="log return")


def _told(name: str, title: str, digits: int | None = None) -> alt.Tooltip:
    """One line of a tooltip: words where there are no digits."""
    return (
        alt.Tooltip(f"{name}:N", title=title)
        if digits is None
        else alt.Tooltip(f"{name}:Q", title=title, format=f",.{digits}f")
    )


def _hover(base: alt.Chart, name: str, told: list[alt.Tooltip]) -> alt.Chart:
    """Points that nobody sees: a line as such has one tooltip for all of it."""
    points: alt.Chart = base.mark_point(opacity=0, size=120).encode(y=_price(name), tooltip=told)
    return points


def _band(rows: pl.DataFrame, base: alt.Chart, low: alt.Y, colour: Colours) -> list[alt.Chart]:
    if rows["low"].null_count():
        return []
    return [base.mark_area(opacity=0.16, color=colour["blue"]).encode(y=low, y2="high")]


def _meaning(rows: pl.DataFrame, colour: Colours, *lines: str) -> alt.Color:
    """What the colours mean, in a legend of the lines and of what came; the layers of a chart share it."""
    meanings = {FORECAST: "blue", ZERO: "amber", CAME: "muted", INSIDE: "muted", OUTSIDE: "vermilion"}
    present = [name for name in meanings if name in lines or name in rows["came"]]
    scale = alt.Scale(domain=present, range=[colour[meanings[name]] for name in present])
    return alt.Color("came:N", scale=scale, legend=alt.Legend(title=None, orient="top", symbolOpacity=1))


def _as(meaning: str) -> Any:
    """The colour of one of the meanings."""
    return alt.datum(meaning, type="nominal")
