"""Tests of the question: what it names follows from its target, and nothing unknown is taken."""

from __future__ import annotations

import pytest

from backtest.data.errors import RunError
from backtest.data.losses import LOSSES
from backtest.data.question import Question
from backtest.data.records.verdict import Verdict
from backtest.data.targets import TARGETS
from backtest.evaluation.metrics import METRICS
from backtest.models import MODELS
from backtest.significance.table import TESTS


@pytest.mark.parametrize("name", TARGETS)
def test_every_name_in_a_target_is_known(name: str) -> None:
    target = TARGETS[name]
    assert set(target.losses) <= set(LOSSES)
    assert set(target.tests) <= set(TESTS)
    assert set(target.metrics) <= set(METRICS)
    assert {*target.references, target.rival} <= set(MODELS)
    assert set(target.nested) <= set(target.references)


def returns_but(*names: str) -> list[str]:
    """The losses of returns, in the order of LOSSES, but for those named."""
    return [name for name, loss in LOSSES.items() if "return" in loss.scales and name not in names]


def test_the_default_question_is_whether_returns_are_forecast_better_than_zero() -> None:
    question = Question()
    assert question.primary == {"test": "diebold_mariano", "loss": "squared", "baseline": "zero"}
    assert question.references == ("zero", "naive")
    assert question.losses == ("squared", *returns_but("squared"))
    assert "absolute" in question.losses


def test_another_rival_is_not_judged_and_another_loss_comes_first() -> None:
    question = Question(loss="absolute", rival="ridge")
    assert question.references == ("zero", "naive", "ridge")
    assert question.losses == ("absolute", "squared", *returns_but("absolute", "squared"))


def test_a_column_is_one_target_in_capital_letters_or_not() -> None:
    one, other = (Question(f"log_variance.{column}", "qlike", "log_har") for column in ("RV", "rv"))
    assert one == other
    assert one.code == other.code == "log_variance.rv/qlike/log_har/diebold_mariano_robust"
    assert Question("log_variance.measures.RV", "qlike", "log_har").target == "log_variance.measures.RV"


def test_another_test_is_another_question_for_the_ledger() -> None:
    robust, usual = (
        Question("log_variance", "qlike", "log_har", test) for test in ("diebold_mariano_robust", "diebold_mariano")
    )
    assert usual.code == "log_variance/qlike/log_har"
    assert robust.code == f"{usual.code}/diebold_mariano_robust"
    assert Question().code == "log_return/squared/zero"


def test_a_verdict_on_an_unknown_target_is_refused() -> None:
    text = """{"status": "cannot tell", "model": null, "alpha": 0.05, "adjustment": "holm", "configurations": 1,
        "comparisons": 1, "folds": 1, "forecasts": 1, "candidates": [], "claims": [],
        "question": {"target": "price", "loss": "squared", "rival": "zero", "test": "diebold_mariano"}}"""
    with pytest.raises(RunError, match="target must be one of log_return"):
        Verdict.from_json(text)
