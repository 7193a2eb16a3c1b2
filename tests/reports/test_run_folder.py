"""Tests of reading a run folder: what is damaged, unfinished or of another make is refused."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from backtest import reports
from backtest.data.errors import RunError, WrongSchema
from backtest.data.run_files import MANIFEST, file_sums, read_manifest, write_json
from backtest.data.schema import FITS
from backtest.reports.run import read
from backtest.reports.wording.evidence import sentences
from tests.support.fake_run import Plan, make


def reseal(run: Path, **changes: object) -> None:
    """Write the manifest again with other entries, and with the sums of the files as they are."""
    manifest = read_manifest(run)
    files = file_sums(run, [name for name in manifest["files"] if (run / name).exists()])
    write_json(run / MANIFEST, manifest | {"files": files} | changes)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    run = make(tmp_path, Plan(folds=3, test=84))
    (run / "scores.parquet").write_bytes((run / "tests.parquet").read_bytes())
    with pytest.raises(RunError, match=r"scores\.parquet: damaged"):
        read(run)
    reseal(run)
    with pytest.raises(WrongSchema, match=r"SCORES: .*metric is missing"):
        read(run)


def test_a_folder_that_is_no_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="expected a finished run"):
        read(tmp_path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    run = make(tmp_path, Plan(folds=3, test=84))
    reseal(run, format=2)
    with pytest.raises(
        RunError,
        match=r"written by another version of beatzero \(expected run format 5, got 2\).*run `backtest run` again",
    ):
        read(run)


def test_a_manifest_with_a_field_of_the_wrong_type_is_refused_by_name(tmp_path: Path) -> None:
    run = make(tmp_path, Plan(folds=3, test=84))
    reseal(run, data=read_manifest(run)["data"] | {"bars": "many"})
    with pytest.raises(RunError, match=r"manifest\.json: expected .*\(data\.bars: .*integer"):
        read(run)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("costs = ", r"config\.toml: expected the settings"),
        ("[costs]\nfee = 'x'", r"config\.toml: expected .*\(costs\.fee"),
    ],
)
def test_settings_that_tell_no_costs_are_refused(tmp_path: Path, settings: str, message: str) -> None:
    run = make(tmp_path, Plan(folds=3, test=84))
    (run / "config.toml").write_text(settings)
    reseal(run)
    with pytest.raises(RunError, match=message):
        read(run)


def test_signs_that_cannot_be_seen_are_replaced_everywhere(tmp_path: Path) -> None:
    run = make(tmp_path, Plan(name="a\u202eb", networks=("n\x00e\nt",), symbols=("S\x1bY",), folds=3, test=84))
    found = read(run)
    texts = [
        found.manifest.name,
        *found.manifest.data.symbols,
        found.candidates[0].model,
        found.rows(FITS, epoch=1)[0].model,
    ]
    assert texts == ["a\ufffdb", "S\ufffdY", "n\ufffde\ufffdt", "n\ufffde\ufffdt"]
    assert "\u202e" not in json.dumps(sentences(found.verdict), ensure_ascii=False)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("forecasts", pl.lit(float("nan")).alias("y"), "y to be finite"),
        ("forecasts", pl.lit(1e308).alias("y_hat"), "y_hat to be finite"),
        ("forecasts", pl.lit(0, pl.Int32).alias("seed"), "rows without seed of zero and naive"),
        ("forecasts", pl.lit(-1, pl.Int32).alias("horizon"), "horizons of 1 bar or more"),
        ("scores", pl.lit(float("inf")).alias("value"), "value to be finite"),
        ("scores", pl.lit(-1, pl.Int32).alias("fold"), "rows without seed of zero and naive"),
        ("scores", pl.lit("").alias("metric"), "the metric mse over all folds"),
        ("coverage", pl.lit(-1.0).alias("half_width"), "half_width to be 0 or more"),
        ("coverage", pl.lit(10**6, pl.Int64).alias("covered"), "covered to be from 0 to n"),
        ("coverage", pl.lit(77, pl.Int32).alias("fold"), r"folds that folds\.parquet holds"),
        ("folds", pl.lit(0, pl.Int32).alias("fold"), "folds numbered from 0, each once"),
        ("folds", pl.lit(2**62).cast(pl.Datetime("us", "UTC")).alias("test_end"), "test_end to be from 1900 to 2200"),
        ("strategies", pl.lit(float("nan")).alias("bars_per_year"), "bars_per_year to be finite"),
    ],
)
def test_a_table_that_no_run_writes_is_refused(tmp_path: Path, file: str, change: pl.Expr, message: str) -> None:
    run = make(tmp_path, Plan(folds=3, test=84))
    pl.read_parquet(run / f"{file}.parquet").with_columns(change).write_parquet(run / f"{file}.parquet")
    reseal(run)
    with pytest.raises(RunError, match=rf"{file}\.parquet: expected .*{message}"):
        read(run)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("coverage.parquet", b"PAR1 but not really"),
        ("verdict.json", b"[" * 100_000 + b"]" * 100_000),
        ("verdict.json", b'{"alpha": NaN}'),
        ("config.toml", b"x=" + b"[" * 50_000),
        ("config.toml", b"[costs]\nfee=nan\nslippage=inf\nthreshold=nan\n"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, file: str, content: bytes) -> None:
    run = make(tmp_path, Plan(folds=3, test=84))
    (run / file).write_bytes(content)
    reseal(run)
    with pytest.raises(RunError, match=rf"{file}: expected "):
        read(run)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"format": 3, "files": {"verdict.json": 5}}'])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(RunError, match=r"manifest\.json: expected the manifest"):
        read(tmp_path)


def test_links_lead_no_figure_elsewhere(tmp_path: Path) -> None:
    run = make(tmp_path, Plan(folds=3, test=84))
    (run / "figures").symlink_to(tmp_path)
    with pytest.raises(RunError, match=r"figures: expected a folder \(got a link\)"):
        reports.write(run)
