"""The app: a run's verdict, its next step and the prices that lead up to it, in a browser on this machine."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import altair as alt
import polars as pl
import streamlit as st

import reports
from backtest.forecast import NextStep, next_steps, read_config
from backtest.prepare import load_bars
from data.errors import BacktestError
from data.names import label
from data.runs import MANIFEST, runs_folder
from data.verdict import Verdict

SHOWN = 100
STATUS_COLOURS = {"better": "green", "worse": "red", "leak suspected": "red"}


def main() -> None:
    """Draw the page; the run comes from the command line or is picked from the folder of runs."""
    st.set_page_config(page_title="Beatzero")
    folders = [Path(argument) for argument in sys.argv[1:]] or finished_runs()
    if not folders:
        st.info("No finished run yet. Make one: backtest run quick")
        return
    run = st.sidebar.selectbox("Run", folders, format_func=lambda folder: folder.name)
    try:
        show(run)
    except BacktestError as problem:
        st.error(_literal(str(problem)))


def finished_runs() -> list[Path]:
    """Folders of finished runs, the newest first."""
    manifests = sorted(runs_folder().glob(f"*/{MANIFEST}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [path.parent for path in manifests]


def show(run: Path) -> None:
    """Draw one run: verdict, next step, prices, table."""
    verdict, table = _evidence(run, _stamp(run))
    st.markdown(f":{STATUS_COLOURS.get(verdict.status, 'orange')}-badge[{verdict.status}]")
    st.header(_literal(verdict.headline))
    st.write(_literal(verdict.sentence))
    st.dataframe(table, hide_index=True)
    steps, prices = _outlook(run, _stamp(run))
    symbol = st.sidebar.selectbox("Symbol", sorted({step.symbol for step in steps}))
    model = st.sidebar.selectbox("Model", list(dict.fromkeys(step.model for step in steps))[::-1], format_func=label)
    step = next(step for step in steps if (step.symbol, step.model) == (symbol, model))
    st.subheader(f"Next close by {label(model)}: {step.next_close:,.2f}")
    due = f"for {step.target_time:%Y-%m-%d %H:%M} UTC" if step.target_time else "for the next session"
    st.caption(f"{step.log_return:+.6f} as log return, {due}")
    st.altair_chart(_chart(_course(prices.filter(symbol=symbol), step)))


def _chart(course: pl.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """The closes as a line, the forecast as a line with points, on an axis around them."""
    base = alt.Chart(course).encode(x=alt.X("close time:T", title=None))
    scale = alt.Scale(zero=False)
    closes = base.mark_line().encode(y=alt.Y("close:Q", title="close", scale=scale))
    ahead = base.mark_line(point=True, color="#b84a00").encode(y=alt.Y("forecast:Q", title="", scale=scale))
    return alt.layer(closes, ahead)


def _course(prices: pl.DataFrame, step: NextStep) -> pl.DataFrame:
    """The last closes, and the forecast as a line from the last of them."""
    closes = prices.select("close time", "close", forecast=pl.lit(None, pl.Float64))
    ahead = {
        "close time": [step.known_at, step.target_time or step.known_at + timedelta(days=1)],
        "close": None,
        "forecast": [step.close, step.next_close],
    }
    return pl.concat([closes, pl.DataFrame(ahead, schema=closes.schema)])


@st.cache_data(show_spinner=False)
def _evidence(run: Path, stamp: float) -> tuple[Verdict, pl.DataFrame]:
    result = reports.read(run)
    table = reports.headline(result)
    names = [column.label for column in table.columns]
    return result.verdict, pl.DataFrame(table.rows, schema=names, orient="row")


@st.cache_data(show_spinner="Forecasting")
def _outlook(run: Path, stamp: float) -> tuple[list[NextStep], pl.DataFrame]:
    steps, _ = next_steps(run)
    bars, interval = load_bars(read_config(run))
    closes = bars.with_columns((pl.col("time") + interval).alias("close time")).group_by("symbol").tail(SHOWN)
    return steps, closes


def _stamp(run: Path) -> float:
    """When the run was finished, so that nothing older is shown from the cache."""
    return (run / MANIFEST).stat().st_mtime


def _literal(text: str) -> str:
    """Text with what Markdown would take for itself made plain."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()#+-.!|<>$:~" else sign for sign in text)


if __name__ == "__main__":
    main()
