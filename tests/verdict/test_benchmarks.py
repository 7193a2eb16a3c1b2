"""A model that beats log HAR is held against GJR-GARCH as well, where the run has it."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.data.losses import LOSSES, qlike
from backtest.data.question import Question
from backtest.data.records.verdict import Candidate, Comparison, Verdict
from backtest.reports.wording.evidence import sentences
from backtest.significance.robust import diebold_mariano_robust, robust_detectable
from backtest.verdict.record import evidence_of
from backtest.verdict.rule import judge
from tests.support.candidates import candidate, verdict
from tests.support.forecasts import FloatArray, fold_table, forecast_table

N = 1_200
QUESTION = Question("log_variance", "qlike", "log_har", test="diebold_mariano_robust")


def forecasts_of(noise: float) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Outcomes, and forecasts of which the LSTM's has this much noise, GJR-GARCH's 0.4 and the rival's 0.9."""
    rng = np.random.default_rng(0)
    logs = rng.normal(size=N)
    y = np.exp(logs + 0.3 * rng.normal(size=N))
    spread = {"log_har": 0.9, "ewma": 0.9, "random_walk": 0.9, "gjr_garch": 0.4, "lstm": noise}
    return y, {name: np.exp(logs + 0.045 + width * rng.normal(size=N)) for name, width in spread.items()}


def judged(noise: float, *without: str) -> Candidate:
    y, forecasts = forecasts_of(noise)
    kept: dict[tuple[str, int | None], FloatArray] = {
        (name, None): values for name, values in forecasts.items() if name not in without
    }
    table = forecast_table(y, kept)
    evidence = evidence_of(table, fold_table(table), question=QUESTION)
    (found,) = judge(evidence, candidates=["lstm"], adjustment="holm").candidates
    return found


@pytest.mark.parametrize(("noise", "beats"), [(0.1, True), (0.5, False)])
def test_the_p_value_is_that_of_the_verdicts_own_test(noise: float, beats: bool) -> None:
    found, (y, forecasts) = judged(noise), forecasts_of(noise)
    losses = (qlike(y, forecasts[name]) for name in ("lstm", "gjr_garch"))
    p_value = diebold_mariano_robust(*losses, alternative="less").p_value
    assert found.status == "better"
    (compared,) = found.benchmarks
    assert compared.model == "gjr_garch"
    assert compared.p_value == pytest.approx(p_value, rel=1e-9)
    assert (p_value < 0.05) is beats


def test_the_detectable_skill_is_that_of_the_verdicts_own_test() -> None:
    found, (y, forecasts) = judged(0.8), forecasts_of(0.8)
    own, rival = (LOSSES["qlike"].excess(y, forecasts[name]) for name in ("lstm", "log_har"))
    assert found.detectable == pytest.approx(robust_detectable(own, rival, alpha=0.05 / 2), rel=1e-9)  # two claims


def test_without_a_claim_or_without_the_model_nothing_is_compared() -> None:
    assert judged(1.5).benchmarks == ()
    assert judged(0.1, "gjr_garch").benchmarks == ()


def said(p_value: float) -> tuple[str, ...]:
    numbers = {"skill": 0.02, "p_value": 0.001, "p_adjusted": 0.002, "n": 900}
    better = candidate("better", "lstm", benchmarks=(Comparison("gjr_garch", p_value),), **numbers)
    known = verdict(better, question=QUESTION)
    assert Verdict.from_json(known.to_json()) == known
    return sentences(known)


def test_the_claim_says_whether_it_holds_against_the_benchmark() -> None:
    assert "LSTM beats GJR GARCH (p < 0.001, not adjusted)." in said(1e-5)
    assert "LSTM does not significantly beat GJR GARCH (p = 0.31, not adjusted)." in said(0.31)
