"""Made-up runs that can be compared, and ways to change one of them so that its checksums stay right."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest

from backtest.data.run_files import MANIFEST, file_sums, read_manifest, write_json, write_table
from backtest.data.schema import FORECASTS
from tests.support.fake_run import Plan, make

COLD = Plan(folds=3, test=84, seeds=1, epochs=2, signal=0.1)
WARM = Plan(folds=3, test=84, seeds=1, epochs=2, signal=0.2)
FEW = replace(COLD, baselines=("zero", "naive", "ridge"), networks=("lstm",))
"""Few models, which are compared sooner."""


def two(folder: Path, *plans: Plan, names: tuple[str, ...] = ("cold", "warm")) -> tuple[Path, ...]:
    """Write a cold and a warm run, or one for each plan, on the same made-up returns; return their folders."""
    runs = tuple(folder / name for name in names)
    for run, plan in zip(runs, plans or (COLD, WARM), strict=True):
        run.mkdir(parents=True)
        for name, content in files_of(plan).items():
            (run / name).write_bytes(content)
    return runs


@cache
def files_of(plan: Plan) -> dict[str, bytes]:
    """Return the files of a run by name."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", os.devnull)  # a ledger of the user would make files depend on the test that asks
        return {path.name: path.read_bytes() for path in make(Path(folder), plan).iterdir()}


def forecasts_of(run: Path) -> pl.DataFrame:
    """FORECASTS of a run."""
    return pl.read_parquet(run / FORECASTS.file)


def rewrite(run: Path, forecasts: pl.DataFrame) -> Path:
    """Give a run other forecasts, its manifest knowing of them; return its folder."""
    write_table(run / FORECASTS.file, forecasts, FORECASTS)
    manifest = read_manifest(run)
    write_json(run / MANIFEST, manifest | {"files": file_sums(run, list(manifest["files"]))})
    return run
