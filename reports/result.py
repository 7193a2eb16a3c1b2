"""The one typed result of a run: every number of a report is worked out here or in `derived`, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from backtest.data.names import PRIMARY, REFERENCES, Status
from backtest.data.records.audit import Audit
from backtest.data.records.verdict import Candidate, Claim, Verdict
from backtest.reports.diagnostics import Calibration, Fit, LossPath, calibrate, learning, loss_path, side_by_side
from backtest.reports.manifest import Manifest
from backtest.reports.residuals import Residuals, residuals
from backtest.reports.rows import (
    Coverage,
    Dropped,
    JointTest,
    PairTest,
    Regime,
    Seed,
    Spells,
    Strategy,
    coverages_of,
    seeds_of,
    spells_of,
    typed,
)
from backtest.reports.run_folder import Costs, Folder
from backtest.reports.run_folder import read as read_folder

CONFIDENCE_SET = "model_confidence_set"
"""The test of JOINT whose selection are the models that may be the best."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one model did over all folds; the p-values are those of "its squared error is smaller than zero's".

    `in_set` tells whether the model is in the confidence set. `candidate` is what was found about one of the models
    that the question is about; None for a baseline.
    """

    model: str
    mse: float | None
    mae: float | None
    skill_zero: float | None
    skill_low: float | None
    skill_high: float | None
    skill_naive: float | None
    p_value: float | None
    folds_won: int | None
    note: str
    p_adjusted: float | None = None
    in_set: bool | None = None
    candidate: Candidate | None = None

    @property
    def status(self) -> Status | None:
        """The verdict on a candidate; None for a baseline."""
        return self.candidate.status if self.candidate else None


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold: its spans (half-open), its rows, the squared error of zero and every model's skill against it."""

    number: int
    fit_fold: int
    train_start: datetime
    train_end: datetime
    validation_start: datetime
    validation_end: datetime
    test_start: datetime
    test_end: datetime
    n_train: int
    n_validation: int
    n_test: int
    n_lost: int
    mse_zero: float | None
    skills: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run; `scores`: baselines first, then candidates by squared error; `audit`: None if not audited."""

    manifest: Manifest
    config: str
    costs: Costs
    verdict: Verdict
    audit: Audit | None
    horizon: int
    origins: int
    scores: tuple[Score, ...]
    folds: tuple[Fold, ...]
    paths: tuple[LossPath, ...]
    calibrations: tuple[Calibration, ...]
    fits: tuple[Fit, ...]
    tests: tuple[PairTest, ...]
    joint: tuple[JointTest, ...]
    seeds: tuple[Seed, ...]
    dropped: tuple[Dropped, ...]
    spells: tuple[Spells, ...]
    strategies: tuple[Strategy, ...]
    regimes: tuple[Regime, ...]
    coverages: tuple[Coverage, ...]
    residuals: tuple[Residuals, ...]

    @property
    def candidates(self) -> tuple[Score, ...]:
        """The models that the question is about, by squared error."""
        return tuple(score for score in self.scores if score.status)

    @property
    def rivals(self) -> tuple[Score, ...]:
        """Every model but `zero`, by squared error."""
        return tuple(by_error([score for score in self.scores if score.model != "zero"]))

    @property
    def leader(self) -> Score | None:
        """The candidate with the smallest squared error; without candidates the baseline that has it."""
        return next(iter((*self.candidates, *self.rivals)), None)


def read(run: Path) -> Result:
    """Return the result of the finished run in the folder `run`; raises RunError, WrongSchema, UnpairedForecasts."""
    return assemble(read_folder(run))


def assemble(run: Folder) -> Result:
    """Return the result of a run folder's contents; of several horizons the shortest is shown."""
    horizon = int(run.forecasts["horizon"].min() or 1)  # type: ignore[arg-type]
    scores = run.scores.filter(pl.col("seed").is_null(), horizon=horizon)
    origins = side_by_side(run.forecasts.filter(pl.col("seed").is_null(), horizon=horizon))
    tests = run.tests.filter(pl.col("fold").is_null(), horizon=horizon)
    joint = typed(JointTest, run.joint.filter(horizon=horizon))
    candidates = [one for one in run.verdict.candidates if one.horizon == horizon]
    claims = [claim for claim in run.verdict.claims if claim.horizon == horizon]
    ranked = in_order(judged(pooled_scores(scores, tests), candidates, claims, joint))
    models = [score.model for score in ranked]
    return Result(
        manifest=run.manifest,
        config=run.config,
        costs=run.costs,
        verdict=run.verdict,
        audit=run.audit,
        horizon=horizon,
        origins=origins.height,
        scores=ranked,
        folds=fold_rows(run.folds, scores),
        paths=tuple(loss_path(origins, model) for model in models if model != "zero"),
        calibrations=tuple(calibrate(origins, model) for model in models if model not in {*REFERENCES, "mean"}),
        fits=learning(run.fits, run.folds),
        tests=typed(PairTest, tests),
        joint=joint,
        seeds=seeds_of(run.seeds.filter(horizon=horizon), candidates),
        dropped=typed(Dropped, run.dropped.filter(horizon=horizon)),
        spells=spells_of(run.fluctuation.filter(horizon=horizon)),
        strategies=typed(Strategy, run.strategies.filter(horizon=horizon)),
        regimes=typed(Regime, run.regimes.filter(horizon=horizon)),
        coverages=coverages_of(run.coverage.filter(horizon=horizon)),
        residuals=residuals(origins, [one.model for one in ranked if one.status or one.model == "zero"], horizon),
    )


