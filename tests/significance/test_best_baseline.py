"""Against the best of several baselines a model is rarely called better or worse by chance, and often if it is so."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS

from backtest.data.errors import ConfigError, UndefinedTest, UnpairedForecasts
from backtest.significance.best_baseline import best_of_baselines, lowest_loss
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.result import Alternative, FloatArray, TestResult

SAMPLES = 300
ROWS = 150


def draw(seed: int, gaps: tuple[float, ...], rows: int = ROWS) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Losses of a model and of baselines that are worse by `gaps`, in units of the spread of a difference."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_exponential(rows)
    model = shared + rng.standard_normal(rows) / np.sqrt(2) + 5
    return model, {f"b{k}": shared + rng.standard_normal(rows) / np.sqrt(2) + gap + 5 for k, gap in enumerate(gaps)}


def shares(gaps: tuple[float, ...]) -> tuple[float, float]:
    """In what share of the samples "better" and "worse" are claimed at 5 %."""
    found = [best_of_baselines(*draw(seed, gaps)) for seed in range(SAMPLES)]
    return tuple(np.mean([[one.better.p_value <= 0.05, one.worse.p_value <= 0.05] for one in found], axis=0).tolist())


def test_it_is_the_largest_of_the_tests_and_bonferroni_of_the_smallest() -> None:
    model, losses = draw(1, (0.05, 0.1, 0.5))
    found = best_of_baselines(model, losses, horizon=2)
    less = {name: diebold_mariano(model, own, horizon=2, alternative="less").p_value for name, own in losses.items()}
    more = {name: diebold_mariano(model, own, horizon=2, alternative="greater").p_value for name, own in losses.items()}
    assert found.better.p_value == max(less.values()) == less[found.hardest]
    assert found.worse.p_value == min(1.0, 3 * min(more.values()))
    assert found.strongest == min(more, key=more.__getitem__)
    assert found.best == min(losses, key=lambda name: float(losses[name].mean()))
    assert (found.better.n, found.better.lags) == (ROWS, found.worse.lags)


def test_of_one_baseline_it_is_diebold_mariano() -> None:
    model, losses = draw(2, (0.1,))
    found = best_of_baselines(model, losses)
    for side, result in (("less", found.better), ("greater", found.worse)):
        plain = diebold_mariano(model, losses["b0"], alternative=side)  # type: ignore[arg-type]  # the literals
        assert (result.statistic, result.p_value) == (plain.statistic, plain.p_value)
    assert found.hardest == found.best == "b0"


def test_the_p_value_decides_and_not_the_statistic() -> None:
    """A robust test takes the more careful of two statistics: a smaller one may have the larger p-value."""
    order = {"plain": (1.0, 0.2), "skewed": (0.5, 0.4)}

    def stub(model: FloatArray, loss: FloatArray, *, horizon: int, alternative: Alternative) -> TestResult:
        statistic, p_value = order["plain" if loss[0] else "skewed"]
        value = p_value if alternative == "less" else 1 - p_value
        return TestResult("stub", statistic, value, model.size, 0, alternative)

    found = best_of_baselines(np.ones(3), {"plain": np.ones(3), "skewed": np.zeros(3)}, test=stub)
    assert (found.hardest, found.better.p_value) == ("skewed", 0.4)
    assert found.strongest == "skewed"


def test_its_statistic_is_the_largest_of_those_of_statsmodels() -> None:
    model, losses = draw(3, (0.02, 0.3, 0.1))
    found = best_of_baselines(model, losses)
    settings = {"maxlags": found.better.lags, "use_correction": False}
    fits = [OLS(model - own, np.ones(ROWS)).fit(cov_type="HAC", cov_kwds=settings) for own in losses.values()]
    statistics = [float(fit.tvalues[0]) for fit in fits]
    assert found.better.statistic == found.worse.statistic == pytest.approx(max(statistics), rel=1e-12)


@pytest.mark.parametrize("gaps", [(0.0,), (0.0, 2.0, 2.0), (0.0, 0.0, 0.0, 0.0)])
def test_a_model_as_good_as_the_best_is_rarely_called_better_or_worse(gaps: tuple[float, ...]) -> None:
    better, worse = shares(gaps)
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / SAMPLES)
    assert better <= most
    assert worse <= most
    if gaps.count(0.0) == 1:
        assert better >= 0.02  # where one baseline alone decides the test has its full size


def test_a_baseline_that_is_much_worse_does_not_make_a_model_better() -> None:
    better, _ = shares((-0.3, 2.0))
    assert better == 0


def test_a_model_that_beats_all_is_found_and_so_is_one_that_is_worse() -> None:
    better, worse = shares((0.35, 0.35, 0.5))
    assert better > 0.9
    assert worse == 0
    better, worse = shares((-0.4, 0.0, 0.0))
    assert better == 0
    assert worse > 0.9


def test_the_baseline_that_comes_closest_need_not_be_the_best() -> None:
    rng = np.random.default_rng(4)
    model = rng.standard_normal(200) + 5
    steady, erratic = model + 0.3 + 0.1 * rng.standard_normal(200), model + 0.5 + 9 * rng.standard_normal(200)
    found = best_of_baselines(model, {"erratic": erratic + 0.5 - (erratic - model).mean(), "steady": steady})
    assert (found.best, found.hardest) == ("steady", "erratic")


def test_the_first_of_equals_is_the_best() -> None:
    assert lowest_loss({"b": np.ones(3), "a": np.ones(3), "c": np.full(3, 2.0)}) == "b"


def test_what_cannot_be_tested_is_refused() -> None:
    model, losses = draw(5, (0.1, 0.2))
    with pytest.raises(UndefinedTest, match="best_of_baselines: undefined against twin: loss differences: all 150 are"):
        best_of_baselines(model, {**losses, "twin": model})
    with pytest.raises(ConfigError, match="best_of_baselines: at least one baseline is needed"):
        best_of_baselines(model, {})
    with pytest.raises(UnpairedForecasts, match=r"losses of short \(10,\)"):
        best_of_baselines(model, {"short": model[:10]})
