"""The verdict follows its rule, holds codes and numbers, and survives its file."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError, RunError, WrongSchema
from backtest.data.names import RANKING
from backtest.data.records.audit import Suspects
from backtest.data.records.verdict import Reason, Verdict
from backtest.verdict.family import Key, Tried
from backtest.verdict.record import evidence_of
from backtest.verdict.rule import Evidence, judge
from tests.support.forecasts import FloatArray, fold_table, forecast_table, random_forecasts

FORECASTS = random_forecasts(2, n=260)
FOUND: dict[str, Any] = {"skill": 0.004, "skill_low": -0.003, "skill_high": 0.011, "p_value": 0.31}


def evidence_on(forecasts: pl.DataFrame) -> Evidence:
    """All that follows from some forecasts."""
    return evidence_of(forecasts, fold_table(forecasts))


EVIDENCE = evidence_on(FORECASTS)


def verdict_on(forecasts: pl.DataFrame, *networks: str, alpha: float = 0.05) -> Verdict:
    """Score, compare and judge."""
    return judge(evidence_on(forecasts), candidates=networks, alpha=alpha)


def judged(*, alternative: str = "less", tried: Tried | None = None, **found: Any) -> Verdict:
    """The verdict on `lstm` with these numbers in its pooled test, of 8,640 forecasts in 12 folds; ridge has 0.9."""
    tests = EVIDENCE.tests
    pooled = pl.col("fold").is_null() & (pl.col("baseline") == "zero") & (pl.col("loss") == "squared")
    pooled &= pl.col("test") == "diebold_mariano"
    opposite = {"less": "greater", "greater": "less"}[alternative]
    for side, model, values in (
        ("less", "ridge", {"p_value": 0.9}),
        (opposite, "lstm", found | {"p_value": 1 - found["p_value"]}),
        (alternative, "lstm", found),
    ):
        row = pooled & (pl.col("model") == model) & (pl.col("alternative") == side)
        new = {name: pl.lit(value, tests.schema[name]) for name, value in values.items()}
        tests = tests.with_columns(pl.when(row).then(value).otherwise(name).alias(name) for name, value in new.items())
    folds = pl.concat([EVIDENCE.folds] * 3).with_columns(n_test=pl.lit(720, pl.Int64))
    evidence = replace(EVIDENCE, tests=tests, folds=folds, tried=tried or Tried())
    return judge(evidence, candidates=["lstm"], adjustment="holm")


def test_a_small_gain_without_significance_is_no_evidence() -> None:
    verdict = judged(**FOUND)
    (lstm,) = verdict.candidates
    assert (verdict.status, verdict.model, verdict.comparisons) == ("no evidence", "lstm", 2)
    assert (verdict.configurations, verdict.folds, verdict.forecasts) == (1, 12, 8640)
    assert {name: getattr(lstm, name) for name in FOUND} == FOUND
    assert (lstm.p_adjusted, lstm.seeds) == (0.62, 2)
    assert lstm.reason is None
    assert lstm.detectable is not None
    assert 0 < lstm.detectable < 1


def test_better_and_worse_are_judged_by_the_p_of_their_own_direction() -> None:
    better = judged(skill=0.02, skill_low=0.01, skill_high=0.03, p_value=1e-5)
    (lstm,) = better.candidates
    assert (better.status, lstm.skill, lstm.skill_low, lstm.skill_high) == ("better", 0.02, 0.01, 0.03)
    assert (lstm.p_value, lstm.p_adjusted) == (1e-5, 2e-5)
    worse = judged(alternative="greater", skill=-0.02, skill_low=-0.03, skill_high=-0.01, p_value=0.004)
    (lstm,) = worse.candidates
    assert (worse.status, lstm.skill, lstm.skill_low, lstm.skill_high) == ("worse", -0.02, -0.03, -0.01)
    assert (lstm.p_worse, lstm.p_worse_adjusted) == (0.004, 0.008)


@given(st.floats(0, 1))
def test_better_needs_an_adjusted_p_within_alpha(p_value: float) -> None:
    assert (judged(p_value=p_value).status == "better") == (2 * p_value <= 0.05)


def test_an_adjusted_p_of_exactly_alpha_is_enough() -> None:
    assert judged(skill=0.01, p_value=0.025).status == "better"


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_smaller_p_never_gives_a_weaker_verdict(one: float, other: float) -> None:
    ranks = [RANKING.index(judged(skill=0.01, p_value=p).status) for p in sorted([one, other])]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(("signal", "status"), [(0.3, "better"), (-0.1, "worse"), (0.0, "no evidence")])
def test_a_planted_signal_is_found_and_noise_is_not(signal: float, status: str) -> None:
    verdict = verdict_on(random_forecasts(11, n=1000, signal=signal), "lstm")
    assert verdict.status == status
    assert verdict.candidates[0].status == status


@pytest.mark.slow  # quick, on another draw: the same share of the verdicts in tests/calibration/test_verdicts.py
def test_noise_is_called_better_no_more_often_than_alpha() -> None:
    statuses = [verdict_without_tests_in_folds(random_forecasts(seed, n=260), "lstm").status for seed in range(100)]
    assert 0 < statuses.count("better") <= 11  # 5 % and three Monte-Carlo errors
    assert set(statuses) <= {"better", "worse", "no evidence"}


def test_the_status_needs_no_test_within_a_fold() -> None:
    for signal in (0.3, 0.0):
        forecasts = random_forecasts(11, n=260, signal=signal)
        (whole,) = verdict_on(forecasts, "lstm").candidates
        (pooled,) = verdict_without_tests_in_folds(forecasts, "lstm").candidates
        assert (pooled.status, pooled.skill, pooled.p_adjusted) == (whole.status, whole.skill, whole.p_adjusted)


def verdict_without_tests_in_folds(forecasts: pl.DataFrame, *networks: str) -> Verdict:
    """The verdict without the tests in each fold, which its status does not read: half the time."""
    evidence = evidence_on(forecasts.with_columns(fold=pl.lit(0, pl.Int32)))
    return judge(replace(evidence, folds=fold_table(forecasts)), candidates=networks)


def test_networks_are_judged_and_without_any_all_models_but_the_baselines() -> None:
    assert [row.model for row in verdict_on(FORECASTS, "lstm").candidates] == ["lstm"]
    rivals = verdict_on(FORECASTS)
    assert sorted(row.model for row in rivals.candidates) == ["lstm", "ridge"]
    assert {row.model: row.seeds for row in rivals.candidates} == {"lstm": 2, "ridge": 0}


def test_candidates_stand_by_status_and_then_by_squared_error() -> None:
    fits = [random_forecasts(12, n=600, signal=signal) for signal in (0.3, 0.1, -0.2)]
    lstm = pl.col("model") == "lstm"
    named = [fit.filter(lstm).with_columns(model=pl.lit(f"net_{k}")) for k, fit in enumerate(fits)]
    verdict = verdict_on(pl.concat([fits[0].filter(~lstm), *named]), "net_0", "net_1", "net_2")
    assert [row.model for row in verdict.candidates] == ["net_0", "net_1", "net_2"]
    ranks = [RANKING.index(row.status) for row in verdict.candidates]
    assert ranks == sorted(ranks)
    assert all((a.skill or 0) >= (b.skill or 0) for a, b in pairwise(verdict.candidates) if a.status == b.status)
    assert (verdict.model, verdict.status) == ("net_0", verdict.candidates[0].status)


def test_a_model_with_evidence_speaks_before_a_luckier_one_without() -> None:
    y = np.random.default_rng(5).standard_normal(500)
    y[[100, 400]] = 25.0
    still, lucky = np.zeros(500), np.where(y == 25, y, 0.0)
    fits: dict[tuple[str, int | None], FloatArray] = {
        ("zero", None): still,
        ("naive", None): -y,
        ("lucky", None): lucky,
        ("steady", None): 0.05 * y.clip(-2, 2),
    }
    verdict = verdict_on(forecast_table(y, fits))
    assert [(row.model, row.status) for row in verdict.candidates] == [("steady", "better"), ("lucky", "no evidence")]
    assert (verdict.candidates[0].skill or 0) < (verdict.candidates[1].skill or 0)
    assert verdict.model == "steady"


def test_fewer_than_three_folds_cannot_tell_and_folds_without_forecasts_do_not_count() -> None:
    signal = random_forecasts(11, n=1000, signal=0.3, folds=2)
    verdict = verdict_on(signal, "lstm")
    assert verdict.status == "cannot tell"
    assert verdict.candidates[0].reason == Reason("few_folds", got=2, needed=3)
    assert (verdict.forecasts, verdict.folds, verdict.candidates[0].seeds) == (1000, 2, 2)
    empty = pl.concat([fold_table(signal), fold_table(signal).head(1).with_columns(n_test=pl.lit(0, pl.Int64))])
    assert judge(replace(evidence_on(signal), folds=empty), candidates=["lstm"]).status == "cannot tell"


def test_too_few_differences_for_the_horizon_cannot_tell() -> None:
    few = verdict_on(random_forecasts(1, n=249), "lstm")
    assert few.status == "cannot tell"
    assert few.candidates[0].reason == Reason("few_differences", got=249, needed=250)
    later = verdict_on(random_forecasts(1, n=390).with_columns(horizon=pl.lit(10, pl.Int32)), "lstm")
    assert later.candidates[0].reason == Reason("few_differences", got=390, needed=400)


def test_a_series_without_movement_and_a_model_that_is_zero_cannot_tell() -> None:
    still, noise = np.zeros(260), np.random.default_rng(1).standard_normal(260)
    dead = forecast_table(still, {("zero", None): still, ("naive", None): still, ("net", None): noise})
    assert verdict_on(dead).candidates[0].reason == Reason("all_zero")
    idle = forecast_table(noise, {("zero", None): still, ("naive", None): noise + 1, ("net", None): still})
    reason = verdict_on(idle).candidates[0].reason
    assert reason is not None
    assert reason.code == "undefined_test"
    assert "all 260 are zero" in reason.note


def test_baselines_alone_leave_nothing_to_judge() -> None:
    verdict = verdict_on(FORECASTS.filter(pl.col("model").is_in(["zero", "naive"])))
    assert (verdict.status, verdict.model, verdict.candidates) == ("cannot tell", None, ())
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_every_horizon_of_a_model_is_a_candidate() -> None:
    later = random_forecasts(7, n=260).with_columns(horizon=pl.lit(5, pl.Int32))
    candidates = verdict_on(pl.concat([FORECASTS, later]), "lstm").candidates
    assert [(row.model, row.horizon) for row in candidates] == [("lstm", 1), ("lstm", 5)]
    skills = [row.skill or 0.0 for row in candidates]
    assert skills[0] < skills[1]  # the horizons of a model in their order, whichever is best


def test_the_file_gives_back_the_verdict_and_is_the_same_to_the_byte() -> None:
    verdict = verdict_on(FORECASTS)
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert verdict_on(FORECASTS.sample(fraction=1, shuffle=True, seed=1)).to_json() == verdict.to_json()


@pytest.mark.parametrize("text", ["[]", "{}", '{"candidates": []}', '{"candidates": [{"model": "lstm"}]}', "null"])
def test_a_file_that_is_no_verdict_is_refused(text: str) -> None:
    with pytest.raises(RunError, match=r"verdict\.json: expected what a finished run writes"):
        Verdict.from_json(text)


def test_a_file_that_is_no_json_is_refused() -> None:
    with pytest.raises(RunError, match=r"verdict\.json: expected JSON"):
        Verdict.from_json("")


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, -0.1, float("nan")])
def test_alpha_must_be_a_probability(alpha: float) -> None:
    with pytest.raises(ConfigError, match="alpha: must lie between 0 and 1/2"):
        judge(EVIDENCE, candidates=[], alpha=alpha)


def test_tables_of_another_kind_are_refused() -> None:
    with pytest.raises(WrongSchema, match="SCORES: "):
        judge(replace(EVIDENCE, scores=EVIDENCE.tests), candidates=[])
    with pytest.raises(WrongSchema, match="FOLDS: n_test is missing"):
        judge(replace(EVIDENCE, folds=EVIDENCE.folds.drop("n_test")), candidates=[])


def test_a_network_without_forecasts_of_the_same_rows_cannot_tell() -> None:
    verdict = verdict_on(FORECASTS, "lstm", "gru")
    assert [(row.model, row.status) for row in verdict.candidates] == [("lstm", "no evidence"), ("gru", "cannot tell")]
    assert verdict.candidates[1].reason == Reason("no_forecasts")
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_a_leak_overrules_every_number() -> None:
    signal = replace(evidence_on(random_forecasts(11, n=1000, signal=0.3)), leak=Suspects(shared=True))
    verdict = judge(signal, candidates=["lstm"])
    assert verdict.status == "leak suspected"
    assert verdict.candidates[0].status == "leak suspected"
    assert verdict.candidates[0].reason == Reason("leak")


def carried(fold: int, sign: int = 1) -> pl.DataFrame:
    """Forecasts of ten folds with a large gain, or with -1 loss, in one of them, and hardly any in the others."""
    rng = np.random.default_rng(3)
    y = rng.standard_normal(1000)
    share = np.where(np.arange(1000) // 100 == fold, 0.3 * sign, 0.004)
    fits: dict[tuple[str, int | None], FloatArray] = {
        ("zero", None): np.zeros(1000),
        ("naive", None): rng.standard_normal(1000),
        ("lstm", None): share * y + (0.1 if sign > 0 else 0.01) * rng.standard_normal(1000),
    }
    return forecast_table(y, fits, folds=10)


def test_a_result_that_one_fold_carries_is_called_fragile_with_the_fold() -> None:
    verdict = judge(evidence_on(carried(7)), candidates=["lstm"], alpha=0.1)
    candidate = verdict.candidates[0]
    assert (candidate.status, candidate.fragile, candidate.worst_fold) == ("better", True, 7)
    assert candidate.worst_p is not None
    assert (candidate.p_adjusted or 0) <= 0.1 < candidate.worst_p


def test_a_result_of_all_folds_is_not_fragile() -> None:
    candidate = verdict_on(random_forecasts(11, n=1000, signal=0.3), "lstm").candidates[0]
    assert (candidate.status, candidate.fragile) == ("better", False)
    assert candidate.worst_p is not None
    assert (candidate.p_adjusted or 1) <= candidate.worst_p <= 0.05


def test_every_seed_has_a_verdict_of_its_own() -> None:
    strong = random_forecasts(11, n=1000, signal=0.3)
    noise = pl.when((pl.col("model") == "lstm") & (pl.col("seed") == 1)).then(pl.col("y_hat") - 0.3 * pl.col("y"))
    candidate = verdict_on(strong.with_columns(y_hat=noise.otherwise("y_hat")), "lstm").candidates[0]
    assert candidate.seed_verdicts == ("better", "no evidence")
    assert candidate.seeds == 2
    assert candidate.time_share is not None
    assert candidate.time_share < 0.5  # the two seeds differ by far more than time alone would make them


def test_what_else_was_tried_makes_the_adjusted_p_larger_and_is_said() -> None:
    alone = judged(**{**FOUND, "p_value": 0.004})
    others = frozenset((Key("lstm", 1), 0.1 + k / 100) for k in range(49))
    among = judged(**{**FOUND, "p_value": 0.004}, tried=Tried(50, others, others))
    assert (alone.status, among.status) == ("better", "no evidence")
    assert (alone.candidates[0].p_adjusted, among.candidates[0].p_adjusted) == pytest.approx((0.008, 0.004 * 51))
    assert among.comparisons == 51
    assert (among.configurations, len(among.claims)) == (50, 2)
    assert (among.candidates[0].detectable or 0) > (alone.candidates[0].detectable or 0)


def test_configurations_that_forecast_the_same_are_told_but_no_comparisons_of_their_own() -> None:
    again = frozenset([(Key("ridge", 1), 0.9)])
    verdict = judged(**FOUND, tried=Tried(3, again, again))
    assert (verdict.comparisons, verdict.candidates[0].p_adjusted) == (2, 0.62)
    assert (verdict.configurations, len(verdict.claims)) == (3, 2)


def test_a_stricter_adjustment_needs_a_larger_gain() -> None:
    by_method = {
        name: judge(EVIDENCE, candidates=["lstm"], adjustment=name).candidates[0].detectable or 0
        for name in ("holm", "benjamini-hochberg", "benjamini-yekutieli")
    }
    assert by_method["holm"] == by_method["benjamini-hochberg"] < by_method["benjamini-yekutieli"]


def test_a_bad_result_that_one_fold_carries_is_fragile_too() -> None:
    candidate = judge(evidence_on(carried(7, -1)), candidates=["lstm"], alpha=0.1).candidates[0]
    assert (candidate.status, candidate.fragile, candidate.worst_fold) == ("worse", True, 7)


def test_the_same_test_made_again_counts_once() -> None:
    again = frozenset([(Key("ridge", 1), 0.9), (Key("ridge", 5), 0.9)])
    assert judged(**FOUND, tried=Tried(2, again, again)).comparisons == 3


def test_a_deflated_sharpe_ratio_stands_beside_its_model() -> None:
    verdict = judge(replace(EVIDENCE, deflated={Key("lstm", 1): 0.4}), candidates=["lstm"])
    assert verdict.candidates[0].deflated_sharpe == 0.4