def pooled_scores(scores: pl.DataFrame, tests: pl.DataFrame) -> list[Score]:
    """Return the scores of all models over all folds, with the primary test of each."""
    pooled = scores.filter(pl.col("fold").is_null()).pivot("metric", index="model", values="value")
    won = scores.filter(pl.col("fold").is_not_null(), metric="skill_zero").group_by("model")
    wins = dict(won.agg((pl.col("value") > 0).sum()).iter_rows())
    tested = {row["model"]: row for row in tests.filter(**PRIMARY, alternative="less").iter_rows(named=True)}
    return [score_of(row, tested.get(row["model"], {}), wins) for row in pooled.iter_rows(named=True)]


def score_of(scores: Mapping[str, Any], test: Mapping[str, Any], wins: Mapping[str, int]) -> Score:
    """Return one model's row of the headline table from its pooled scores and its test against zero.

    The skill is the tested one: with several symbols it weighs times alike, as the test does, and not rows.
    """
    model = str(scores["model"])
    tested = test.get("skill")
    return Score(
        model=model,
        **{name: scores[name] for name in ("mse", "mae", "skill_naive")},
        skill_zero=scores["skill_zero"] if tested is None else tested,
        **{name: test.get(name) for name in ("skill_low", "skill_high", "p_value")},
        folds_won=None if model == "zero" else wins.get(model, 0),
        note=str(test.get("note") or ""),
    )


def judged(
    scores: Sequence[Score], candidates: Sequence[Candidate], claims: Sequence[Claim], joint: Sequence[JointTest]
) -> list[Score]:
    """Return scores with the adjusted p-value, which allows for all that was tried, and what else the verdict knows."""
    adjusted = {claim.model: claim.p_adjusted for claim in claims}
    chosen = {row.model: row.selected for row in joint if row.test == CONFIDENCE_SET}
    found = {candidate.model: candidate for candidate in candidates}
    return [
        replace(
            score,
            p_adjusted=adjusted.get(score.model),
            in_set=chosen.get(score.model),
            candidate=found.get(score.model),
        )
        for score in scores
    ]


def in_order(scores: Sequence[Score]) -> tuple[Score, ...]:
    """Return zero, naive and the other baselines, then the candidates, each by squared error."""
    first = {model: place for place, model in enumerate(REFERENCES)}
    return tuple(
        sorted(by_error(scores), key=lambda score: (score.status is not None, first.get(score.model, len(first))))
    )


def by_error(scores: Sequence[Score]) -> list[Score]:
    """Return scores by squared error, the smallest first; what has none comes last."""
    return sorted(scores, key=lambda score: (score.mse is None, score.mse or 0.0, score.model))


def fold_rows(folds: pl.DataFrame, scores: pl.DataFrame) -> tuple[Fold, ...]:
    """Return the folds in the order of time, each with its squared error of zero and the skills of all models."""
    per_fold = scores.filter(pl.col("fold").is_not_null())
    errors = dict(per_fold.filter(metric="mse", model="zero").select("fold", "value").iter_rows())
    skills: dict[int, dict[str, float | None]] = {}
    for number, model, value in per_fold.filter(metric="skill_zero").select("fold", "model", "value").iter_rows():
        skills.setdefault(number, {})[model] = value
    return tuple(
        Fold(row.pop("fold"), **row, mse_zero=errors.get(number), skills=skills.get(number, {}))
        for row in folds.sort("fold").iter_rows(named=True)
        for number in [row["fold"]]
    )
