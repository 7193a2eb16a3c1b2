"""The verdict on a run, by one fixed rule: whether there is evidence that a network forecasts better than zero.

The rule stands in `judge`, its constants below. It reads one test, PRIMARY: Diebold-Mariano on the pooled squared
errors of the mean over seeds against `zero`, one-sided, adjusted by Holm over all models but the baselines.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import polars as pl

from backtest.wording import RANKING, chance_text, claim, counted, effect_text, headline
from data import schema
from data.errors import ConfigError, RunError
from data.names import PRIMARY, REFERENCES, Status, label

MIN_FOLDS = 3
MIN_DIFFERENCES = 30
MIN_DIFFERENCES_PER_STEP = 10
"""At least this many loss differences for each step of the horizon: overlapping forecasts repeat each other."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model under judgement; None where a number is undefined.

    `skill` is 1 - MSE / MSE of zero with its 95 % interval, `p_value` and `p_adjusted` speak for "better than zero",
    `p_worse` and `p_worse_adjusted` for the opposite, `n` counts loss differences (times), `seeds` is 0 for a model
    without seeds, `reason` says why a status is "cannot tell" and is empty otherwise.
    """

    model: str
    name: str
    horizon: int
    status: Status
    reason: str
    sentence: str
    skill: float | None
    skill_low: float | None
    skill_high: float | None
    p_value: float | None
    p_adjusted: float | None
    p_worse: float | None
    p_worse_adjusted: float | None
    n: int
    seeds: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verdict.json` holds.

    `headline` says it in plain words for all candidates, `sentence` with the numbers of the first, whose `status` and
    `model` are the verdict's (None if there is no candidate). `candidates` are the networks, or without any all models
    but the baselines: by status from better to cannot tell, then by pooled squared error. `family_size` counts the
    models in Holm's adjustment, `folds` and `forecasts` what was tested.
    """

    status: Status
    model: str | None
    headline: str
    sentence: str
    alpha: float
    family_size: int
    folds: int
    forecasts: int
    candidates: tuple[Candidate, ...]

    def to_json(self) -> str:
        """The verdict as JSON text, the same for the same verdict to the byte."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; raises RunError for anything else."""
        try:
            content = json.loads(text)
            return cls(**{**content, "candidates": tuple(Candidate(**row) for row in content["candidates"])})
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(f"verdict.json: expected what a finished run writes (got {error}): run it again") from error


