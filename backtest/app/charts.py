"""The app's charts: interactive and in the report's colours.

No name of a run, model or symbol goes into a chart: a browser draws only numbers, times and fixed words there.
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
FORECAST, OUTCOME, INSIDE, OUTSIDE = "forecast", "outcome", "outcome inside", "outcome outside"
ZERO = "zero: the last close"
LOG_RETURN = "log return"

UNSIGNED_ZERO = "datum.value ? datum.label : '0%'"
"""Labels of an axis with signs: zero has none."""


def colours(theme: Literal["light", "dark"] | None) -> Colours:
    """Return the report's colours by role, such as `ink`; the light ones if the theme is unknown."""
    return {role: colour.dark if theme == "dark" else colour.light for role, colour in COLOURS.items()}


def price_history(bars: pl.DataFrame, colour: Colours, digits: int, *, candles: bool) -> alt.LayerChart:
    """Return bars (time, at, open, high, low, close) as candles or a line of closes; `at` is the time as text."""
    base = alt.Chart(bars).encode(x=_time())
    hover = _hover_points(base, "close", [_tooltip("at", "bar"), *(_tooltip(name, name, digits) for name in PRICES)])
    if not candles:
        return layered(base.mark_line(color=colour["ink"], strokeWidth=1.5).encode(y=_price("close")), hover)
    rise = alt.condition("datum.close >= datum.open", alt.value(colour["green"]), alt.value(colour["vermilion"]))
    wick = base.mark_rule().encode(y=_price("low"), y2="high", color=rise)
    body = base.mark_bar(size=max(1.0, 0.7 * WIDTH / max(bars.height, 1))).encode(y="open:Q", y2="close", color=rise)
    return layered(wick, body, hover)


def next_close(step: pl.DataFrame, colour: Colours, digits: int) -> alt.LayerChart:
    """Return one forecast close (time, at, forecast) with its interval (low, high), null where it has none."""
    tooltip = [_tooltip("at", "for"), _tooltip("forecast", "next close", digits)]
    tooltip += (
        [] if step["low"].null_count() else [_tooltip("low", "interval from", digits), _tooltip("high", "to", digits)]
    )
    base = alt.Chart(step).encode(x=_time(), tooltip=tooltip)
    point = base.mark_point(filled=True, size=80, color=colour["blue"], opacity=1).encode(y=_price("forecast"))
    bar = base.mark_rule(strokeWidth=4, opacity=0.5, color=colour["blue"]).encode(y=_price("low"), y2="high")
    return layered(*([] if step["low"].null_count() else [bar]), point)


def outcomes(rows: pl.DataFrame, colour: Colours, axis: str) -> alt.LayerChart:
    """Return forecasts (time, at, y_hat, low, high) and outcomes (y, kind), in the unit that `axis` names.

    Null ends: no interval.

    `kind` is OUTCOME, or INSIDE or OUTSIDE where there is an interval.
    """
    base = alt.Chart(rows).encode(x=_time())
    form = ",.5f" if axis == LOG_RETURN else ".4~g"
    numbers = (("y_hat", FORECAST), ("y", OUTCOME))
    tooltip = [_tooltip("at", "bar"), *(alt.Tooltip(f"{name}:Q", title=title, format=form) for name, title in numbers)]
    points = base.mark_circle(size=24, opacity=0.85).encode(
        y=_outcome("y", axis), color=_legend(rows, colour, FORECAST), tooltip=tooltip
    )
    line = base.mark_line(strokeWidth=1.8).encode(y=_outcome("y_hat", axis), color=_colour_of(FORECAST))
    return layered(*_band(rows, base, _outcome("low", axis), colour), points, line)


