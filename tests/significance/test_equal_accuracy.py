"""Diebold-Mariano agrees with R and statsmodels and refuses what is undefined."""

from __future__ import annotations

import json
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from backtest.data.errors import ConfigError, DataError, NotFinite, UndefinedTest, UnpairedForecasts
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.mean_tests import Estimator, long_run_variance
from backtest.significance.result import Alternative, FloatArray, TestResult
from tests.support.places import SHARED, needs_shared, shared
from tests.support.strategies import Pair, losses, paired_losses

ALTERNATIVES: tuple[Alternative, ...] = ("less", "two-sided", "greater")
ESTIMATORS: dict[str, Estimator] = {"acf": "truncated", "bartlett": "bartlett"}
KINDS = get_args(Estimator)
DEGENERATE = {"edge_identical.csv", "edge_const_diff_exact.csv", "edge_const_diff_roundoff.csv"}


def golden(topic: str) -> dict[str, list[dict[str, Any]]]:
    """The golden cases of a topic by their input file; none where the files are absent."""
    cases: dict[str, list[dict[str, Any]]] = {}
    for case in json.loads(shared("reference", topic, "expected.json").read_text())["cases"] if SHARED else []:
        cases.setdefault(case["input"], []).append(case)
    return cases


def columns(topic: str, name: str) -> FloatArray:
    """Columns of an input file, shape (n, columns)."""
    table = pl.read_csv(shared("reference", topic, name), null_values="NA")
    return table.cast(pl.Float64).to_numpy()


def run(case: dict[str, Any], alternative: Alternative = "two-sided") -> TestResult:
    """Our test on a golden case; R's `less` asks what ours asks: whether its first method is the more accurate."""
    model, baseline = np.abs(columns("dm", case["input"])).T ** case["power"]
    estimator = ESTIMATORS[case["varestimator"]]
    return diebold_mariano(model, baseline, horizon=case["h"], estimator=estimator, alternative=alternative)


@needs_shared
@pytest.mark.parametrize("name", golden("dm"))
def test_statistic_and_p_values_agree_with_r(name: str) -> None:
    tolerance = 1e-7 if name.startswith("near") else 1e-9
    for case in [case for case in golden("dm")[name] if case.get("well_conditioned")]:
        for alternative in ALTERNATIVES:
            result = run(case, alternative)
            assert result.statistic == pytest.approx(case["statistic"], rel=tolerance, abs=0)
            assert result.p_value == pytest.approx(case[f"p_{alternative.replace('-', '_')}"], rel=0, abs=tolerance)
            assert (result.lags + 1, bool(result.note)) == (case["h_used"], case["fallback_to_h1"])


@needs_shared
def test_the_golden_cases_that_are_compared_are_the_many_that_are_well_conditioned() -> None:
    cases = [case for group in golden("dm").values() for case in group]
    assert sum(bool(case.get("well_conditioned")) for case in cases) == 944


@needs_shared
@pytest.mark.parametrize("name", sorted(DEGENERATE))
def test_differences_that_do_not_vary_are_undefined_as_in_r(name: str) -> None:
    for case in golden("dm").get(name, []):
        assert case["error"] == "Variance of DM statistic is zero"
        with pytest.raises(UndefinedTest, match=r"loss differences: (all 40 are zero|their variance is zero)"):
            run(case)


@needs_shared
@pytest.mark.parametrize("name", ["edge_na_internal.csv", "edge_na_at_ends.csv"])
def test_missing_losses_are_refused_inside_and_at_the_ends(name: str) -> None:
    with pytest.raises(NotFinite, match="are null, NaN or infinite"):
        run(golden("dm")[name][0])


@needs_shared
def test_fewer_losses_than_the_horizon_are_refused_where_r_gives_a_number() -> None:
    for name in ("edge_n2.csv", "edge_n3.csv", "edge_n_equals_12.csv"):
        for case in [case for case in golden("dm")[name] if case["h"] >= case["n"]]:
            with pytest.raises(UndefinedTest, match="more than the horizon"):
                run(case)


