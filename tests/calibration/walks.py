"""Verdicts of whole walks, features, folds and retraining included, over bars without a signal and with a known one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backtest.data.dataset import Dataset
from backtest.data.errors import RunError
from backtest.data.records.verdict import Candidate
from backtest.verdict.record import evidence_of
from backtest.verdict.rule import judge
from backtest.walk.config_file import LoadedConfig, build
from backtest.walk.engine import walk_in_memory
from backtest.walk.plan import plan_walk
from tests.calibration.volatility import make_bars

LINEAR: dict[str, Any] = {
    "features": ["log_return", "rolling_mean_5", "rolling_std_24", "volume_norm"],
    "folds": {"first_train": 600, "validation": 200, "test": 240},
    "net": {"window": 8},
}
NOISE: dict[str, dict[str, Any]] = {
    "ridge and AR": {**LINEAR, "models": ["ridge", "ar"], "bars": 2_000},
    "ridge and AR, 5 bars ahead": {**LINEAR, "models": ["ridge", "ar"], "bars": 2_000, "target": {"horizon": 5}},
    "LSTM": {
        "models": ["lstm"],
        "bars": 1_200,
        "seeds": 2,
        "features": ["log_return", "rolling_std_24"],
        "folds": {"first_train": 500, "validation": 140, "test": 140},
        "net": {"hidden": 8, "layers": 1, "dropout": 0.0, "window": 8},
        "train": {"epochs": 6, "patience": 3, "chunk": 16, "batch": 64, "learning_rate": 5e-3, "device": "cpu"},
    },
}
"""Walks over bars without a signal, by the name under which the page shows them."""

RIDGE: dict[str, Any] = {**LINEAR, "models": ["ridge"], "features": ["log_return", "rolling_mean_5"]}
PLANTED: dict[str, dict[str, Any]] = {
    "2,000 forecasts": {**RIDGE, "bars": 2_800},
    "10,000 forecasts": {
        **RIDGE,
        "bars": 12_000,
        "folds": {"first_train": 1_500, "validation": 500, "test": 1_500},
    },
}
"""Walks over bars with a signal that the features carry, by the name under which the page shows them."""

VARIANCES: dict[str, dict[str, Any]] = {
    f"HAR and ridge, {ahead}": {
        **LINEAR,
        "models": ["har", "ridge"],
        "features": ["log_variance_1", "log_variance_5", "log_variance_22"],
        "net": {"window": 22, "har_lags": (1, 5, 22)},
        "target": {"kind": "log_variance", "horizon": horizon},
        "bars": 2_000,
    }
    for ahead, horizon in (("1 bar ahead", 1), ("5 bars ahead", 5))
}
"""Walks over bars whose variances follow a log HAR, which is the rival, by the name under which the page shows them."""

SIGNALS = {"2,000 forecasts": (0.02, 0.03, 0.04, 0.05, 0.06), "10,000 forecasts": (0.006, 0.009, 0.011, 0.013, 0.016)}
"""Strengths of the signal in the walks of PLANTED, as the best possible R2."""


def judge_noise(name: str, worlds: int, first: int) -> list[dict[str, str]]:
    """Status of each model of a walk of NOISE in so many worlds, numbered from `first`."""
    return [
        {candidate.model: candidate.status for candidate in _candidates(NOISE[name], f"seed={seed}")}
        for seed in range(first, first + worlds)
    ]


def judge_variances(name: str, worlds: int, first: int) -> list[dict[str, str]]:
    """Status of each model of a walk of VARIANCES in so many worlds, numbered from `first`."""
    settings = VARIANCES[name]
    return [
        {
            candidate.model: candidate.status
            for candidate in _candidates(settings, "", Dataset.from_frame(make_bars(settings["bars"], seed)))
        }
        for seed in range(first, first + worlds)
    ]


def judge_planted(name: str, signal: float, worlds: int, first: int) -> list[tuple[float, float, bool]]:
    """Skill, smallest detectable skill and "better" or not of a walk of PLANTED in so many worlds from `first` on."""
    found = []
    for seed in range(first, first + worlds):
        (ridge,) = _candidates(PLANTED[name], f"seed={seed},signal={signal}")
        if ridge.skill is None or ridge.detectable is None:
            raise RunError(f"world {seed}: expected a skill and a detectable one (got {ridge.reason})")
        found.append((ridge.skill, ridge.detectable, ridge.status == "better"))
    return found


def _candidates(settings: Mapping[str, Any], world: str, dataset: Dataset | None = None) -> tuple[Candidate, ...]:
    """Run a walk over synthetic or given bars, and return what the verdict says of every model that was asked for."""
    tree = {key: value for key, value in settings.items() if key != "bars"}
    source = f"synthetic:n={settings['bars']},{world}"
    config = build({**tree, "name": "world", "executor": "serial", "data": {"source": source}}, where="calibration")
    walk = walk_in_memory(plan_walk(LoadedConfig(config, None), dataset))
    evidence = evidence_of(
        walk.forecasts, walk.folds, adjustment=config.multiplicity, question=config.resolved_question
    )
    return judge(evidence, candidates=config.models, alpha=config.alpha, adjustment=config.multiplicity).candidates
