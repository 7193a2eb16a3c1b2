"""Against the best of its baselines a model is judged by the tests against all of them, and the ledger knows of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from backtest.data.errors import RunError
from backtest.data.names import BEST
from backtest.data.question import Question
from backtest.data.records.verdict import BestBaseline, Verdict
from backtest.data.schema import FITS
from backtest.evaluation.evaluate import EvaluationSettings, evaluate
from backtest.evaluation.forecast_tests import compare_jointly, fluctuation_paths
from backtest.evaluation.strategies import CostSettings
from backtest.reports.blocks import Table
from backtest.reports.result import Result
from backtest.reports.sections.horizons import horizons, horizons_title
from backtest.reports.sections.scores import headline as headline_table
from backtest.reports.wording.evidence import sentences
from backtest.reports.wording.verdict import headline
from backtest.significance.best_baseline import best_of_baselines
from backtest.significance.equal_accuracy import smallest_detectable, smallest_detectable_difference
from backtest.verdict.ledger import Ledger, Trial
from backtest.verdict.multiple_testing import tried_before
from backtest.verdict.record import evidence_of
from backtest.verdict.rule import Evidence, judge
from tests.support.candidates import candidate, verdict
from tests.support.forecasts import column, fold_table, forecast_table, losses, random_forecasts

BASELINES = ("zero", "naive", "ridge")
QUESTION = Question(rival=BEST, baselines=BASELINES)


def forecasts_of(seed: int, signal: float, *, ridge: float = 0.0) -> pl.DataFrame:
    """The random forecasts, with a ridge that is `ridge` times the outcome and noise."""
    found = random_forecasts(seed, signal=signal, n=400)
    better = pl.when(pl.col("model") == "ridge").then(pl.col("y_hat") + ridge * pl.col("y")).otherwise("y_hat")
    return found.with_columns(y_hat=better)


def evidence(forecasts: pl.DataFrame) -> Evidence:
    """All that follows from some forecasts about the best of the three baselines."""
    return evidence_of(forecasts, fold_table(forecasts), question=QUESTION)


FORECASTS = forecasts_of(3, 0.3, ridge=0.1)
EVIDENCE = evidence(FORECASTS)
VERDICT = judge(EVIDENCE, candidates=["lstm"])


def test_baselines_are_not_judged_and_the_best_of_them_is_named() -> None:
    assert [one.model for one in judge(EVIDENCE, candidates=[]).candidates] == ["lstm"]
    assert VERDICT.comparisons == 1
    assert VERDICT.best == (BestBaseline(1, "ridge"),)
    assert VERDICT.rival_at(1) == "ridge"


def test_its_p_values_are_those_of_all_baselines_and_its_skill_is_against_the_best() -> None:
    (lstm,) = VERDICT.candidates
    own = {name: losses(FORECASTS, name, "squared") for name in BASELINES}
    expected = best_of_baselines(losses(FORECASTS, "lstm", "squared"), own)
    assert (lstm.p_value, lstm.p_worse) == (expected.better.p_value, expected.worse.p_value)
    assert lstm.skill == pytest.approx(1 - losses(FORECASTS, "lstm", "squared").mean() / own["ridge"].mean())
    assert lstm.hardest == expected.hardest
    assert lstm.skill is not None
    assert lstm.skill_low is not None
    assert 0 < lstm.skill_low < lstm.skill


def test_the_hardest_baseline_may_be_another_than_the_best() -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal(400)
    noise = rng.standard_normal(400)
    wild = np.where(np.arange(400) % 50 == 0, 4.0, 0.3) * noise
    fits = {"zero": np.zeros(400), "naive": wild, "ridge": 0.5 * y + 0.01 * noise, "lstm": 0.55 * y + 0.01 * noise}
    made = judge(evidence(forecast_table(y, {(name, None): values for name, values in fits.items()})), candidates=[])
    assert made.best[0].model == "ridge"
    assert made.candidates[0].hardest == "naive"


def test_the_one_that_decides_about_worse_is_the_one_with_the_smallest_p() -> None:
    made = judge(evidence(forecasts_of(5, 0.1, ridge=0.5)), candidates=["lstm"]).candidates[0]
    assert (made.status, made.hardest) == ("worse", "ridge")


@pytest.mark.parametrize(
    ("signal", "ridge", "status"), [(0.5, 0.1, "better"), (0.0, 0.0, "no evidence"), (0.1, 0.5, "worse")]
)
def test_a_model_better_than_zero_may_be_worse_than_the_best(signal: float, ridge: float, status: str) -> None:
    forecasts = forecasts_of(5, signal, ridge=ridge)
    assert judge(evidence(forecasts), candidates=["lstm"]).status == status
    against_zero = judge(evidence_of(forecasts, fold_table(forecasts)), candidates=["lstm"])
    assert (against_zero.status == "better") == (signal > 0)


def test_a_detectable_gain_is_large_enough_for_the_test_against_each_baseline() -> None:
    (lstm,) = VERDICT.candidates
    own = {name: losses(FORECASTS, name, "squared") for name in BASELINES}
    model = losses(FORECASTS, "lstm", "squared")
    gains = {name: smallest_detectable_difference(model, own[name]) for name in ("naive", "ridge")}
    gains["zero"], _ = smallest_detectable(column(FORECASTS, "y", "lstm"), column(FORECASTS, "y_hat", "lstm"))
    needed = [1 - (1 - gain) * own[name].mean() / own["ridge"].mean() for name, gain in gains.items()]
    assert lstm.detectable == pytest.approx(max(needed), rel=1e-12)


def test_folds_and_seeds_are_judged_by_the_same_rule() -> None:
    dropped = EVIDENCE.dropped.row(0, named=True)
    rest = FORECASTS.filter(pl.col("fold") != dropped["fold"])
    expected = best_of_baselines(
        losses(rest, "lstm", "squared"), {name: losses(rest, name, "squared") for name in BASELINES}
    )
    assert (dropped["p_value"], dropped["p_worse"]) == (expected.better.p_value, expected.worse.p_value)
    assert set(EVIDENCE.dropped["model"]) == set(EVIDENCE.seeds["model"]) == {"lstm"}
    assert VERDICT.candidates[0].seed_verdicts == ("better", "better")


def test_it_survives_its_file_and_a_strange_best_baseline_is_refused() -> None:
    text = VERDICT.to_json()
    assert Verdict.from_json(text) == VERDICT
    tree = json.loads(text)
    tree["best"][0]["model"] = "lstm"
    with pytest.raises(RunError, match=r"best must name baselines of the question \(got lstm\)"):
        Verdict.from_json(json.dumps(tree))


def test_baselines_are_named_for_the_best_alone() -> None:
    with pytest.raises(ValueError, match=r"baselines must be named for the rival best.*got none, rival best"):
        Question(rival=BEST)
    with pytest.raises(ValueError, match=r"got zero, rival naive"):
        Question(rival="naive", baselines=("zero",))


def test_the_best_of_other_baselines_is_another_question_for_the_ledger() -> None:
    assert QUESTION.code == "log_return/squared/best(naive+ridge+zero)"
    assert (QUESTION.rivals, QUESTION.references) == (BASELINES, BASELINES)
    trials = [
        Trial(name, "bars", "2026-01-01", name, {"lstm@1": 0.01}, {"lstm@1": 0.9}, {}, "better", code)
        for name, code in (("same", QUESTION.code), ("fewer", "log_return/squared/best(naive+zero)"))
    ]
    found = tried_before(Ledger(tuple(trials)), QUESTION, replace(trials[0], config="own"))
    assert found.configurations == 3
    assert sorted(p_value for _, p_value in found.better) == [0.01, 1.0]


def test_a_line_of_the_usual_test_is_an_attempt_at_the_robust_one_and_lends_it_no_p_value() -> None:
    robust = Question("log_variance", "qlike", "log_har")
    trials = [
        Trial(name, "bars", "2026-01-01", name, {"lstm@1": 0.01}, {"lstm@1": 0.9}, {}, "better", code)
        for name, code in (("same", robust.code), ("usual", "log_variance/qlike/log_har"))
    ]
    found = tried_before(Ledger(tuple(trials)), robust, replace(trials[0], config="own"))
    assert sorted(p_value for _, p_value in found.better) == [0.01, 1.0]


def test_the_first_sentence_names_the_best_baseline() -> None:
    assert headline(VERDICT) == "Evidence of skill: LSTM forecasts better than the best of 3 baselines (ridge)."
    line, counts, *notes = sentences(VERDICT)
    assert line.startswith("LSTM, better")
    assert "MSE against the best of 3 baselines (ridge), " in counts
    assert "The p of LSTM is the largest of 3 tests, one against each baseline: that against ridge." in notes


def test_at_several_horizons_each_best_baseline_is_named() -> None:
    best = tuple(BestBaseline(*one) for one in ((1, "zero"), (5, "ridge"), (22, "ridge")))
    own = [candidate("no evidence", horizon=horizon) for horizon in (1, 5, 22)]
    assert headline(verdict(*own, question=QUESTION, best=best)) == (
        "No evidence of skill: GRU does not forecast significantly better than the best of 3 baselines (zero at 1 bar, "
        "ridge at 5 and 22 bars) at 1, 5 and 22 bars."
    )


LATER = forecasts_of(8, 0.3, ridge=-0.5).with_columns(horizon=pl.lit(5, pl.Int32))


def test_each_horizon_has_its_own_best_baseline() -> None:
    found = evidence(pl.concat([FORECASTS, LATER]))
    made = judge(found, candidates=["lstm"])
    assert made.best == (BestBaseline(1, "ridge"), BestBaseline(5, "zero"))
    assert (made.rival_at(1), made.rival_at(5)) == ("ridge", "zero")
    assert sorted(claim.horizon for claim in made.claims) == [1, 5]
    by_horizon = {one.horizon: one for one in made.candidates}
    assert by_horizon[1].p_value == VERDICT.candidates[0].p_value
    own = {horizon: losses(part, "lstm", "squared") for horizon, part in ((1, FORECASTS), (5, LATER))}
    assert by_horizon[5].skill == pytest.approx(1 - own[5].mean() / losses(LATER, "zero", "squared").mean())
    joint = compare_jointly(found.panels, 0.05)
    over = joint.filter(pl.col("horizon").is_null())
    assert set(over["model"]) == {"lstm", "naive"}
    assert over.filter(pl.col("p_value").is_null()).is_empty()
    paths = fluctuation_paths(found.panels)
    drawn = {(horizon, model) for horizon, model in paths.select("horizon", "model").iter_rows()}
    assert drawn == {(1, "lstm"), (1, "naive"), (1, "zero"), (5, "lstm"), (5, "naive"), (5, "ridge")}


def test_the_table_of_several_horizons_is_against_the_best_baseline_of_each() -> None:
    forecasts = pl.concat([FORECASTS, LATER])
    settings = EvaluationSettings(0.05, "holm", CostSettings(), timedelta(hours=1), True, QUESTION)
    evaluation = evaluate(forecasts, fold_table(forecasts), pl.DataFrame(schema=FITS.dtypes), None, settings)
    tables = {name.removesuffix(".parquet"): table for name, table in evaluation.tables.items()}
    made = judge(evidence(forecasts), candidates=["lstm"])
    table = headline_table(Result(made, tables))
    assert table.columns[1].label == "Skill vs the best baseline"
    cells = {(group.label, row[0]): row[1] for group in table.groups for row in group.rows}
    assert (cells["1 bar ahead", "ridge"], cells["5 bars ahead", "zero"]) == ("–", "–")
    assert "–" not in {cells["1 bar ahead", "zero"], cells["5 bars ahead", "ridge"], cells["5 bars ahead", "LSTM"]}
    assert [column.label for column in table.columns[-4:-2]] == ["Skill vs naive", "p vs naive"]
    *_, by_model = horizons(Result(made, tables))
    assert isinstance(by_model, Table)
    verdicts = {
        group.label: {row[0]: row[5] for row in group.rows if row[0] in ("1", "5")} for group in by_model.groups
    }
    assert (verdicts["ridge"], verdicts["zero"]) == ({"1": "the rival", "5": "–"}, {"1": "–", "5": "the rival"})
    assert {len(group.rows) for group in by_model.groups} == {2, 4}  # no test of all horizons where it is the rival
    shown = horizons_title(Result(made, tables))
    assert shown == "LSTM is better than the best baseline at 1 and 5 bars"
