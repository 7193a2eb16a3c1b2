"""The SPA test and StepM are Hansen's and arch's on saved resamples, and claim nothing where nothing is better."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arch.bootstrap import SPA, StepM

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.significance import superiority
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.resampling import Resampling, bootstrap_variances
from backtest.significance.superiority import stepwise, superior_predictive_ability
from tests.calibration.worlds import errors, generator
from tests.support.places import needs_shared
from tests.support.resamples import CASES, golden_losses, golden_resampling, name, ranked_losses

FEW = Resampling(reps=200)


@needs_shared
@pytest.mark.parametrize("case", CASES, ids=name)
def test_studentised_test_agrees_with_that_of_hansen(case: dict[str, Any]) -> None:
    expected, losses = case["spa_hansen2005_studentized_own"], golden_losses(case)
    gains = np.stack([losses["m0"] - series for model, series in losses.items() if model != "m0"], axis=1)
    np.testing.assert_allclose(bootstrap_variances(gains, case["block_size"]), expected["omega2"], rtol=1e-9)
    search = superiority._search(losses, "m0", 1, golden_resampling(case))
    search.spa.compute()
    assert search.statistic == pytest.approx(expected["T"], rel=1e-9, abs=1e-12)
    assert search.spa.pvalues.to_dict() == expected["pvalues"]
    found = superior_predictive_ability(losses, baseline="m0", resampling=golden_resampling(case))
    published = {"lower": found.lower, "consistent": found.consistent, "upper": found.upper}
    assert published == (expected["pvalues"] if expected["T"] else dict.fromkeys(published, 1))


@needs_shared
@pytest.mark.parametrize("case", CASES, ids=name)
@pytest.mark.parametrize("studentize", [True, False])
def test_arch_does_not_studentise_with_either_value_of_its_flag(case: dict[str, Any], studentize: bool) -> None:
    losses, resampling = golden_losses(case), golden_resampling(case)
    benchmark, models = losses["m0"], np.stack(list(losses.values())[1:], axis=1)
    assert resampling.bootstrap is not None
    plain: Any = SPA(benchmark, models, case["block_size"], case["reps"], studentize=studentize)
    plain.bootstrap = resampling.bootstrap(benchmark[:, None] - models, case["block_size"], 0)
    plain.compute()
    assert plain.pvalues.to_dict() == case["spa_arch"]["pvalues"], (
        "arch has repaired the flag: is `_search` still right?"
    )
    expected = list(case["spa_arch"]["critical_values_5pct"].values())
    np.testing.assert_allclose(plain.critical_values(0.05), expected, rtol=1e-12)


@needs_shared
@pytest.mark.parametrize("case", CASES, ids=name)
def test_stepwise_finds_what_arch_found(case: dict[str, Any]) -> None:
    losses, resampling = golden_losses(case), golden_resampling(case)
    for alpha, column in ((0.05, "superior_5pct_cols"), (0.25, "superior_25pct_cols")):
        found = stepwise(losses, baseline="m0", alpha=alpha, resampling=resampling)
        assert [int(model[1:]) - 1 for model in found.better] == case["stepm_arch"][column]


def test_stepwise_is_that_of_arch_on_studentised_gains() -> None:
    losses = ranked_losses(zero=0.6, good=0.3, fair=0.5, bad=0.9, same=0.6)
    resampling = Resampling(reps=300, block=2, seed=5)
    gains = np.stack([losses["zero"] - losses[model] for model in list(losses)[1:]], axis=1)
    units = gains / np.sqrt(bootstrap_variances(gains, 2))
    for alpha, expected in ((0.001, "good"), (0.05, "good fair")):
        plain = StepM(np.zeros(400), -units, alpha, block_size=2, reps=300, seed=5)
        plain.compute()
        found = stepwise(losses, baseline="zero", alpha=alpha, resampling=resampling)
        assert [list(losses).index(model) - 1 for model in found.better] == plain.superior_models
        assert found.better == tuple(expected.split())


def test_a_second_step_may_find_all_that_is_left() -> None:
    losses = ranked_losses(n=200, zero=1.0, good=0.1)
    rng = np.random.default_rng(2)
    losses |= {"weak": losses["zero"] - 0.135 - rng.normal(size=200)}
    resampling = Resampling(reps=500, block=1)
    gains = np.stack([losses["zero"] - losses[model] for model in ("good", "weak")], axis=1)
    units = gains / np.sqrt(bootstrap_variances(gains, 1))
    first = SPA(np.zeros(200), -units, 1, 500, seed=0)
    first.compute()
    assert first.better_models(0.05).tolist() == [0], "the case must need a second step"
    assert stepwise(losses, baseline="zero", resampling=resampling).better == ("good", "weak")


def test_superiority_is_found_where_it_is() -> None:
    found = superior_predictive_ability(ranked_losses(zero=0.6, good=0.3, bad=0.9), baseline="zero", resampling=FEW)
    assert found.statistic > 3
    assert found.lower == found.consistent == found.upper == 0
    assert (found.reps, found.note) == (200, f"200 resamples in blocks of {found.block} on average")


def test_poor_models_give_no_evidence_against_the_baseline() -> None:
    losses = ranked_losses(zero=0.1, bad=0.8, worse=0.9)
    found = superior_predictive_ability(losses, baseline="zero", resampling=FEW)
    assert (found.statistic, found.lower, found.consistent, found.upper) == (0, 1, 1, 1)
    assert stepwise(losses, baseline="zero", resampling=FEW).better == ()


def test_a_poor_model_does_not_hide_a_good_one() -> None:
    losses = ranked_losses(zero=0.5, good=0.35)
    wild = {"wild": losses["zero"] + 50 * np.random.default_rng(3).normal(size=400) ** 2}
    found = superior_predictive_ability({**losses, **wild}, baseline="zero", resampling=FEW)
    assert found.consistent < 0.01


def test_the_unit_of_one_models_gain_does_not_matter() -> None:
    losses = ranked_losses(zero=0.5, one=0.48, other=0.47)
    blown = {**losses, "one": losses["zero"] - 1024 * (losses["zero"] - losses["one"])}
    resampling = Resampling(reps=200, block=3)
    found = [superior_predictive_ability(each, baseline="zero", resampling=resampling) for each in (losses, blown)]
    assert found[0].consistent == found[1].consistent > 0
    assert found[0].statistic == pytest.approx(found[1].statistic, rel=1e-12)


def test_a_copy_of_the_baseline_is_left_out_and_the_note_says_so() -> None:
    losses = ranked_losses(zero=0.5, good=0.45)
    with_mean = {**losses, "mean": losses["zero"] * (1 + 1e-16)}
    alone, found = (superior_predictive_ability(x, baseline="zero", resampling=FEW) for x in (losses, with_mean))
    assert found.note == "mean has the same losses as zero and is left out; " + alone.note
    assert (found.statistic, found.consistent) == (alone.statistic, alone.consistent)
    assert "mean" not in stepwise(with_mean, baseline="zero", resampling=FEW).better


def test_horizon_1_gives_the_same_digits_as_ever() -> None:
    losses = ranked_losses(zero=0.5, one=0.48, bad=0.7)
    found = superior_predictive_ability(losses, baseline="zero", resampling=Resampling(reps=500, block=4))
    assert found.statistic == 1.3785477782699431
    assert (found.lower, found.consistent, found.upper) == (0.072, 0.124, 0.124)


@pytest.mark.parametrize("horizon", [2, 5])
def test_the_statistic_of_overlapping_forecasts_is_the_best_of_diebold_mariano(horizon: int) -> None:
    losses = ranked_losses(n=250, zero=0.5, one=0.48, other=0.47)
    found = superior_predictive_ability(losses, baseline="zero", horizon=horizon, resampling=FEW)
    singles = [diebold_mariano(losses[model], losses["zero"], horizon=horizon).statistic for model in ("one", "other")]
    assert found.statistic == pytest.approx(-min(singles), rel=1e-12)


def test_overlapping_forecasts_have_fixed_b_critical_values() -> None:
    """With one model and normal errors both are one test; standard errors of the sample alone gave p 0.02 too small."""
    gaps = []
    for first, second in zip(*errors("ma", generator("one"), (2, 20, 250), 5) ** 2, strict=True):
        model, baseline = (first, second) if first.mean() < second.mean() else (second, first)
        expected = diebold_mariano(model, baseline, horizon=5, alternative="less").p_value
        losses, resampling = {"model": model, "zero": baseline}, Resampling(reps=500)
        found = superior_predictive_ability(losses, baseline="zero", horizon=5, resampling=resampling)
        gaps.append(found.consistent - expected)
    assert np.abs(gaps).max() < 0.06
    assert abs(np.mean(gaps)) < 0.015


def test_resamples_without_any_variance_are_no_error() -> None:
    rare = np.zeros(100)
    rare[10:14] = 1, -1, 1, 1
    losses = {"zero": rare, "model": np.zeros(100)}
    found = superior_predictive_ability(losses, baseline="zero", horizon=2, resampling=Resampling(200, block=20))
    assert 0 < found.consistent < 1


def test_undefined_cases_are_named() -> None:
    losses = ranked_losses(zero=0.5, good=0.45)
    with pytest.raises(UndefinedTest, match="zero, mean: all are the same, no model can be better than zero"):
        superior_predictive_ability({"zero": losses["zero"], "mean": losses["zero"]}, baseline="zero")
    with pytest.raises(UndefinedTest, match="zero and good: their difference is the same at all times"):
        stepwise({"zero": losses["zero"], "good": losses["zero"] - 1}, baseline="zero")
    for test in (superior_predictive_ability, stepwise):
        with pytest.raises(UndefinedTest, match=r"at least 250 times are needed at horizon 5 \(got 249\)"):
            test({model: series[:249] for model, series in losses.items()}, baseline="zero", horizon=5)
    with pytest.raises(UndefinedTest, match=r"too large or too small to be squared \(overflow"):
        stepwise({model: series * 1e200 for model, series in losses.items()}, baseline="zero")
    with pytest.raises(ConfigError, match="baseline: must be one of zero, good"):
        stepwise(losses, baseline="naive")
