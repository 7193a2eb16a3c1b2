"""The rule of the verdict, in one place: whether there is evidence that a network forecasts better than zero.

The rule stands in `status_of` and `obstacle`, its constants below. It reads one test, PRIMARY: Diebold-Mariano on the
pooled squared errors of the mean over seeds against `zero`, one-sided, adjusted over all models but the baselines, at
all horizons, in this configuration and in every other one that was tried on the same bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import polars as pl

from backtest.data import result_tables, schema
from backtest.data.errors import ConfigError, UndefinedTest
from backtest.data.names import Status, label
from backtest.data.records.verdict import Candidate, Verdict
from backtest.evaluation.loss_panel import LossPanel
from backtest.reports.formats import counted
from backtest.significance.equal_accuracy import smallest_detectable
from backtest.verdict.ledger import Key
from backtest.verdict.multiple_testing import Family, Tried, primary
from backtest.verdict.wording import RANKING, headline, remark, sentence

MIN_FOLDS = 3
MIN_DIFFERENCES = 30
MIN_DIFFERENCES_PER_STEP = 10
"""At least this many loss differences for each step of the horizon: overlapping forecasts repeat each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a run is judged by: its SCORES, TESTS, FOLDS, SEEDS and DROPPED, and its forecasts by `horizons`.

    `tried` is what else was tried on these bars, `deflated` the deflated Sharpe ratios of the strategies by model and
    horizon, `leak` what the audit found, empty if nothing.
    """

    scores: pl.DataFrame
    tests: pl.DataFrame
    folds: pl.DataFrame
    seeds: pl.DataFrame
    dropped: pl.DataFrame
    horizons: Sequence[LossPanel]
    tried: Tried = field(default_factory=Tried)
    deflated: Mapping[Key, float] = field(default_factory=dict)
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
    Raises ConfigError if alpha is not between 0 and 1/2, WrongSchema if a table is not what it should be.
    """
    if not 0 < alpha < 0.5:
        raise ConfigError(f"alpha: must lie between 0 and 1/2 (got {alpha}): 0.05 is usual")
    folds = schema.check(evidence.folds, schema.FOLDS)
    counts = _Counts(folds.filter(pl.col("n_test") > 0).height, int(folds["n_test"].sum()), alpha)
    rivals = _rivals(
        schema.check(evidence.scores, result_tables.SCORES), schema.check(evidence.tests, result_tables.TESTS)
    )
    court = _Court(evidence, Family.of(rivals, evidence.tried, adjustment), counts)
    judged = [row for row in rivals if row["model"] in networks] or rivals
    several = len({row["horizon"] for row in rivals}) > 1
    candidates = [court.candidate(row, several_horizons=several) for row in judged]
    candidates += [court.unpaired(name) for name in networks if name not in {row["model"] for row in rivals}]
    candidates.sort(key=lambda each: RANKING.index(each.status))
    first = candidates[0] if candidates else None
    summary = headline([(each.status, each.name, each.fragile) for each in candidates])
    return Verdict(
        status=first.status if first else "leak suspected" if evidence.leak else "cannot tell",
        model=first.model if first else None,
        headline=summary,
        sentence=first.sentence if first else summary,
        remark=remark(evidence.tried.configurations, court.family.size, len(court.family.claims)),
        alpha=alpha,
        adjustment=adjustment,
        configurations=evidence.tried.configurations,
        comparisons=court.family.size,
        folds=counts.folds,
        forecasts=counts.forecasts,
        candidates=tuple(candidates),
        claims=court.family.claims,
    )


def status_of(
    reason: str, skill: float | None, p_adjusted: float | None, p_worse_adjusted: float | None, alpha: float
) -> Status:
    """The rule itself, of one model or one seed; `reason` says why nothing can be said, if so."""
    if reason or skill is None or p_adjusted is None or p_worse_adjusted is None:
        return "cannot tell"
    if skill > 0 and p_adjusted <= alpha:
        return "better"
    return "worse" if skill < 0 and p_worse_adjusted <= alpha else "no evidence"


def obstacle(row: Mapping[str, Any], folds: int) -> str:
    """Why nothing can be said about a row of the primary test in so many folds; empty if something can."""
    needed = max(MIN_DIFFERENCES, MIN_DIFFERENCES_PER_STEP * row["horizon"])
    if folds < MIN_FOLDS:
        return f"{counted(folds, 'fold')}, at least {MIN_FOLDS} are needed"
    if row["n"] < needed:
        return f"{counted(row['n'], 'loss difference')}, at least {needed} are needed"
    if row["skill"] is None:
        return "every return is zero"
    return str(row["note"]) if row["p_value"] is None else ""


