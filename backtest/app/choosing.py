"""The sidebar: which run, symbol, model and seed, how wide an interval, and which bars."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import polars as pl
import streamlit as st

from backtest.app.loading import Contents, Source
from backtest.app.words import of_seed, told_apart
from backtest.data.names import label
from backtest.reports.formats import level

T = TypeVar("T", bound=Hashable)

OWN, PATH, UPLOAD = "The run's own", "Another file", "An upload"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is shown: forecasts of one model for one symbol, by one seed or their mean (None), and a level.

    `seeds` counts those of the model.
    """

    symbol: str
    model: str
    seed: int | None
    seeds: int
    level: float


def choose_run(folders: Sequence[Path]) -> Path:
    """Let the reader pick a run by the name of its folder."""
    return pick("Run", folders, lambda folder: folder.resolve().name)


def choose(contents: Contents) -> Choice:
    """Let the reader pick what is forecast, and by whom; the leading model comes first."""
    result, folder = contents.result, contents.folder
    symbols = folder.forecasts["symbol"].unique().sort().to_list()
    models = dict.fromkeys(score.model for score in (*result.candidates, *result.rivals, *result.scores))
    symbol = pick("Symbol", symbols) if len(symbols) > 1 else symbols[0]
    model = pick("Model", [*models], label)
    seeds = folder.forecasts.filter(pl.col("model") == model)["seed"].drop_nulls().unique().sort().to_list()
    seed = pick("Seed", [None, *seeds], lambda one: of_seed(one, len(seeds))) if seeds else None
    return Choice(symbol, model, seed, len(seeds), choose_level(folder.coverage["level"].unique().sort().to_list()))


def choose_level(levels: Sequence[float]) -> float:
    """Let the reader pick how many outcomes an interval shall hold; the widest comes first."""
    return st.sidebar.segmented_control("Interval", levels, default=levels[-1], format_func=level, required=True)


def choose_source() -> Source | None:
    """Let the reader pick the bars that the forecast goes on from: the run's own (None), a file, or an upload."""
    kind = st.sidebar.radio("Bars", [OWN, PATH, UPLOAD])
    if kind == PATH:
        name = st.sidebar.text_input("Path, folder, glob or built-in name", placeholder="my_bars.csv").strip()
        return Source(name) if name else None
    file = st.sidebar.file_uploader("CSV, CSV.gz, zip, Parquet or Feather") if kind == UPLOAD else None
    return Source(file.name, file.getvalue(), file.file_id) if file else None


def pick(name: str, options: Sequence[T], short: Callable[[T], str] = str) -> T:
    """Let the reader pick one of some options, none of whose texts Streamlit takes for Markdown."""
    texts = told_apart(options, short)
    return st.sidebar.selectbox(name, options, format_func=texts.__getitem__)