def closes(rows: pl.DataFrame, colour: Colours, digits: int) -> alt.LayerChart:
    """Return the same as closes: `close_hat` with its interval, `close_outcome`, and `close`, which zero forecasts."""
    base = alt.Chart(rows).encode(x=_time())
    tooltip = [_tooltip("at", "bar"), _tooltip("close", "close before", digits)]
    tooltip += [_tooltip("close_hat", FORECAST, digits), _tooltip("close_outcome", OUTCOME, digits)]
    outcome = base.mark_line(strokeWidth=3, opacity=0.6).encode(y=_price("close_outcome"), color=_colour_of(OUTCOME))
    forecast = base.mark_line(strokeWidth=1.2).encode(y=_price("close_hat"), color=_colour_of(FORECAST))
    zero = base.mark_line(strokeWidth=1.2, strokeDash=[5, 4]).encode(y=_price("close"), color=_colour_of(ZERO))
    points = _hover_points(base, "close_outcome", tooltip).encode(color=_legend(rows, colour, FORECAST, ZERO))
    return layered(*_band(rows, base, _price("low"), colour), outcome, forecast, zero, points)


def skills(rows: pl.DataFrame, colour: Colours) -> alt.LayerChart:
    """Return the skill against the rival in each fold (fold, at, skill), a share."""
    better = alt.condition("datum.skill > 0", alt.value(colour["blue"]), alt.value(colour["vermilion"]))
    tooltip = [
        _tooltip("fold", "fold"),
        _tooltip("at", "tested"),
        alt.Tooltip("skill:Q", title="skill", format="+.2%"),
    ]
    folds = rows["fold"].to_list()
    around = alt.Scale(domain=[min(folds) - 0.7, max(folds) + 0.7], nice=False)
    bars = (
        alt.Chart(rows)
        .mark_bar(size=max(1.0, min(40.0, 0.7 * WIDTH / rows.height)))
        .encode(
            x=alt.X("fold:Q", title="fold", scale=around, axis=alt.Axis(tickMinStep=1, format="d", grid=False)),
            y=alt.Y("skill:Q", title="skill", axis=alt.Axis(format="+.1~%", labelExpr=UNSIGNED_ZERO)),
            color=better,
            tooltip=tooltip,
        )
    )
    return layered(bars)


def layered(*parts: alt.Chart | alt.LayerChart) -> alt.LayerChart:
    """Return charts on top of each other, the first at the bottom."""
    return alt.LayerChart(layer=parts)


def _time() -> alt.X:
    formats = {"hours": "%H:%M", "minutes": "%H:%M", "month": "%b %Y", "quarter": "%b %Y"}
    return alt.X("time:T", title="UTC", scale=alt.Scale(type="utc", padding=8), axis=alt.Axis(format=formats))


def _price(name: str) -> alt.Y:
    return alt.Y(f"{name}:Q", title="price", scale=alt.Scale(zero=False))


def _outcome(name: str, axis: str) -> alt.Y:
    return alt.Y(f"{name}:Q", title=axis)


def _tooltip(name: str, title: str, digits: int | None = None) -> alt.Tooltip:
    """One line of a tooltip: a number, or text if `digits` is None."""
    return (
        alt.Tooltip(f"{name}:N", title=title)
        if digits is None
        else alt.Tooltip(f"{name}:Q", title=title, format=f",.{digits}f")
    )


def _hover_points(base: alt.Chart, name: str, tooltip: list[alt.Tooltip]) -> alt.Chart:
    """Invisible points that carry tooltips: a line has only one for all of it."""
    points: alt.Chart = base.mark_point(opacity=0, size=120).encode(y=_price(name), tooltip=tooltip)
    return points


def _band(rows: pl.DataFrame, base: alt.Chart, low: alt.Y, colour: Colours) -> list[alt.Chart]:
    if rows["low"].null_count():
        return []
    return [base.mark_area(opacity=0.16, color=colour["blue"]).encode(y=low, y2="high")]


def _legend(rows: pl.DataFrame, colour: Colours, *lines: str) -> alt.Color:
    """The colours with a legend of the lines and outcomes, shared by the layers of a chart."""
    roles = {FORECAST: "blue", ZERO: "amber", OUTCOME: "muted", INSIDE: "muted", OUTSIDE: "vermilion"}
    present = [name for name in roles if name in lines or name in rows["kind"]]
    scale = alt.Scale(domain=present, range=[colour[roles[name]] for name in present])
    return alt.Color("kind:N", scale=scale, legend=alt.Legend(title=None, orient="top", symbolOpacity=1))


def _colour_of(name: str) -> Any:
    """The colour of one entry of the legend."""
    return alt.datum(name, type="nominal")