def judge(
    scores: pl.DataFrame, tests: pl.DataFrame, folds: pl.DataFrame, *, networks: Sequence[str], alpha: float = 0.05
) -> Verdict:
    """Judge a run by its SCORES, TESTS and FOLDS; `networks` are the models that the question is about.

    cannot tell  fewer than 3 folds with forecasts; fewer than 30 loss differences, or than 10 for each step of the
                 horizon; a series without any movement; or the test is undefined
    better       positive skill, and adjusted one-sided p <= alpha for "better than zero"
    worse        negative skill, and adjusted one-sided p <= alpha for "worse than zero": a family of its own, so the
                 chance of either claim being false is at most 2 alpha
    no evidence  everything else

    A family's adjustment allows for naming the best of the candidates, so the first of them speaks for the run.
    Raises ConfigError if alpha is not between 0 and 1, WrongSchema if a table is not what it should be.
    """
    if not 0 < alpha < 1:
        raise ConfigError(f"alpha: must lie between 0 and 1 (got {alpha}): 0.05 is usual")
    schema.check(folds, schema.FOLDS)
    counts = _Counts(folds.filter(pl.col("n_test") > 0).height, int(folds["n_test"].sum()), alpha)
    rivals = _rivals(schema.check(scores, schema.SCORES), schema.check(tests, schema.TESTS))
    judged = rivals.filter(pl.col("model").is_in(networks))
    order, descending = ["rank", "model", "horizon"], [True, False, False]
    rows = (rivals if judged.is_empty() else judged).sort(order, descending=descending, nulls_last=True)
    several = rows["horizon"].n_unique() > 1
    candidates = [_candidate(row, counts, several_horizons=several) for row in rows.iter_rows(named=True)]
    candidates.sort(key=lambda each: RANKING.index(each.status))
    first = candidates[0] if candidates else None
    summary = headline([(each.status, each.name) for each in candidates])
    return Verdict(
        status=first.status if first else "cannot tell",
        model=first.model if first else None,
        headline=summary,
        sentence=first.sentence if first else summary,
        alpha=alpha,
        family_size=int(rivals["p_adjusted"].count()),
        folds=counts.folds,
        forecasts=counts.forecasts,
        candidates=tuple(candidates),
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """What all candidates are judged on."""

    folds: int
    forecasts: int
    alpha: float


def _rivals(scores: pl.DataFrame, tests: pl.DataFrame) -> pl.DataFrame:
    """One row per model and horizon, baselines left out: the PRIMARY test both ways, the pooled skill, the seeds."""
    key = ["model", "horizon"]
    pooled = tests.filter(pl.col("fold").is_null(), ~pl.col("model").is_in(REFERENCES), **PRIMARY)
    worse = pooled.filter(alternative="greater").select(*key, p_worse="p_value", p_worse_adjusted="p_adjusted")
    rank = scores.filter(pl.col("fold").is_null() & pl.col("seed").is_null(), metric="skill_zero")
    seeds = scores.group_by(key).agg(seeds=pl.col("seed").drop_nulls().n_unique())
    return (
        pooled.filter(alternative="less")
        .join(worse, on=key, how="left")
        .join(rank.select(*key, rank="value"), on=key, how="left")
        .join(seeds, on=key, how="left")
    )


def _candidate(row: dict[str, Any], counts: _Counts, *, several_horizons: bool) -> Candidate:
    """Apply the rule to one row of `_rivals`."""
    reason = _obstacle(row, counts)
    status: Status = "no evidence"
    if reason:
        status = "cannot tell"
    elif row["skill"] > 0 and row["p_adjusted"] <= counts.alpha:
        status = "better"
    elif row["skill"] < 0 and row["p_worse_adjusted"] <= counts.alpha:
        status = "worse"
    name = label(row["model"]) + (f" at horizon {row['horizon']}" if several_horizons else "")
    kept = {field.name: row[field.name] for field in fields(Candidate) if field.name in row}
    return Candidate(
        **kept, name=name, status=status, reason=reason, sentence=_sentence(row, name, status, reason, counts)
    )


def _obstacle(row: dict[str, Any], counts: _Counts) -> str:
    """Why nothing can be said about this row; empty if something can."""
    needed = max(MIN_DIFFERENCES, MIN_DIFFERENCES_PER_STEP * row["horizon"])
    if counts.folds < MIN_FOLDS:
        return f"{counted(counts.folds, 'fold')}, at least {MIN_FOLDS} are needed"
    if row["n"] < needed:
        return f"{counted(row['n'], 'loss difference')}, at least {needed} are needed"
    if row["skill"] is None:
        return "every return is zero"
    return row["note"] if row["p_value"] is None else ""


def _sentence(row: dict[str, Any], name: str, status: Status, reason: str, counts: _Counts) -> str:
    """The claim, then the numbers that it rests on; the p-value is that of the claim."""
    scope = [counted(counts.forecasts, "forecast"), counted(counts.folds, "fold")]
    scope += [counted(row["seeds"], "seed")] if row["seeds"] else []
    if reason:
        return f"{claim(status, name)}: {reason}. {', '.join(scope)}."
    p_value, adjusted = ("p_worse", "p_worse_adjusted") if status == "worse" else ("p_value", "p_adjusted")
    chance = chance_text(row[p_value], row[adjusted], counts.alpha, worse=status == "worse")
    effect = effect_text(row["skill"], row["skill_low"], row["skill_high"])
    return f"{claim(status, name)}: {effect}; {chance}, {', '.join(scope)}."