@needs_shared
@pytest.mark.parametrize("name", golden("hac"))
def test_bartlett_variance_agrees_with_newey_west_of_r(name: str) -> None:
    series = columns("hac", name)[:, 0]
    for case in [case for case in golden("hac")[name] if case["method"] == "fixed_lag"]:
        variance = long_run_variance(series, case["lag"] + 1)
        assert np.sqrt(variance / series.size) == pytest.approx(case["se"], rel=1e-9)


@given(losses(), st.integers(1, 12))
def test_bartlett_is_statsmodels_hac_but_for_the_small_sample_factor(pair: Pair, h: int) -> None:
    (model, baseline), n = pair, pair[0].size
    result = diebold_mariano(model, baseline, horizon=h, estimator="bartlett")
    fitted = OLS(model - baseline, np.ones(n)).fit(cov_type="HAC", cov_kwds={"maxlags": h - 1})
    factor = np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    assert result.statistic == pytest.approx(fitted.tvalues[0] * factor, rel=1e-9)


@given(losses(15, 200), st.integers(1, 12), st.sampled_from(KINDS))
def test_swapping_model_and_baseline_flips_the_sign_and_the_tails(pair: Pair, h: int, kind: Estimator) -> None:
    model, baseline = pair
    one = diebold_mariano(model, baseline, horizon=h, estimator=kind, alternative="less")
    other = diebold_mariano(baseline, model, horizon=h, estimator=kind, alternative="greater")
    assert other.statistic == -one.statistic
    assert other.p_value == one.p_value


@given(losses(), st.integers(-60, 60), st.integers(1, 5))
def test_the_unit_of_the_losses_does_not_matter(pair: Pair, exponent: int, horizon: int) -> None:
    model, baseline = pair
    unit = 2.0**exponent
    ours, scaled = (diebold_mariano(model * k, baseline * k, horizon=horizon) for k in (1.0, unit))
    assert (scaled.statistic, scaled.p_value) == (ours.statistic, ours.p_value)


@given(losses(), st.floats(0, 1e-5), st.integers(1, 5))
def test_a_smaller_loss_in_every_row_never_weakens_the_evidence(pair: Pair, gain: float, horizon: int) -> None:
    model, baseline = pair
    before, after = (
        diebold_mariano(loss, baseline, horizon=horizon, alternative="less") for loss in (model, model - gain)
    )
    assert after.p_value <= before.p_value * (1 + 1e-9)


@given(losses())
def test_tails_add_up_and_the_two_sided_p_is_twice_the_smaller(pair: Pair) -> None:
    less, both, greater = (diebold_mariano(*pair, alternative=kind).p_value for kind in ALTERNATIVES)
    assert less + greater == pytest.approx(1, abs=1e-12)
    assert both == pytest.approx(2 * min(less, greater), rel=1e-12)


def test_a_better_model_has_a_negative_statistic_and_a_small_p_of_less() -> None:
    rng = np.random.default_rng(3)
    result = diebold_mariano(rng.random(200), 0.5 + rng.random(200), alternative="less")
    assert result.statistic < -5
    assert result.p_value < 1e-6
    assert (result.test, result.n, result.lags, result.note) == ("diebold_mariano", 200, 18, "")


def test_a_truncated_variance_that_is_not_positive_falls_back_to_one_step_and_says_so() -> None:
    difference = np.tile([1.0, -1.0], 20) + np.random.default_rng(1).standard_normal(40) * 0.1 + 0.2
    fallen = diebold_mariano(difference, np.zeros(40), horizon=2, estimator="truncated")
    plain = diebold_mariano(difference, np.zeros(40), horizon=1, estimator="truncated")
    assert fallen.note == "the truncated variance at h = 2 is not positive: computed with h = 1 instead"
    assert (fallen.statistic, fallen.lags) == (plain.statistic, 0)


