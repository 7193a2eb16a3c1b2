"""The audit of a run: made once, kept in its folder, taken into account by verdict, report and exit status."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from backtest.audit import record
from backtest.audit.record import audit_of, keep, key_of
from backtest.data.records.audit import AUDIT, Audit
from backtest.data.run_files import MANIFEST, read_manifest, verify
from tests.support.audits import leaky
from tests.support.command import call
from tests.support.small_run import small, walk

LEAK = """
import polars as pl
from backtest.features import feature


@feature(lookback=3)
def {name}() -> pl.Expr:
    return pl.col("close").log().diff({lag}).fill_null(0).rolling_mean(3)
"""


def settings_of(folder: Path, name: str, lag: str, *models: str) -> Path:
    """A TOML file of a small run with a feature of its own, `lag` bars behind, or ahead where it is below zero."""
    (folder / f"{name}_module.py").write_text(LEAK.format(name=name, lag=lag))
    config = small(models=list(models) or ["ridge"]).config
    changed = config.model_copy(update={"features": ("log_return", name), "plugins": (f"{name}_module",)})
    file = folder / "my.toml"
    file.write_text(changed.to_toml())
    return file


def audited(run: Path) -> Audit:
    return Audit.from_json((run / AUDIT).read_text())


def status(run: Path) -> str:
    return str(json.loads((run / "verdict.json").read_text())["status"])


@pytest.mark.usefixtures("open_tables")
def test_a_run_looks_for_leaks_first_and_keeps_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, run = settings_of(tmp_path, "behind", "1"), tmp_path / "run"
    assert call(monkeypatch, "run", str(file), "--out", str(run)) == 0
    assert audited(run).depth == "quick"
    assert [level.state for level in audited(run).levels] == ["passed"] * 4 + ["not run"]
    assert AUDIT in read_manifest(run)["files"]
    assert verify(run) == []


@pytest.mark.usefixtures("open_tables")
def test_nothing_is_fitted_where_a_feature_leaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run = settings_of(tmp_path, "ahead", "-1"), tmp_path / "run"
    assert call(monkeypatch, "run", str(file), "--out", str(run)) == 4
    output = " ".join(capsys.readouterr().out.split())
    assert "leak feature ahead reads the future" in output
    assert "what to do: use the bar itself and earlier ones alone" in output
    assert "no walk was made" in output
    assert [leak.subject for leak in audited(run).leaks] == ["feature ahead"]
    assert not (run / "checkpoints").exists()


@pytest.mark.usefixtures("open_tables")
def test_an_audit_of_a_finished_run_changes_its_verdict_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run = settings_of(tmp_path, "afterwards", "-1"), tmp_path / "run"
    assert call(monkeypatch, "run", str(file), "--out", str(run), "--audit", "off") == 0
    assert status(run) == "better"
    assert "not audited" in (run / "report.md").read_text()
    assert call(monkeypatch, "audit", str(file), "--out", str(run), "--quick") == 4
    assert status(run) == "leak suspected"
    assert "Leak suspected" in (run / "report.md").read_text()
    assert verify(run) == []
    capsys.readouterr()
    assert call(monkeypatch, "report", str(run)) == 0
    assert "judged anew" not in capsys.readouterr().out


def test_a_verdict_is_given_back_when_the_leak_is_gone(tmp_path: Path) -> None:
    prepared, run = small(models=["ridge"]), tmp_path / "run"
    walk(run, plan=prepared)
    before = status(run)
    assert keep(prepared, run, leaky())
    assert status(run) == "leak suspected"
    assert keep(prepared, run, replace(leaky(), levels=()))
    assert status(run) == before != "leak suspected"
    assert verify(run) == []


def test_a_deep_audit_is_not_made_twice_and_a_shallow_one_is_not_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, run = small(models=["ridge"]), tmp_path / "run"
    made: list[str] = []

    def count(subject: object, depth: str, key: str, watch: object) -> Audit:
        made.append(depth)
        return Audit("full" if depth == "full" else "quick", key, ())

    monkeypatch.setattr(record, "audit", count)
    keep(prepared, run, audit_of(prepared, run, "quick"))
    audit_of(prepared, run, "quick")
    assert made == ["quick"]
    keep(prepared, run, audit_of(prepared, run, "full"))
    audit_of(prepared, run, "full")
    audit_of(prepared, run, "quick")
    assert made == ["quick", "full"]
    audit_of(small(models=["ridge"], features=["range"]), run, "quick")
    assert made == ["quick", "full", "quick"]


@pytest.mark.parametrize(
    "change", [{"features": ["range"]}, {"data": {"source": "synthetic:n=901"}}, {"models": ["ar"]}, {"seeds": 1}]
)
def test_an_audit_is_of_its_own_bars_features_and_settings(change: dict[str, object]) -> None:
    assert key_of(small(**change)) != key_of(small()) == key_of(small())


def test_a_finished_run_of_other_bars_keeps_its_own_audit(tmp_path: Path) -> None:
    prepared, run = small(models=["ridge"]), tmp_path / "run"
    walk(run, plan=prepared)
    files = (run / MANIFEST).read_bytes()
    other = small(models=["ridge"], data={"source": "synthetic:n=901,signal=0.1"})
    assert not keep(other, run, leaky())
    assert (run / MANIFEST).read_bytes() == files
    assert not (run / AUDIT).exists()


def test_a_run_that_is_made_without_an_audit_does_not_inherit_one(tmp_path: Path) -> None:
    prepared, run = small(models=["ridge"]), tmp_path / "run"
    keep(prepared, run, leaky())
    walk(run, plan=prepared)
    assert status(run) != "leak suspected"
    assert not (run / AUDIT).exists()


def test_a_damaged_audit_is_made_again(tmp_path: Path) -> None:
    prepared, run = small(models=["ridge"]), tmp_path / "run"
    run.mkdir()
    (run / AUDIT).write_text("{")
    assert audit_of(prepared, run, "quick").passed
