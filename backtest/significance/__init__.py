"""Statistical tests of forecasts: `from backtest.significance import diebold_mariano` gives the function.

Loss differences are model minus baseline, in the order of time: a negative statistic favours the model. A module is a
family of tests; `table` lists those that every run makes. Names are loaded on first use, so that nothing waits for
scipy, arch or statsmodels before it needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers; tests compare it with _EXPORTS
    # ruff: noqa: F401
    from backtest.significance.best_baseline import BestBaselineTest, best_of_baselines
    from backtest.significance.direction import anatolyev_gerko, pesaran_timmermann
    from backtest.significance.equal_accuracy import (
        Skill,
        diebold_mariano,
        ibragimov_muller,
        skill_interval,
        smallest_detectable,
    )
    from backtest.significance.mean_tests import MeanTest, MomentsTest, long_run_variance, mean_test, moments_test
    from backtest.significance.multi_horizon import (
        HorizonSuperiority,
        average_superior_predictive_ability,
        uniform_superior_predictive_ability,
    )
    from backtest.significance.multiple_testing import benjamini_hochberg, benjamini_yekutieli, holm
    from backtest.significance.murphy import elementary_scores
    from backtest.significance.nested import clark_west, encompassing
    from backtest.significance.rationality import mincer_zarnowitz, mincer_zarnowitz_logs
    from backtest.significance.resampling import Resampling
    from backtest.significance.result import Alternative, TestResult
    from backtest.significance.robust import (
        diebold_mariano_hall,
        diebold_mariano_robust,
        robust_detectable,
        robust_interval,
    )
    from backtest.significance.sharpe_ratio import (
        Sharpe,
        deflated_sharpe,
        expected_maximum_sharpe,
        minimum_track_record,
        probabilistic_sharpe,
        sharpe,
    )
    from backtest.significance.stability import Fluctuation, fluctuation, giacomini_white
    from backtest.significance.stepdown import Hypothesis, JointNull, joint_null, romano_wolf
    from backtest.significance.superiority import (
        ModelConfidenceSet,
        Stepwise,
        Superiority,
        model_confidence_set,
        stepwise,
        superior_predictive_ability,
    )
    from backtest.significance.weights import known_variance, moving_variance

_EXPORTS = {
    "best_baseline": ("BestBaselineTest", "best_of_baselines"),
    "direction": ("anatolyev_gerko", "pesaran_timmermann"),
    "equal_accuracy": ("Skill", "diebold_mariano", "ibragimov_muller", "skill_interval", "smallest_detectable"),
    "mean_tests": ("MeanTest", "MomentsTest", "long_run_variance", "mean_test", "moments_test"),
    "multi_horizon": (
        *("HorizonSuperiority", "average_superior_predictive_ability"),
        "uniform_superior_predictive_ability",
    ),
    "multiple_testing": ("benjamini_hochberg", "benjamini_yekutieli", "holm"),
    "murphy": ("elementary_scores",),
    "nested": ("clark_west", "encompassing"),
    "rationality": ("mincer_zarnowitz", "mincer_zarnowitz_logs"),
    "resampling": ("Resampling",),
    "result": ("Alternative", "TestResult"),
    "robust": ("diebold_mariano_hall", "diebold_mariano_robust", "robust_detectable", "robust_interval"),
    "sharpe_ratio": (
        *("Sharpe", "deflated_sharpe", "expected_maximum_sharpe", "minimum_track_record", "probabilistic_sharpe"),
        "sharpe",
    ),
    "stability": ("Fluctuation", "fluctuation", "giacomini_white"),
    "stepdown": ("Hypothesis", "JointNull", "joint_null", "romano_wolf"),
    "superiority": (
        *("ModelConfidenceSet", "Stepwise", "Superiority", "model_confidence_set", "stepwise"),
        "superior_predictive_ability",
    ),
    "weights": ("known_variance", "moving_variance"),
}

__all__ = [name for names in _EXPORTS.values() for name in names]


def __getattr__(name: str) -> object:
    """Load an exported name from its module on first use."""
    for module, names in _EXPORTS.items():
        if name in names:
            return getattr(import_module(f"backtest.significance.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Every exported name, loaded or not."""
    return sorted({*globals(), *__all__})
