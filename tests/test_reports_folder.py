"""Tests of reading a run folder: what is damaged, unfinished or of another make is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import RunError, WrongSchema
from data.runs import MANIFEST, file_sums, read_manifest, write_json
from reports.result import read
from tests.fake_run import Plan, make


def reseal(run: Path, **changes: object) -> None:
    """Write the manifest again with other entries, and with the sums of the files as they are."""
    manifest = read_manifest(run)
    files = file_sums(run, [name for name in manifest["files"] if (run / name).exists()])
    write_json(run / MANIFEST, manifest | {"files": files} | changes)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    run = make(tmp_path, Plan(folds=3, test=40))
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
    run = make(tmp_path, Plan(folds=3, test=40))
    reseal(run, format=1)
    with pytest.raises(RunError, match="expected a run of format 2"):
        read(run)


def test_a_manifest_with_a_field_of_the_wrong_type_is_refused_by_name(tmp_path: Path) -> None:
    run = make(tmp_path, Plan(folds=3, test=40))
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
    run = make(tmp_path, Plan(folds=3, test=40))
    (run / "config.toml").write_text(settings)
    reseal(run)
    with pytest.raises(RunError, match=message):
        read(run)


def test_signs_that_cannot_be_seen_are_replaced_everywhere(tmp_path: Path) -> None:
    run = make(tmp_path, Plan(name="a\u202eb", networks=("n\x00e\nt",), symbols=("S\x1bY",), folds=3, test=40))
    found = read(run)
    texts = [found.manifest.name, *found.manifest.data.symbols, found.candidates[0].model, found.fits[0].model]
    assert texts == ["a\ufffdb", "S\ufffdY", "n\ufffde\ufffdt", "n\ufffde\ufffdt"]
    assert "\u202e" not in json.dumps(found.verdict.sentence, ensure_ascii=False)
