"""The rule of the verdict, in one place: whether there is evidence that a model forecasts better than its rival.

The rule stands in `status_of` and `insufficient_data_reason`, its constants below. It reads one test, that of the
question: Diebold-Mariano, or its robust version where losses are skewed, on the pooled losses of the mean over seeds
against the rival, one-sided. Squared errors of returns are tested twice: as they are, and weighted by the variance that
was known at each forecast. All p-values are adjusted together: of all models but the references, at all horizons, by
both losses, in this configuration and in every other one tried on the same bars. Where the rival is the best of the
baselines, a better model beats every one of them: see `significance.best_baseline`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

import numpy as np
import polars as pl

from backtest.data import result_tables, schema
from backtest.data.errors import ConfigError, UndefinedTest
from backtest.data.losses import WEIGHTED
from backtest.data.names import BEST, MAX_T, RANKING, Status
from backtest.data.question import Question
from backtest.data.records.audit import NO_LEAK, Suspects
from backtest.data.records.verdict import BestBaseline, Candidate, ClarkWest, Reason, Verdict, Weighted
from backtest.evaluation.loss_panel import LossPanel
from backtest.significance.best_baseline import best_of_baselines
from backtest.significance.stepdown import Hypothesis
from backtest.verdict.concentration import concentration
from backtest.verdict.family import Adjusted, Family, Key, Tried, p_values
from backtest.verdict.findings import (
    benchmarks_of,
    clark_west_of,
    combinations_of,
    leak_reason,
    sub_verdict_of,
    time_share,
)
from backtest.verdict.multiple_testing import primary
from backtest.verdict.power import detectable_skill

MIN_FOLDS = 3
MIN_DIFFERENCES = 250
"""Of returns with skewness -3.6 a false "better" takes 11.4 % of samples of 30, 8.8 % of 120, 6.6 % of 250."""

MIN_PER_STEP = 40
"""For each step of the horizon: overlapping forecasts repeat each other. With 11 for each step one of 50 equally good
models is called better in 25 % of samples, with 45 one of 20 in 6 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the verdict rests on: SCORES, TESTS, FOLDS, SEEDS and DROPPED of a run, and its loss panels by horizon.

    `tried` is what else was tried on these bars, `deflated` the deflated Sharpe ratios of the strategies by model and
    horizon, `leak` the models affected by leaks that the audit found, `question` what is asked.
    """

    scores: pl.DataFrame
    tests: pl.DataFrame
    folds: pl.DataFrame
    seeds: pl.DataFrame
    dropped: pl.DataFrame
    panels: Sequence[LossPanel]
    tried: Tried = field(default_factory=Tried)
    deflated: Mapping[Key, float] = field(default_factory=dict)
    leak: Suspects = NO_LEAK
    question: Question = field(default_factory=Question)

    def panel(self, horizon: int) -> LossPanel:
        """The losses at one horizon."""
        return next(each for each in self.panels if each.horizon == horizon)


def judge(evidence: Evidence, *, candidates: Sequence[str], alpha: float = 0.05, adjustment: str = MAX_T) -> Verdict:
    """Judge a run; `candidates` are the models that the question is about.

    leak suspected  the audit found a leak that all models share, or one of this model or its rival: no number can be
                    trusted
    cannot tell     fewer than 3 folds with forecasts; fewer than 250 loss differences, or than 40 for each step of the
                    horizon; every outcome is zero; no forecasts of the rows of the rival; or the test is undefined
    better          adjusted one-sided p <= alpha for "better than the rival", by one of the losses or both, and no
                    loss that points the other way
    worse           adjusted one-sided p <= alpha for "worse than the rival": a family of its own, so the chance of
                    either claim being false is at most 2 alpha
    no evidence     everything else

    "better" and "worse" are fragile where they rest on one fold: without it the adjusted p exceeds alpha.
    A family's adjustment allows for naming the best of the candidates, so the first of them speaks for the run.
    Raises ConfigError if alpha is not between 0 and 1/2, WrongSchema if a table is not what it should be.
    """
    if not 0 < alpha < 0.5:
        raise ConfigError(f"alpha: must lie between 0 and 1/2 (got {alpha}): 0.05 is usual")
    folds = schema.check(evidence.folds, schema.FOLDS)
    n_folds = folds.filter(pl.col("n_test") > 0).height
    tested = _tested_models(
        schema.check(evidence.scores, result_tables.SCORES),
        schema.check(evidence.tests, result_tables.TESTS),
        evidence.question,
    )
    better, worse = p_values(tested)
    family = Family.of(better, worse, evidence.tried, adjustment, hypotheses_of(evidence, better))
    judged = [row for row in tested if row["model"] in candidates] or tested
    missing = [name for name in candidates if name not in {row["model"] for row in tested}]
    judged_models = [row["model"] for row in judged]
    clark_west = clark_west_of(evidence.tests, evidence.question, judged_models, evidence.tried.configurations)
    found = [_candidate(row, evidence, family, clark_west, n_folds, alpha) for row in judged]
    found += [_without_forecasts(name) for name in missing]
    found.sort(key=lambda each: RANKING.index(each.status))
    first_place = {(one.status, one.model): at for at, one in reversed([*enumerate(found)])}
    found.sort(key=lambda one: (first_place[one.status, one.model], one.horizon))
    first = found[0] if found else None
    sound = [one.model for one in found if one.n and one.status != "leak suspected"]
    return Verdict(
        status=first.status if first else "leak suspected" if evidence.leak else "cannot tell",
        model=first.model if first else None,
        alpha=alpha,
        adjustment=adjustment,
        configurations=evidence.tried.configurations,
        comparisons=family.size,
        folds=n_folds,
        forecasts=int(folds["n_test"].sum()),
        candidates=tuple(found),
        claims=family.claims,
        question=evidence.question,
        best=_best_baselines(evidence),
        combinations=combinations_of(evidence.panels, sound),
        declared=evidence.tried.declared,
        forgotten=evidence.tried.forgotten,
    )


def status_of(reason: Reason | None, found: Adjusted, alpha: float) -> Status:
    """The rule itself, of one model or one seed; `reason` says why nothing can be said, if so.

    A claim by one loss is not made where the other one points the other way: a model that is better in calm times and
    worse in turbulent ones is better by weighted errors alone.
    """
    if reason or not found.better or not found.worse:
        return "cannot tell"
    sides = zip((found.better, found.worse), found.agree, strict=True)
    better, worse = (agree and min(side.values()) <= alpha for side, agree in sides)
    if better == worse:
        return "no evidence"
    return "better" if better else "worse"


def differences_needed(horizon: int) -> int:
    """The fewest loss differences on which the verdict rests a claim: for its test alone fewer would do."""
    return max(MIN_DIFFERENCES, MIN_PER_STEP * horizon)


def insufficient_data_reason(row: Mapping[str, Any], folds: int) -> Reason | None:
    """Why nothing can be said about a row of the primary test in so many folds; None if something can."""
    needed = differences_needed(row["horizon"])
    if folds < MIN_FOLDS:
        return Reason("few_folds", folds, MIN_FOLDS)
    if row["n"] < needed:
        return Reason("few_differences", row["n"], needed)
    if row["skill"] is None:
        return Reason("all_zero")
    return Reason("undefined_test", note=str(row["note"])) if row["p_value"] is None else None


def _tested_models(scores: pl.DataFrame, tests: pl.DataFrame, question: Question) -> list[dict[str, Any]]:
    """One row per model and horizon, references left out, the best first: the primary test both ways, skill, seeds."""
    key = ["model", "horizon"]
    pooled = primary(tests, question)
    seeds = scores.group_by(key).agg(seeds=pl.col("seed").drop_nulls().n_unique())
    rows = _one_side(pooled, "less", question.loss).join(seeds, on=key, how="left")
    rows = rows.join(_one_side(pooled, "greater", question.loss).select(*key, p_worse="p_value"), on=key, how="left")
    weighted = _one_side(pooled, "less", WEIGHTED).select(
        *key, "skill", "skill_low", "skill_high", p_weighted="p_value"
    )
    rows = rows.join(weighted, on=key, how="left", suffix="_weighted")
    worse = _one_side(pooled, "greater", WEIGHTED).select(*key, p_weighted_worse="p_value")
    rows = rows.join(worse, on=key, how="left")
    ranked = rows.sort(["skill", *key], descending=[True, False, False], nulls_last=True)
    return list(ranked.iter_rows(named=True))


def _one_side(pooled: pl.DataFrame, alternative: str, loss: str) -> pl.DataFrame:
    """The rows of one alternative and loss."""
    return pooled.filter(alternative=alternative, loss=loss)


def _candidate(
    row: Mapping[str, Any],
    evidence: Evidence,
    family: Family,
    clark_west: Mapping[Key, ClarkWest],
    folds: int,
    alpha: float,
) -> Candidate:
    """Apply the rule to one row of `_tested_models`."""
    key = Key(row["model"], row["horizon"])
    adjusted = family.of_model(*key[:2])
    insufficient, leak = insufficient_data_reason(row, folds), leak_reason(evidence.leak, key.model, evidence.question)
    reason = leak or insufficient
    status = "leak suspected" if leak else status_of(insufficient, adjusted, alpha)
    worst_p, worst_fold = family.without_a_fold(evidence.dropped, *key[:2], worse=status == "worse")
    seeds = family.by_seed(evidence.seeds, *key[:2])
    seed_verdicts = tuple(status_of(insufficient, seed, alpha) for seed in seeds)
    panel = evidence.panel(key.horizon)
    weighted = _weighted(row, adjusted) if WEIGHTED in panel.primary_losses else None
    least = None if reason else detectable_skill(panel, key.model, family.level(alpha))
    claimed = {"better": adjusted.better, "worse": adjusted.worse}.get(status, {})
    own_loss, nested = evidence.question.loss, clark_west.get(key)
    return Candidate(
        model=row["model"],
        horizon=row["horizon"],
        status=status,
        reason=reason,
        skill=row["skill"],
        skill_low=row["skill_low"],
        skill_high=row["skill_high"],
        p_value=row["p_value"],
        p_adjusted=adjusted.better.get(""),
        p_worse=row["p_worse"],
        p_worse_adjusted=adjusted.worse.get(""),
        n=row["n"],
        seeds=row["seeds"],
        detectable=least[0] if least else None,
        detectable_following=least[1] if least and weighted else None,
        fragile=status in ("better", "worse") and worst_p is not None and worst_p > alpha,
        worst_p=worst_p,
        worst_fold=worst_fold,
        seed_verdicts=seed_verdicts,
        time_share=time_share(evidence.seeds, key),
        deflated_sharpe=evidence.deflated.get(key),
        hardest=_deciding_baseline(evidence, key, worse=status == "worse"),
        benchmarks=benchmarks_of(panel, key.model) if status == "better" else (),
        weighted=weighted,
        found_by=tuple(loss or own_loss for loss, p in claimed.items() if p <= alpha),
        clark_west=nested,
        sub_verdict=sub_verdict_of(status, nested, alpha),
        concentration=None if reason else concentration(panel.loss(key.model) - panel.rival_loss(), panel.times),
    )


def _weighted(row: Mapping[str, Any], adjusted: Adjusted) -> Weighted:
    """What the test on weighted errors found, from one row of `_tested_models`."""
    return Weighted(
        skill=row["skill_weighted"],
        skill_low=row["skill_low_weighted"],
        skill_high=row["skill_high_weighted"],
        p_value=row["p_weighted"],
        p_adjusted=adjusted.better.get(WEIGHTED),
        p_worse=row["p_weighted_worse"],
        p_worse_adjusted=adjusted.worse.get(WEIGHTED),
    )


def hypotheses_of(evidence: Evidence, keys: Iterable[Key]) -> dict[Key, Hypothesis]:
    """Return the loss differences that the test of each key was made with.

    Against the best of several baselines they are those against the one that decides whether the model is better.
    """
    found = {}
    for key in keys:
        panel, loss = evidence.panel(key.horizon), key.loss or evidence.question.loss
        rival = _deciding_baseline(evidence, key) or panel.rival
        places = panel.times.astype("datetime64[us]").astype(np.int64)
        found[key] = Hypothesis(panel.loss(key.model, loss) - panel.loss(rival, loss), places, key.horizon)
    return found


def _best_baselines(evidence: Evidence) -> tuple[BestBaseline, ...]:
    """Which baseline was the best at each horizon, where the rival is the best of them."""
    if evidence.question.rival != BEST:
        return ()
    return tuple(BestBaseline(panel.horizon, panel.rival) for panel in evidence.panels)


def _deciding_baseline(evidence: Evidence, key: Key, *, worse: bool = False) -> str | None:
    """The baseline whose test decides about a claim against the best of them; None for a single rival, or untested."""
    if evidence.question.rival != BEST:
        return None
    panel, loss = evidence.panel(key.horizon), key.loss or None
    losses, test = (panel.loss(key.model, loss), panel.rival_losses(loss)), panel.primary_test.run
    try:
        found = best_of_baselines(*losses, horizon=key.horizon, test=test)
    except UndefinedTest:
        return None
    return found.strongest if worse else found.hardest


def _without_forecasts(model: str) -> Candidate:
    """A candidate that has no test: it did not forecast the rows that the references forecast."""
    nothing: dict[str, Any] = dict.fromkeys(each.name for each in fields(Candidate) if each.default is MISSING)
    known: dict[str, Any] = {"model": model, "horizon": 0, "status": "cannot tell", "reason": Reason("no_forecasts")}
    return Candidate(**{**nothing, **known, "n": 0, "seeds": 0, "fragile": False, "seed_verdicts": ()})
