"""The page that Streamlit runs: verdict and audit on top, whatever is shown beneath."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from backtest.app import evidence, parts
from backtest.app.choosing import choose, choose_run, choose_source
from backtest.app.loading import finished_runs, read_run, stamp_of
from backtest.app.outlook import outlook
from backtest.app.replay import replay
from backtest.data.errors import BacktestError

TABS = ("Forecast", "Replay", "Leak audit", "Folds", "All models")


def main() -> None:
    """Draw the page; run and plugins come from the command line, or the run from the folder of runs."""
    st.set_page_config(page_title="Beatzero", layout="wide")
    st.sidebar.header("Beatzero")
    given, *plugins = sys.argv[1:] or [""]
    folders = finished_runs(Path(given) if given else None)
    if not folders:
        welcome()
        return
    run = choose_run(folders)
    try:
        show(run, plugins)
    except BacktestError as problem:
        parts.refuse(problem)


def welcome() -> None:
    """Say how to make a run where there is none."""
    st.header("No finished run yet")
    st.text("A small one, on made-up bars, takes half a minute. Make it, then load this page again:")
    st.code("backtest run quick", language=None)
    st.text("The main job, on twenty years of the S&P 500, takes about a minute:")
    st.code("backtest run default", language=None)


def show(run: Path, plugins: Sequence[str]) -> None:
    """Draw one run: what it is worth first; the forecast, which wakes torch, last."""
    stamp = stamp_of(run)
    contents = read_run(run, stamp)
    evidence.head(contents.result)
    choice = choose(contents)
    source = choose_source()
    ahead, walk, audit, folds, models = st.tabs(TABS)
    st.caption("Past forecasts say nothing certain about future ones; this is no advice to trade.")
    with walk:
        replay(run, stamp, contents, choice)
    with audit:
        evidence.audit(contents.result)
    with folds:
        evidence.folds(contents.result, choice.model)
    with models:
        evidence.models(contents.result)
    with ahead:
        outlook(run, stamp, contents, choice, source, plugins)


if __name__ == "__main__":
    main()
