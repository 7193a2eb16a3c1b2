"""What every entry of TARGETS, LOSSES and MODELS must keep to: its names exist, and a run of it ends with a report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import backtest.reports as reports
from backtest.data.losses import LOSSES
from backtest.data.names import SCALES
from backtest.data.question import Question
from backtest.data.targets import SERIES_OF, TARGETS, target_of
from backtest.evaluation.metrics import METRICS
from backtest.features.catalog import resolve
from backtest.models import MODELS
from backtest.reports.wording.question import words_of_loss
from backtest.significance.table import TESTS
from tests.support.selection import quick_or_slow
from tests.support.small_run import small, walk

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
TWO_FOLDS = {"data": {"source": "synthetic:n=900,signal=0.1"}, "folds": {"test": 190}, "net": {"har_lags": [1, 2, 5]}}
KINDS = (*TARGETS, f"{SERIES_OF}volume")


@pytest.mark.parametrize("kind", KINDS)
def test_the_names_of_a_target_exist_and_agree(kind: str) -> None:
    target = target_of(kind)
    assert all(target.scale in LOSSES[name].scales for name in target.losses)
    assert set(target.tests) <= set(TESTS)
    assert set(target.metrics) <= set(METRICS)
    assert {*target.models, *target.references, *target.benchmarks, target.rival} <= set(MODELS)
    assert all(MODELS[name].scale in {"any", target.scale} for name in (*target.models, *target.references))
    assert resolve(target.features)
    assert target.bounds[0] <= (target.neutral or 0.0) <= target.bounds[1]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_forecasts_some_target(name: str) -> None:
    assert any(MODELS[name].scale in {"any", target.scale} for target in TARGETS.values())


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_tabulated_of_some_target_and_has_words(name: str) -> None:
    assert {*LOSSES[name].scales} <= {*SCALES}
    assert any(name in Question(kind, target.losses[0]).losses for kind, target in TARGETS.items())
    words = words_of_loss(name)
    assert all(one and "\n" not in one for one in (words.one, words.several, words.mean))


@pytest.mark.parametrize("kind", quick_or_slow(KINDS, ["direction", "log_variance_parkinson", f"{SERIES_OF}volume"]))
def test_a_run_of_every_target_ends_with_a_verdict_and_a_report(kind: str, tmp_path: Path) -> None:
    plan = small(**TWO_FOLDS, models=["ridge", "lstm"], seeds=1, target={"kind": kind})
    folder = tmp_path / "run"
    verdict = walk(folder, plan=plan).verdict
    assert (verdict.question.target, verdict.question.rival) == (kind, target_of(kind).rival)
    assert {one.model for one in verdict.candidates} == {"lstm"}
    reports.write(folder)
    for file in ("report.md", "report.html"):
        text = (folder / file).read_text("utf-8")
        assert words_of_loss(target_of(kind).losses[0]).one in text
        assert "nan" not in text.split()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_verdict_can_rest_on_every_loss(loss: str, tmp_path: Path) -> None:
    kind = next(name for name, target in TARGETS.items() if target.scale in LOSSES[loss].scales)
    plan = small(**TWO_FOLDS, models=["ridge"], target={"kind": kind}, question={"loss": loss})
    walk(tmp_path / "run", plan=plan)
    tests = pl.read_parquet(tmp_path / "run" / "tests.parquet").filter(pl.col("fold").is_null(), loss=loss)
    assert tests.filter(test="diebold_mariano", model="ridge")["p_value"].is_not_null().all()


PLUGIN = """
import numpy as np
import polars as pl
import backtest as bt

@bt.loss("too_low")
def too_low(y, y_hat):
    return np.where(y > y_hat, 3.0, 1.0) * (y - y_hat) ** 2

@bt.target("next_range", references=["mean"], losses=["too_low"])
def next_range(horizon):
    return (pl.col("high") / pl.col("low")).log().shift(-horizon)
"""
SETTINGS = """
name = "own"
plugins = ["mine"]
models = ["ridge", "ar"]
features = ["log_return"]
[data]
source = "synthetic:n=900"
[target]
kind = "next_range"
[folds]
first_train = 400
validation = 100
test = 190
[net]
window = 8
"""
SESSION = """
import sys
from pathlib import Path
import backtest as bt
exec(Path("mine.py").read_text())
if __name__ == "__main__":
    run = bt.walk_forward("synthetic:n=900", target="next_range", models=["ridge", "ar"], features=["log_return"],
        jobs=2, folds={"first_train": 400, "validation": 100, "test": 190}, net={"window": 8}, progress=False)
    print(run.verdict.question.code)
"""


def test_a_target_and_a_loss_of_a_plugin_or_a_session_reach_the_workers_and_the_report(tmp_path: Path) -> None:
    for name, text in (("mine.py", PLUGIN), ("own.toml", SETTINGS), ("session.py", SESSION)):
        (tmp_path / name).write_text(text, "utf-8")
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    answers = []
    for command in (["-m", "backtest", "run", "own.toml", "--jobs", "2"], ["session.py"]):
        answers.append(
            subprocess.run(  # noqa: S603
                [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
        )
        assert answers[-1].returncode == 0, answers[-1].stderr
    assert answers[1].stdout.strip() == "next_range/too_low/mean"
    text = (tmp_path / "runs" / "own" / "report.md").read_text("utf-8")
    assert "mean too low loss" in text
    assert "Skill vs mean" in text
