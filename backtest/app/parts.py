"""What stands in several places of the page: badges, literal texts, tables, charts, and what cannot be shown.

Streamlit reads Markdown, with links, pictures, formulas and emoji, nearly everywhere. What comes from a run, a file or
an error is shown by elements that do not: `st.text`, `st.dataframe`, and the options of a `st.selectbox`.
"""

from __future__ import annotations

import altair as alt
import polars as pl
import streamlit as st

from backtest.app.charts import HEIGHT, Colours, colours
from backtest.app.words import SIGNS, refusal, shown
from backtest.data.errors import BacktestError
from backtest.reports.blocks import Table, Tone


def line(tone: Tone, word: str, text: str, label: str = "") -> None:
    """Show a badge with one of our own words, and a text beside it as it is."""
    colour, icon = SIGNS[tone]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.badge(f"{label}: {word}" if label else word, icon=icon, color=colour)
        st.text(shown(text))


def refuse(problem: BacktestError, what: str = "Cannot be shown") -> None:
    """Show why something is not there, in the words of the command line, controls for options."""
    with st.container(border=True):
        line("bad", what, refusal(problem))


def table(content: Table) -> None:
    """Show a table of the report, its caption under it."""
    grouped = len(content.groups) > 1
    heads = [*(["Kind"] if grouped else []), *(column.label for column in content.columns)]
    rows = [((group.label,) if grouped else ()) + row for group in content.groups for row in group.rows]
    numbers = [*([False] if grouped else []), *(column.number for column in content.columns)]
    names = [str(place) for place in range(len(heads))]
    config = {
        name: st.column_config.TextColumn(shown(head), alignment="right" if number else "left")
        for name, head, number in zip(names, heads, numbers, strict=True)
    }
    frame = pl.DataFrame([[shown(cell) for cell in row] for row in rows], schema=names, orient="row")
    st.dataframe(frame, hide_index=True, column_config=config)
    if content.caption:
        st.text(shown(content.caption))


def figure(name: str, value: str, more: str | None = None) -> None:
    """Show one number with its name and what else is to be known of it, all in our own words."""
    st.metric(name, value, more, delta_color="off", delta_arrow="off", border=True, width="content", height="stretch")


def chart(picture: alt.LayerChart, alt_text: str, height: int = HEIGHT) -> None:
    """Show a chart that can be zoomed and moved."""
    st.altair_chart(picture.properties(height=height).interactive(bind_y=False), alt=alt_text)


def palette() -> Colours:
    """Return the colours for the reader's theme."""
    return colours(st.context.theme.type)
