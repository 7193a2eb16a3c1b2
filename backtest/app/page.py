"""The page that Streamlit runs: choices in the sidebar, verdict and audit on top, tabs below."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import streamlit as st

from backtest.app.elements import seed_label, select, show_error
from backtest.app.loading import Choice, Source, finished_runs, read_run, run_state
from backtest.app.next_step_tab import show_next_step
from backtest.app.replay_tab import show_replay
from backtest.app.run_tabs import show_audit, show_folds, show_header, show_models
from backtest.data.errors import BacktestError
from backtest.data.names import label
from backtest.evaluation.conformal import LEVELS
from backtest.reports.formats import level
from backtest.reports.run import RunResult

TABS = ("Forecast", "Replay", "Leak audit", "Folds", "All models")
OWN, PATH, UPLOAD = "The run's own", "Another file", "An upload"


def main() -> None:
    """Draw the page; run and plugins come from the command line, or the run from the folder of runs."""
    st.set_page_config(page_title="Beatzero", layout="wide")
    st.sidebar.header("Beatzero")
    given, *plugins = sys.argv[1:] or [""]
    folders = finished_runs(Path(given) if given else None)
    if not folders:
        show_welcome()
        return
    run = select("Run", folders, lambda folder: folder.resolve().name)
    try:
        show_run(run, plugins)
    except BacktestError as error:
        show_error(error)


def show_welcome() -> None:
    """Say how to make a run where there is none."""
    st.header("No finished run yet")
    st.text("This run on synthetic bars takes half a minute. Make it, then reload this page:")
    st.code("backtest run quick", language=None)
    st.text("The default run, on twenty years of the S&P 500, takes about a minute:")
    st.code("backtest run default", language=None)


def show_run(run: Path, plugins: Sequence[str]) -> None:
    """Draw one run: verdict and audit first; the next forecast, which loads torch, last."""
    state = run_state(run)
    result = read_run(run, state)
    show_header(result)
    choice, source = choose_forecast(result), choose_source()
    ahead, walk, audit, folds, models = st.tabs(TABS)
    st.caption("Past forecasts say nothing certain about future ones. This is not advice to trade.")
    with walk:
        show_replay(run, state, result, choice, plugins)
    with audit:
        show_audit(result)
    with folds:
        show_folds(result, choice.model)
    with models:
        show_models(result)
    with ahead:
        show_next_step(run, state, result, choice, source, plugins)


def choose_forecast(result: RunResult) -> Choice:
    """Let the reader choose symbol, model, seed and interval; the best model and the widest interval come first."""
    coverage, forecasts = result.tables["coverage"], result.tables["forecasts"]
    symbols = forecasts["symbol"].unique().sort().to_list()
    models = dict.fromkeys(score.model for score in (*result.candidates, *result.rivals, *result.scores))
    symbol = select("Symbol", symbols) if len(symbols) > 1 else symbols[0]
    model = select("Model", [*models], label)
    seeds = forecasts.filter(pl.col("model") == model)["seed"].drop_nulls().unique().sort().to_list()
    seed = select("Seed", [None, *seeds], lambda one: seed_label(one, len(seeds))) if seeds else None
    levels = coverage["level"].unique().sort().to_list()
    if not levels:  # no intervals around a probability
        return Choice(symbol, model, seed, len(seeds), max(LEVELS))
    widest = levels[-1]
    chosen = st.sidebar.segmented_control("Interval", levels, default=widest, format_func=level, required=True)
    return Choice(symbol, model, seed, len(seeds), chosen)


def choose_source() -> Source | None:
    """Let the reader choose the bars to forecast from: the run's own (None), a file, or an upload."""
    kind = st.sidebar.radio("Bars", [OWN, PATH, UPLOAD])
    if kind == PATH:
        name = st.sidebar.text_input("Path, folder, glob or built-in name", placeholder="my_bars.csv").strip()
        return Source(name) if name else None
    file = st.sidebar.file_uploader("CSV, CSV.gz, zip, Parquet or Feather") if kind == UPLOAD else None
    return Source(file.name, file.getvalue(), file.file_id) if file else None


if __name__ == "__main__":
    main()