@dataclass(frozen=True, slots=True)
class _Counts:
    """What all candidates are judged on."""

    folds: int
    forecasts: int
    alpha: float


def _rivals(scores: pl.DataFrame, tests: pl.DataFrame) -> list[dict[str, Any]]:
    """One row per model and horizon, baselines left out, the best first: the PRIMARY test both ways, skill, seeds."""
    key = ["model", "horizon"]
    pooled = primary(tests)
    worse = pooled.filter(alternative="greater").select(*key, p_worse="p_value")
    seeds = scores.group_by(key).agg(seeds=pl.col("seed").drop_nulls().n_unique())
    rows = pooled.filter(alternative="less").join(worse, on=key, how="left").join(seeds, on=key, how="left")
    ranked = rows.sort(["skill", *key], descending=[True, False, False], nulls_last=True)
    return list(ranked.iter_rows(named=True))


@dataclass(frozen=True, slots=True)
class _Court:
    """What all candidates of a run are judged with."""

    evidence: Evidence
    family: Family
    counts: _Counts

    def candidate(self, row: Mapping[str, Any], *, several_horizons: bool) -> Candidate:
        """Apply the rule to one row of `_rivals`."""
        key, alpha, leak = (row["model"], row["horizon"]), self.counts.alpha, self.evidence.leak
        adjusted = self.family.adjusted(key), self.family.adjusted(key, worse=True)
        reason = obstacle(row, self.counts.folds)
        status: Status = "leak suspected" if leak else status_of(reason, row["skill"], *adjusted, alpha)
        worst_p, worst_fold = self.family.without_a_fold(self.evidence.dropped, key, worse=status == "worse")
        found = Candidate(
            model=row["model"],
            name=label(row["model"]) + (f" at horizon {row['horizon']}" if several_horizons else ""),
            horizon=row["horizon"],
            status=status,
            reason=leak or reason,
            sentence="",
            skill=row["skill"],
            skill_low=row["skill_low"],
            skill_high=row["skill_high"],
            p_value=row["p_value"],
            p_adjusted=adjusted[0],
            p_worse=row["p_worse"],
            p_worse_adjusted=adjusted[1],
            n=row["n"],
            seeds=row["seeds"],
            detectable=None if leak or reason else self._detectable(key),
            fragile=status in ("better", "worse") and worst_p is not None and worst_p > alpha,
            worst_p=worst_p,
            worst_fold=worst_fold,
            seed_verdicts=self._of_seeds(key, reason),
            time_share=_time_share(self.evidence.seeds, key),
            deflated_sharpe=self.evidence.deflated.get(key),
        )
        return self._in_words(found)

    def unpaired(self, model: str) -> Candidate:
        """A network that has no test: its forecasts are not of the rows that zero's are."""
        row: dict[str, Any] = dict.fromkeys(each.name for each in fields(Candidate))
        row |= {"model": model, "name": label(model), "status": "cannot tell", "horizon": 0, "n": 0, "seeds": 0}
        row |= {"reason": "it has no forecasts of the rows that zero has", "fragile": False, "seed_verdicts": ()}
        return self._in_words(Candidate(**{**row, "sentence": ""}))

    def _in_words(self, found: Candidate) -> Candidate:
        return replace(found, sentence=sentence(found, self.counts.forecasts, self.counts.folds, self.counts.alpha))

    def _of_seeds(self, key: Key, reason: str) -> tuple[Status, ...]:
        """Verdict that each seed alone would have had, in the order of their numbers."""
        alone = self.family.by_seed(self.evidence.seeds, key)
        return tuple(
            status_of(reason, one["skill"], one["p_adjusted"], one["p_worse_adjusted"], self.counts.alpha)
            for one in alone
        )

    def _detectable(self, key: Key) -> float | None:
        """Smallest skill that these forecasts would have shown in most cases; None where it is undefined."""
        model, horizon = key
        panel = next(each for each in self.evidence.horizons if each.horizon == horizon)
        level = self.family.level(self.counts.alpha)
        try:
            pair = panel.y, panel.y_hat[model]
            return smallest_detectable(*pair, horizon=horizon, alpha=level, times=panel.instant)
        except UndefinedTest:
            return None


def _time_share(seeds: pl.DataFrame, key: Key) -> float | None:
    """Share of time in the variance of one seed's mean loss difference; None where it is undefined."""
    rows = seeds.filter(pl.col("time_variance").is_not_null(), model=key[0], horizon=key[1])
    if rows.is_empty():
        return None
    time, seed = rows.row(0, named=True)["time_variance"], rows.row(0, named=True)["seed_variance"]
    return float(time / (time + seed))
