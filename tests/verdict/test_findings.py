"""What a verdict says besides its status: that a model knows something which does not pay, and whom a leak concerns."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import polars as pl
import pytest

from backtest.data.names import Status
from backtest.data.question import Question
from backtest.data.records.audit import Leak, Subject, Suspects
from backtest.data.records.verdict import ClarkWest, Reason, Verdict
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.multiple_testing import holm
from backtest.significance.nested import clark_west
from backtest.verdict.findings import clark_west_of, leak_reason, sub_verdict_of
from backtest.verdict.record import evidence_of
from backtest.verdict.rule import Evidence, judge
from tests.support.audits import leaky
from tests.support.forecasts import FloatArray, fold_table, forecast_table

N = 1000


def overconfident() -> tuple[FloatArray, dict[str, FloatArray]]:
    """Outcomes, and forecasts that hold a signal but are far too large; those of `gru` hold none."""
    rng = np.random.default_rng(7)
    y = rng.standard_normal(N)
    large = 0.15 * y + 0.9 * rng.standard_normal(N)
    return y, {"zero": np.zeros(N), "naive": rng.standard_normal(N), "lstm": large, "gru": rng.standard_normal(N)}


def evidence() -> Evidence:
    y, forecasts = overconfident()
    table = forecast_table(y, {(name, None): values for name, values in forecasts.items()}, folds=5)
    return evidence_of(table, fold_table(table))


EVIDENCE = evidence()


def test_a_model_that_knows_something_and_is_worse_has_a_sub_verdict_with_its_adjusted_p() -> None:
    verdict = judge(EVIDENCE, candidates=["lstm", "gru"])
    found = {one.model: one for one in verdict.candidates}
    y, forecasts = overconfident()
    raw = [clark_west(y, forecasts[name], forecasts["zero"]).p_value for name in ("gru", "lstm")]
    adjusted = holm(raw)
    assert found["lstm"].status == found["gru"].status == "worse"
    for name, p_value, p_adjusted in zip(("gru", "lstm"), raw, adjusted, strict=True):
        own = found[name].clark_west
        assert own is not None
        assert (own.p_value, own.p_adjusted) == pytest.approx((p_value, p_adjusted), rel=1e-9)
        assert own.members == 2
    assert (found["lstm"].sub_verdict, found["gru"].sub_verdict) == ("does_not_pay", None)
    assert Verdict.from_json(verdict.to_json()) == verdict


@pytest.mark.parametrize("status", get_args(Status))
def test_the_sub_verdict_is_about_models_that_were_judged_and_are_not_better(status: Status) -> None:
    found = sub_verdict_of(status, ClarkWest(0.001, 0.002, 2), 0.05)
    assert found == ("does_not_pay" if status in ("no evidence", "worse") else None)
    assert sub_verdict_of(status, ClarkWest(0.04, 0.08, 2), 0.05) is None
    assert sub_verdict_of(status, None, 0.05) is None


@pytest.mark.parametrize(
    "question",
    [
        Question("log_variance", "qlike", "log_har"),
        Question("log_variance", "squared", "log_har"),
        Question("direction", "brier", "base_rate"),
        Question(loss="absolute"),
        Question(rival="naive"),
        Question(rival="best", baselines=("zero", "ridge")),
    ],
)
def test_clark_west_is_for_squared_errors_of_returns_against_a_nested_rival_alone(question: Question) -> None:
    assert not question.nested
    assert clark_west_of(EVIDENCE.tests, question, ["lstm"]) == {}


def test_an_undefined_test_is_no_member() -> None:
    undefined = pl.when(pl.col("model") != "gru").then("p_value").alias("p_value")
    found = clark_west_of(EVIDENCE.tests.with_columns(undefined), Question(), ["lstm", "gru"])
    assert {key.model: one.members for key, one in found.items()} == {"lstm": 1}


def test_clark_west_is_adjusted_for_what_else_was_tried() -> None:
    alone, again = (clark_west_of(EVIDENCE.tests, Question(), ["lstm", "gru"], tried) for tried in (1, 3))
    assert alone
    for key, one in alone.items():
        assert again[key].p_adjusted == min(1.0, 3 * one.p_adjusted)
        assert again[key].members == 3 * one.members


MODEL = Leak("fold_not_isolated", Subject("model", "gru", 2))
FEATURE = Leak("reads_later_bars", Subject("feature", "x"))
PLACEBO = Leak("skill_on_placebo", Subject("model", "gru"))


@pytest.mark.parametrize(
    ("leaks", "suspects"),
    [
        ([MODEL], Suspects(models=frozenset({"gru"}))),
        ([FEATURE], Suspects(shared=True)),
        ([FEATURE, MODEL], Suspects(shared=True, models=frozenset({"gru"}))),
        ([PLACEBO], Suspects(shared=True)),
    ],
)
def test_a_leak_of_a_model_is_its_own_and_every_other_one_is_shared(leaks: list[Leak], suspects: Suspects) -> None:
    assert leaky(*leaks).suspects == suspects
    assert suspects


def test_a_leak_concerns_a_model_for_one_reason() -> None:
    own = Suspects(models=frozenset({"gru"}))
    assert leak_reason(own, "gru", Question()) == Reason("leak_of_model")
    assert leak_reason(own, "lstm", Question()) is None
    assert leak_reason(own, "lstm", Question(rival="gru")) == Reason("leak_of_rival")
    assert leak_reason(Suspects(shared=True), "lstm", Question()) == Reason("leak")


def test_a_model_that_does_not_leak_keeps_its_own_verdict() -> None:
    sound = judge(EVIDENCE, candidates=["lstm", "gru"])
    found = judge(replace(EVIDENCE, leak=Suspects(models=frozenset({"gru"}))), candidates=["lstm", "gru"])
    assert [(one.model, one.status) for one in found.candidates] == [("gru", "leak suspected"), ("lstm", "worse")]
    assert found.candidates[1] == next(one for one in sound.candidates if one.model == "lstm")


def test_candidates_are_combined_and_the_combination_makes_no_claim() -> None:
    verdict = judge(EVIDENCE, candidates=["lstm", "gru"])
    (found,) = verdict.combinations
    y, forecasts = overconfident()
    mean = (forecasts["lstm"] + forecasts["gru"]) / 2
    tested = diebold_mariano((y - mean) ** 2, y**2, alternative="less")
    assert found.equal.skill == pytest.approx(1 - ((y - mean) ** 2).mean() / (y**2).mean())
    assert found.equal.p_value == pytest.approx(tested.p_value, rel=1e-9)
    assert (found.models, len(found.weights), found.weights[0]) == (("gru", "lstm"), 5, 0.5)
    assert "combination" not in {claim.model for claim in verdict.claims}
    assert judge(EVIDENCE, candidates=["lstm"]).combinations == ()
    leak = Suspects(models=frozenset({"gru"}))
    assert judge(replace(EVIDENCE, leak=leak), candidates=["lstm", "gru"]).combinations == ()


def test_a_combination_among_the_candidates_is_not_averaged_with_its_members() -> None:
    y, forecasts = overconfident()
    forecasts["average"] = (forecasts["lstm"] + forecasts["gru"]) / 2
    table = forecast_table(y, {(name, None): values for name, values in forecasts.items()}, folds=5)
    with_average = evidence_of(table, fold_table(table))
    pools = [
        judge(each, candidates=names).combinations
        for each, names in ((EVIDENCE, ["lstm", "gru"]), (with_average, ["lstm", "gru", "average"]))
    ]
    assert pools[0] == pools[1]
    assert pools[0][0].models == ("gru", "lstm")
