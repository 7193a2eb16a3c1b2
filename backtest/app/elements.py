"""What every part of the page is made of: badges, literal texts, numbers, tables, charts and error messages.

Streamlit reads Markdown, with links, pictures, formulas and emoji, nearly everywhere. What comes from a run, a file or
an error is shown by elements that do not: `st.text`, `st.dataframe`, and the options of a `st.selectbox`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import altair as alt
import polars as pl
import streamlit as st

from backtest.app.charts import HEIGHT, Colours, colours
from backtest.data.errors import BacktestError
from backtest.data.records.reading import printable
from backtest.reports.blocks import Table, Tone
from backtest.reports.formats import SPACE, counted, moment

T = TypeVar("T", bound=Hashable)

BADGES: dict[Tone, tuple[Literal["green", "orange", "red", "gray"], str]] = {
    "good": ("green", ":material/check_circle:"),
    "care": ("orange", ":material/error:"),
    "open": ("orange", ":material/drag_handle:"),
    "bad": ("red", ":material/cancel:"),
    "mute": ("gray", ":material/help:"),
}
"""Colour and icon of a badge; its word says the same."""

NO_INTERVALS = "No interval: for this target they have no meaning."

CONTROLS = {"--data: ": "Bars: "}
"""How messages begin that name an option of the command line, and the control that the app has instead."""


def show_badge(tone: Tone, word: str, text: str, label: str = "") -> None:
    """Show a badge with one of our own words, followed by a literal text."""
    colour, icon = BADGES[tone]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.badge(f"{label}: {word}" if label else word, icon=icon, color=colour)
        st.text(visible(text))


def show_error(error: BacktestError, what: str = "Cannot be shown") -> None:
    """Show why something is missing, in the words of the command line."""
    with st.container(border=True):
        show_badge("bad", what, error_text(error))


def show_table(content: Table) -> None:
    """Show a table of the report with its caption below."""
    grouped = len(content.groups) > 1
    heads = [*(["Kind"] if grouped else []), *(column.label for column in content.columns)]
    rows = [((group.label,) if grouped else ()) + row for group in content.groups for row in group.rows]
    numbers = [*([False] if grouped else []), *(column.number for column in content.columns)]
    names = [str(place) for place in range(len(heads))]
    config = {
        name: st.column_config.TextColumn(visible(head), alignment="right" if number else "left")
        for name, head, number in zip(names, heads, numbers, strict=True)
    }
    frame = pl.DataFrame([[visible(cell) for cell in row] for row in rows], schema=names, orient="row")
    st.dataframe(frame, hide_index=True, column_config=config)
    if content.caption:
        st.text(visible(content.caption))


def show_number(name: str, value: str, detail: str | None = None) -> None:
    """Show one number with its name and a detail, all in our own words."""
    st.metric(name, value, detail, delta_color="off", delta_arrow="off", border=True, width="content", height="stretch")


def show_chart(picture: alt.LayerChart, alt_text: str, height: int = HEIGHT) -> None:
    """Show a chart that can be zoomed and moved."""
    st.altair_chart(picture.properties(height=height).interactive(bind_y=False), alt=alt_text)


def palette() -> Colours:
    """Return the colours for the reader's theme."""
    return colours(st.context.theme.type)


def select(name: str, options: Sequence[T], short: Callable[[T], str] = str) -> T:
    """Let the reader select one of the options in the sidebar; no text of theirs is read as Markdown."""
    texts = distinct_texts(options, short)
    return st.sidebar.selectbox(name, options, format_func=texts.__getitem__)


def distinct_texts(options: Sequence[T], short: Callable[[T], str]) -> dict[T, str]:
    """Return a text for each option: its short one, or all of it where two would read the same."""
    texts = [short(option) for option in options]
    return {
        option: visible(text if texts.count(text) == 1 else option) for option, text in zip(options, texts, strict=True)
    }


def visible(text: object) -> str:
    """Return a text with its line breaks, and invisible characters replaced."""
    return printable(str(text), keep=f"\n{SPACE}")


def error_text(error: BacktestError) -> str:
    """Return an error's message, with the app's controls in the place of command line options."""
    message = str(error)
    option = next((option for option in CONTROLS if message.startswith(option)), "")
    return CONTROLS.get(option, "") + message.removeprefix(option)


def seed_label(seed: int | None, seeds: int) -> str:
    """Return whose forecasts these are: those of one seed, or the mean over all `seeds`."""
    return f"seed {seed}" if seed is not None else f"mean over {counted(seeds, 'seed')}" if seeds else "one fit"


def time_labels(column: str, interval: timedelta) -> pl.Expr:
    """Return a column of times as text, as `formats.moment` writes one."""
    texts = pl.col(column).dt.strftime("%Y-%m-%d %H:%M")
    return texts.str.strip_suffix(" 00:00") if interval >= timedelta(days=1) else texts


def target_label(target_time: datetime | None, horizon: int, interval: timedelta) -> str:
    """Return which close is forecast."""
    if target_time is not None:
        return f"the close at {moment(target_time, interval)}{SPACE}UTC"
    bar = "session" if interval >= timedelta(days=1) else "bar"
    return f"the close of the next {bar}" if horizon == 1 else f"the close {counted(horizon, bar)} ahead"
