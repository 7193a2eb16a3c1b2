"""The audit of a run: made once, kept in its folder, taken into account by verdict, report and exit status."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from backtest.audit import levels
from backtest.audit.levels import audit_key, find_audit, find_or_make_audit, save_audit
from backtest.data.records.audit import AUDIT, Audit, Subject
from backtest.data.run_files import MANIFEST, read_manifest, verify
from tests.support.audits import leaky
from tests.support.command import call
from tests.support.small_run import small, walk

pytestmark = pytest.mark.integration

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
def test_a_run_is_audited_first_and_keeps_the_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, run = settings_of(tmp_path, "behind", "1"), tmp_path / "run"
    assert call(monkeypatch, "run", str(file), "--out", str(run)) == 0
    assert audited(run).depth == "quick"
    assert [level.state for level in audited(run).levels] == ["passed"] * 4 + ["not run"]
    assert AUDIT in read_manifest(run)["files"]
    assert verify(run) == []


@pytest.mark.usefixtures("open_tables")
def test_nothing_is_fitted_if_a_feature_leaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run = settings_of(tmp_path, "ahead", "-1"), tmp_path / "run"
    assert call(monkeypatch, "run", str(file), "--out", str(run)) == 4
    output = " ".join(capsys.readouterr().out.split())
    assert "leak: feature ahead reads the future" in output
    assert "what to do: use only the bar itself and earlier ones" in output
    assert "Run aborted: leak found" in output
    assert [(leak.code, leak.subject) for leak in audited(run).leaks] == [
        ("reads_later_bars", Subject("feature", "ahead"))
    ]
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
    assert "verdict updated" not in capsys.readouterr().out


def test_the_verdict_returns_when_the_leak_is_gone(tmp_path: Path) -> None:
    plan, run = small(models=["ridge"]), tmp_path / "run"
    walk(run, plan=plan)
    before = status(run)
    assert save_audit(plan, run, leaky())
    assert status(run) == "leak suspected"
    assert save_audit(plan, run, replace(leaky(), levels=()))
    assert status(run) == before != "leak suspected"
    assert verify(run) == []


def test_a_full_audit_is_not_repeated_and_a_quick_one_is_not_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, run = small(models=["ridge"]), tmp_path / "run"
    made: list[str] = []

    def count(subject: object, depth: str, key: str, watch: object) -> Audit:
        made.append(depth)
        return Audit("full" if depth == "full" else "quick", key, ())

    monkeypatch.setattr(levels, "audit_walk", count)
    save_audit(plan, run, find_or_make_audit(plan, run, "quick"))
    find_or_make_audit(plan, run, "quick")
    assert made == ["quick"]
    save_audit(plan, run, find_or_make_audit(plan, run, "full"))
    find_or_make_audit(plan, run, "full")
    find_or_make_audit(plan, run, "quick")
    assert made == ["quick", "full"]
    find_or_make_audit(small(models=["ridge"], features=["range"]), run, "quick")
    assert made == ["quick", "full", "quick"]


@pytest.mark.parametrize(
    "change", [{"features": ["range"]}, {"data": {"source": "synthetic:n=901"}}, {"models": ["ar"]}, {"seeds": 1}]
)
def test_the_key_of_an_audit_depends_on_bars_features_and_settings(change: dict[str, object]) -> None:
    assert audit_key(small(**change)) != audit_key(small()) == audit_key(small())


def test_a_finished_run_on_other_bars_keeps_its_own_audit(tmp_path: Path) -> None:
    plan, run = small(models=["ridge"]), tmp_path / "run"
    walk(run, plan=plan)
    files = (run / MANIFEST).read_bytes()
    other = small(models=["ridge"], data={"source": "synthetic:n=901,signal=0.1"})
    assert not save_audit(other, run, leaky())
    assert (run / MANIFEST).read_bytes() == files
    assert not (run / AUDIT).exists()


def test_a_run_without_an_audit_does_not_inherit_one(tmp_path: Path) -> None:
    plan, run = small(models=["ridge"]), tmp_path / "run"
    save_audit(plan, run, leaky())
    walk(run, plan=plan)
    assert status(run) != "leak suspected"
    assert not (run / AUDIT).exists()


EARLIER = {
    "depth": "full",
    "key": "0" * 64,
    "levels": [{"number": 1, "name": "warm-up", "checked": "2 features", "leaks": [], "notes": [], "done": True}],
}
"""An audit of run folders of format 2, which held sentences."""


@pytest.mark.parametrize("content", ["{", json.dumps(EARLIER)], ids=["damaged", "of an earlier format"])
def test_an_audit_that_cannot_be_read_is_ignored_and_made_again(tmp_path: Path, content: str) -> None:
    plan, run = small(models=["ridge"]), tmp_path / "run"
    run.mkdir()
    (run / AUDIT).write_text(content)
    assert find_audit(plan, run) is None
    found = find_or_make_audit(plan, run, "quick")
    assert found.passed
    assert save_audit(plan, run, found)
    assert find_audit(plan, run) == found
