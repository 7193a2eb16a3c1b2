"""The rule of the verdict, in one place: whether there is evidence that a network forecasts better than zero.

The rule stands in `judge`, its constants below. It reads one test, PRIMARY: Diebold-Mariano on the pooled squared
errors of the mean over seeds against `zero`, one-sided, adjusted over all models but the baselines, at all horizons, in
this configuration and in every other one that was tried on the same bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import polars as pl

from backtest.blocks import Block
from backtest.family import Family, Tried
from backtest.significance.skill import smallest_detectable
from backtest.wording import RANKING, counted, headline, remark, sentence
from data import schema
from data.errors import ConfigError, UndefinedTest
from data.names import PRIMARY, REFERENCES, Status, label
from data.verdict import Candidate, Verdict

MIN_FOLDS = 3
MIN_DIFFERENCES = 30
MIN_DIFFERENCES_PER_STEP = 10
"""At least this many loss differences for each step of the horizon: overlapping forecasts repeat each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a run is judged by: its SCORES, TESTS, FOLDS, SEEDS and DROPPED, and the forecasts as `blocks`.

    `tried` is what else was tried on these bars, `deflated` the deflated Sharpe ratios by model, `leak` what the audit
    found, empty if nothing.
    """

    scores: pl.DataFrame
    tests: pl.DataFrame
    folds: pl.DataFrame
    seeds: pl.DataFrame
    dropped: pl.DataFrame
    blocks: Sequence[Block]
    tried: Tried = field(default_factory=Tried)
    deflated: Mapping[str, float] | None = None
    leak: str = ""


def judge(evidence: Evidence, *, networks: Sequence[str], alpha: float = 0.05, adjustment: str = "holm") -> Verdict:
    """Judge a run; `networks` are the models that the question is about.

    leak suspected  the audit failed: no number of this run can be believed
    cannot tell     fewer than 3 folds with forecasts; fewer than 30 loss differences, or than 10 for each step of the
                    horizon; a series without any movement; no forecasts of the rows that zero has; or the test is
                    undefined
    better          positive skill, and adjusted one-sided p <= alpha for "better than zero"
    worse           negative skill, and adjusted one-sided p <= alpha for "worse than zero": a family of its own, so the
                    chance of either claim being false is at most 2 alpha
    no evidence     everything else

    "better" and "worse" are fragile where one fold carries them: without it the adjusted p exceeds alpha.
    A family's adjustment allows for naming the best of the candidates, so the first of them speaks for the run.
    Raises ConfigError if alpha is not between 0 and 1, WrongSchema if a table is not what it should be.
    """
    if not 0 < alpha < 1:
        raise ConfigError(f"alpha: must lie between 0 and 1 (got {alpha}): 0.05 is usual")
    folds = schema.check(evidence.folds, schema.FOLDS)
    counts = _Counts(folds.filter(pl.col("n_test") > 0).height, int(folds["n_test"].sum()), alpha)
    rivals = _rivals(schema.check(evidence.scores, schema.SCORES), schema.check(evidence.tests, schema.TESTS))
    family = Family.of(rivals, evidence.tried, adjustment)
    judged = [row for row in rivals if row["model"] in networks] or rivals
    several = len({row["horizon"] for row in rivals}) > 1
    candidates = [_candidate(row, evidence, family, counts, several_horizons=several) for row in judged]
    candidates += [_unpaired(name, counts) for name in networks if name not in {row["model"] for row in rivals}]
    candidates.sort(key=lambda each: RANKING.index(each.status))
    first = candidates[0] if candidates else None
    summary = headline([(each.status, each.name, each.fragile) for each in candidates])
    return Verdict(
        status=first.status if first else "cannot tell",
        model=first.model if first else None,
        headline=summary,
        sentence=first.sentence if first else summary,
        remark=remark(evidence.tried.configurations, family.size),
        alpha=alpha,
        adjustment=adjustment,
        configurations=evidence.tried.configurations,
        comparisons=family.size,
        folds=counts.folds,
        forecasts=counts.forecasts,
        candidates=tuple(candidates),
        family=family.claims,
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """What all candidates are judged on."""

    folds: int
    forecasts: int
    alpha: float


def _rivals(scores: pl.DataFrame, tests: pl.DataFrame) -> list[dict[str, Any]]:
    """One row per model and horizon, baselines left out, the best first: the PRIMARY test both ways, skill, seeds."""
    key = ["model", "horizon"]
    pooled = tests.filter(pl.col("fold").is_null(), ~pl.col("model").is_in(REFERENCES), **PRIMARY)
    worse = pooled.filter(alternative="greater").select(*key, p_worse="p_value")
    rank = scores.filter(pl.col("fold").is_null() & pl.col("seed").is_null(), metric="skill_zero")
    seeds = scores.group_by(key).agg(seeds=pl.col("seed").drop_nulls().n_unique())
    rows = (
        pooled.filter(alternative="less")
        .join(worse, on=key, how="left")
        .join(rank.select(*key, rank="value"), on=key, how="left")
        .join(seeds, on=key, how="left")
    )
    ranked = rows.sort(["rank", *key], descending=[True, False, False], nulls_last=True)
    return list(ranked.iter_rows(named=True))


def _candidate(
    row: dict[str, Any], evidence: Evidence, family: Family, counts: _Counts, *, several_horizons: bool
) -> Candidate:
    """Apply the rule to one row of `_rivals`."""
    key = (row["model"], row["horizon"])
    row |= {"p_adjusted": family.adjusted(key), "p_worse_adjusted": family.adjusted(key, worse=True)}
    row["name"] = label(row["model"]) + (f" at horizon {row['horizon']}" if several_horizons else "")
    row["reason"] = evidence.leak or _obstacle(row, counts)
    row["status"] = _status(row, counts.alpha, leak=bool(evidence.leak))
    row["worst_p"], row["worst_fold"] = family.without_a_fold(evidence.dropped, key, worse=row["status"] == "worse")
    claimed = row["status"] in ("better", "worse")
    row["fragile"] = claimed and row["worst_p"] is not None and row["worst_p"] > counts.alpha
    row["detectable"] = None if row["reason"] else _detectable(evidence.blocks, key, counts.alpha / family.size)
    row["seed_verdicts"] = tuple(
        _status({**alone, "reason": row["reason"]}, counts.alpha) for alone in family.by_seed(evidence.seeds, key)
    )
    row["time_share"] = _time_share(evidence.seeds, key)
    row["deflated_sharpe"] = (evidence.deflated or {}).get(row["model"])
    row["sentence"] = sentence(row, counts.forecasts, counts.folds, counts.alpha)
    return Candidate(**{each.name: row[each.name] for each in fields(Candidate)})


def _status(row: Mapping[str, Any], alpha: float, *, leak: bool = False) -> Status:
    """The rule itself."""
    if row["reason"]:
        return "leak suspected" if leak else "cannot tell"
    if row["p_adjusted"] is None:
        return "cannot tell"
    if row["skill"] > 0 and row["p_adjusted"] <= alpha:
        return "better"
    return "worse" if row["skill"] < 0 and row["p_worse_adjusted"] <= alpha else "no evidence"


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


def _unpaired(name: str, counts: _Counts) -> Candidate:
    """A network that has no test: its forecasts are not of the rows that zero's are."""
    row: dict[str, Any] = dict.fromkeys(each.name for each in fields(Candidate))
    row |= {"model": name, "name": label(name), "status": "cannot tell", "horizon": 0, "n": 0, "seeds": 0}
    row |= {"reason": "it has no forecasts of the rows that zero has", "fragile": False, "seed_verdicts": ()}
    return Candidate(**{**row, "sentence": sentence(row, counts.forecasts, counts.folds, counts.alpha)})


def _detectable(blocks: Sequence[Block], key: tuple[str, int], alpha: float) -> float | None:
    """Smallest skill that these forecasts would have shown in most cases; None where it is undefined."""
    block = next(block for block in blocks if block.horizon == key[1])
    try:
        return smallest_detectable(block.y, block.y_hat[key[0]], horizon=block.horizon, alpha=alpha, times=block.times)
    except UndefinedTest:
        return None


def _time_share(seeds: pl.DataFrame, key: tuple[str, int]) -> float | None:
    """Share of time in the variance of one seed's mean loss difference; None where it is undefined."""
    rows = seeds.filter(pl.col("time_variance").is_not_null(), model=key[0], horizon=key[1])
    if rows.is_empty():
        return None
    time, seed = rows.row(0, named=True)["time_variance"], rows.row(0, named=True)["seed_variance"]
    return float(time / (time + seed))
