"""Walks against the best of their baselines: from the settings to the report, from Python, and several compared."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import backtest as bt
import backtest.reports as reports
from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.placebo import question_of
from backtest.comparison.compare import compare
from backtest.comparison.runs import read_runs
from backtest.data.errors import ConfigError
from backtest.data.records.verdict import Verdict
from backtest.models import MODELS
from backtest.walk.config_file import build
from tests.support.small_run import TREE, small, walk

pytestmark = pytest.mark.integration

BASELINES = ("zero", "naive", "ar", "mean", "ridge")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small walk against the best of its baselines, with its report."""
    folder = tmp_path_factory.mktemp("best") / "first"
    walk(folder, plan=small(name="first", question={"rival": "best"}))
    reports.write(folder)
    return folder


@pytest.fixture(scope="module")
def verdict(run: Path) -> Verdict:
    return Verdict.from_json((run / "verdict.json").read_text("utf-8"))


def test_all_baselines_of_the_run_are_rivals_and_none_is_judged(run: Path, verdict: Verdict) -> None:
    assert verdict.question.rivals == verdict.question.references == BASELINES
    assert [one.model for one in verdict.candidates] == ["lstm"]
    assert {claim.model for claim in verdict.claims} == {"lstm"}
    scores = pl.read_parquet(run / "scores.parquet").filter(pl.col("seed").is_null(), pl.col("fold").is_null())
    errors = dict(scores.filter(metric="mse").select("model", "value").iter_rows())
    assert verdict.best[0].model == min(BASELINES, key=lambda name: errors[name])


def test_the_claim_rests_on_the_tests_against_every_baseline(run: Path, verdict: Verdict) -> None:
    (lstm,) = verdict.candidates
    tests = pl.read_parquet(run / "tests.parquet")
    pooled = tests.filter(pl.col("fold").is_null(), test="diebold_mariano", loss="squared", model="lstm")
    against = {row["baseline"]: row["p_value"] for row in pooled.filter(alternative="less").to_dicts()}
    assert set(against) == {*BASELINES, "best"}
    assert against.pop("best") == lstm.p_value == max(against.values()) == against[str(lstm.hardest)]
    greater = {row["baseline"]: row["p_value"] for row in pooled.filter(alternative="greater").to_dicts()}
    worst = greater.pop("best")
    assert worst == lstm.p_worse == pytest.approx(min(1.0, 5 * min(greater.values())), rel=1e-12)


def test_the_report_names_the_best_baseline_in_its_first_line_and_tests_against_it(run: Path, verdict: Verdict) -> None:
    text = (run / "report.md").read_text("utf-8")
    first = next(line for line in text.splitlines() if line.startswith("> **") and "skill" in line.lower())
    assert f"the best of 5 baselines ({verdict.best[0].model.replace('ar', 'AR')})" in first
    assert "intersection-union test, Berger 1982" in text
    assert "Skill vs the best baseline" not in text
    assert "nan" not in text.split()


def test_the_ledger_holds_the_question(run: Path, verdict: Verdict) -> None:
    (line,) = (run.parent / "ledger.jsonl").read_text("utf-8").splitlines()
    trial = json.loads(line)
    assert trial["question"] == "log_return/squared/best(ar+mean+naive+ridge+zero)"
    (lstm,) = verdict.candidates
    assert lstm.weighted is not None
    assert trial["p_values"] == {"lstm@1": lstm.p_value, "lstm@1:weighted": lstm.weighted.p_value}
    assert set(trial["sharpes"]) == {"lstm@1"}


@pytest.mark.slow
def test_runs_against_the_best_of_the_same_baselines_are_compared(run: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    walk(second, plan=small(name="second", question={"rival": "best"}, net={"hidden": 3}))
    found = compare(read_runs([run, second]))
    assert {pair.model for pair in found.record.pairs} == {"lstm"}
    assert found.verdict.question.rival == "best"
    assert [one.model for one in found.verdict.best] == [found.verdict.rival_at(1)]
    third = tmp_path / "third"
    walk(third, plan=small(name="third", question={"rival": "best"}, models=["ar", "lstm"]))
    with pytest.raises(ConfigError, match="first: log_return, squared loss against best of zero, naive, ar, mean, rid"):
        read_runs([run, third])


def test_from_python_a_run_against_the_best_says_which_one_it_was() -> None:
    folds = bt.Folds(first_train=300, validation=60, test=90)
    found = bt.walk_forward(
        "synthetic:n=700",
        models=["ridge", "ar"],
        folds=folds,
        question={"rival": "best", "baselines": ["zero", "ar"]},
        audit="off",
        progress=False,
    )
    assert found.verdict.question.baselines == ("ar", "zero")
    assert found.verdict.rival_at(1) in {"zero", "ar"}
    assert {one.model for one in found.verdict.candidates} == {"ridge"}


def test_baselines_alone_are_refused_for_none_of_them_is_judged() -> None:
    with pytest.raises(
        ConfigError, match=r"models: expected one to be judged .* \(got baselines alone, ar, ridge\): add a"
    ):
        small(models=["ar", "ridge"], question={"rival": "best"})
    named = {"rival": "best", "baselines": ["zero", "naive"]}
    assert small(models=["ar", "ridge"], question=named).config.all_models == ("zero", "naive", "ar", "ridge")


def test_the_rivals_that_are_offered_fit_the_target() -> None:
    with pytest.raises(ConfigError, match=r"question\.rival: unknown none: .* one of best, ") as refused:
        small(question={"rival": "none"})
    offered = str(refused.value).rpartition("one of ")[2].split(", ")
    assert {MODELS[name].scale for name in offered if name != "best"} == {"any", "return"}
    with pytest.raises(
        ConfigError, match=r"question\.rival: log_har cannot forecast log_return: choose from best, zero"
    ):
        small(question={"rival": "log_har"})


def test_the_best_of_what_is_in_the_settings_is_the_same_trial_in_any_order() -> None:
    orders = [["ridge", "ar", "lstm"], ["lstm", "ar", "ridge"]]
    questions = {
        build({**TREE, "models": models, "question": {"rival": "best"}}, where="here").resolved_question
        for models in orders
    }
    assert len(questions) == 1


def test_the_settings_may_name_the_baselines_that_count() -> None:
    named = {"rival": "best", "baselines": ["ridge", "zero"]}
    config = build({**TREE, "models": ["ar", "lstm"], "question": named}, where="here")
    assert config.resolved_question.baselines == ("ridge", "zero")
    assert config.all_models == ("zero", "naive", "ridge", "ar", "lstm")
    assert 'baselines = [\n    "ridge",\n    "zero",\n]' in config.to_toml()
    with pytest.raises(ConfigError, match=r"question\.baselines: must come with question\.rival = 'best'.*got zero"):
        build({**TREE, "question": {"baselines": ["zero"]}}, where="here")
    with pytest.raises(ConfigError, match=r"question\.baselines: unknown rigde: it may be one of"):
        small(question={"rival": "best", "baselines": ["rigde"]})


def test_a_placebo_is_asked_about_one_rival() -> None:
    plan = small(question={"rival": "best"})
    question = question_of(AuditedWalk.of(plan))
    assert (question.rival, question.references) == ("zero", ("zero", "naive"))
    assert plan.config.resolved_question.rival == "best"


def test_no_model_is_called_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "best", MODELS["ridge"])
    with pytest.raises(ConfigError, match="models: best is the rival that is the best of the baselines"):
        small(models=["best"])
    with pytest.raises(ConfigError, match=r"question\.rival: unknown bst: it may be one of best, zero, naive"):
        small(question={"rival": "bst"})