def test_a_truncated_variance_that_only_rounding_keeps_from_zero_falls_back_too() -> None:
    difference = np.array([1, 0, -1, 0]) * 0.1 + 0.3  # its autocovariances cancel, 9e-19 is left
    result = diebold_mariano(difference, np.zeros(4), horizon=3, estimator="truncated")
    assert (result.lags, result.note[:22]) == (0, "the truncated variance")
    assert result.statistic < 20


def test_losses_may_be_lists_arrays_or_series() -> None:
    model, baseline = paired_losses(5, 40)
    results = {diebold_mariano(a(model), a(baseline)) for a in (np.asarray, list, pl.Series)}
    assert len(results) == 1


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_is_refused_at_any_position(bad: float | None) -> None:
    for position in (0, 1, 3):
        series = pl.Series([0.1, 0.4, 0.2, 0.3])
        series[position] = bad
        with pytest.raises(NotFinite, match=rf"loss_model: must be finite .* at position {position}; 1 of 4"):
            diebold_mariano(series, [0.2] * 4)
        with pytest.raises(NotFinite, match="loss_baseline: must be finite"):
            diebold_mariano([0.2] * 4, series)


@pytest.mark.parametrize(
    ("model", "baseline", "error", "message"),
    [
        ([1.0, 2.0], [1.0], UnpairedForecasts, r"one length \(got loss_model \(2,\) and loss_baseline \(1,\)\)"),
        ([[1.0, 2.0]], [[1.0, 3.0]], UnpairedForecasts, "expected series of one length"),
        ([], [], UndefinedTest, r"more than the horizon, 1, are needed \(got 0\)"),
        ([1.0], [2.0], UndefinedTest, r"more than the horizon, 1, are needed \(got 1\)"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], UndefinedTest, "all 3 are zero"),
        ([1.5, 2.5, 3.5], [1.0, 2.0, 3.0], UndefinedTest, "variance is zero, all 3 are equal"),
        ([0.1 + 0.2, 0.3, 0.3], [0.1, 0.1, 0.1], UndefinedTest, "variance is zero, all 3 are equal"),
    ],
)
def test_invalid_samples_are_refused(
    model: list[float], baseline: list[float], error: type[DataError], message: str
) -> None:
    with pytest.raises(error, match=message):
        diebold_mariano(model, baseline)


def test_settings_that_do_not_exist_are_refused() -> None:
    model, baseline = paired_losses(1, 20)
    with pytest.raises(ConfigError, match=r"estimator: must be one of fixed-b, bartlett, truncated \(got 'parzen'\)"):
        diebold_mariano(model, baseline, estimator="parzen")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"alternative: must be one of less, two-sided, greater \(got 'better'\)"):
        diebold_mariano(model, baseline, alternative="better")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"horizon: must be at least 1, a whole number of steps \(got 0\)"):
        diebold_mariano(model, baseline, horizon=0)
    with pytest.raises(UndefinedTest, match="more than the horizon, 20, are needed"):
        diebold_mariano(model, baseline, horizon=20)


@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e140])
@pytest.mark.parametrize("kind", KINDS)
def test_losses_whose_squares_leave_the_floats_give_the_same_statistic(unit: float, kind: Estimator) -> None:
    model, baseline = (series * 1e5 for series in paired_losses(7, 60))
    ours, scaled = (diebold_mariano(model * k, baseline * k, estimator=kind, horizon=3) for k in (1.0, unit))
    assert (scaled.statistic, scaled.p_value) == pytest.approx((ours.statistic, ours.p_value), rel=1e-9)


def test_losses_beyond_any_sum_are_refused() -> None:
    with pytest.raises(NotFinite, match=r"null, NaN or infinite, or beyond 1e\+300"):
        diebold_mariano([1e301, 2.0, 3.0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("horizon", [1.5, None, "x", True])
def test_an_invalid_horizon_is_refused(horizon: Any) -> None:
    with pytest.raises(ConfigError, match="horizon: must be at least 1, a whole number of steps"):
        diebold_mariano([1.0, 2.0, 4.0], [1.0, 1.0, 1.0], horizon=horizon)
