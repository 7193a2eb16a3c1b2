"""An evaluation as the report reads it, of a run or of a comparison: its verdict, every table, a few views of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Self

import polars as pl

from backtest.data.losses import WEIGHTED, metric_of
from backtest.data.names import Status, label
from backtest.data.question import Question
from backtest.data.records.verdict import Candidate, Verdict
from backtest.data.result_tables import COVERAGE, JOINT, SCORES, SEEDS, TESTS
from backtest.data.schema import FOLDS, FORECASTS, Schema
from backtest.data.summaries import empirical_coverage
from backtest.reports.diagnostics import LossPath, loss_path, side_by_side
from backtest.reports.rows import Row, rows_of, seed_rows
from backtest.reports.wording.question import fill, words_of_loss

CONFIDENCE_SET = "model_confidence_set"
"""The test of JOINT whose selection is the Model Confidence Set."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one model did over all folds; the p-values are those of "its loss is smaller than the rival's".

    `loss` is the mean of the verdict's own, `other_loss` that of the second, `skill` is against the rival,
    `other_skill` and `other_p` against the other reference; None where the target has none.

    `in_set` tells whether the model is in the Model Confidence Set. `candidate` is what the verdict says of a model
    that the question is about; None for a baseline.
    """

    model: str
    loss: float | None
    other_loss: float | None
    skill: float | None
    skill_low: float | None
    skill_high: float | None
    other_skill: float | None
    p_value: float | None
    folds_won: int | None
    note: str
    p_adjusted: float | None = None
    other_p: float | None = None
    in_set: bool | None = None
    candidate: Candidate | None = None

    @property
    def status(self) -> Status | None:
        """The verdict on a candidate; None for a baseline."""
        return self.candidate.status if self.candidate else None

    @property
    def p_of_claim(self) -> tuple[float | None, float | None]:
        """The p-value and the adjusted one of being worse where that is the verdict, otherwise of being better."""
        if self.candidate and self.status == "worse":
            return self.candidate.p_worse, self.candidate.p_worse_adjusted
        return self.p_value, self.p_adjusted


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold: its spans (half-open), its rows, the mean loss of the rival and every model's skill against it."""

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
    rival_loss: float | None
    skills: dict[str, float | None]


@dataclass(frozen=True, eq=False)
class Result:
    """The verdict and the tables of an evaluation; `tables` holds each of RUN_TABLES by name, such as `scores`.

    All views are those of one horizon: `only`, or that of the candidate which speaks for the run. `at` gives the
    others.
    """

    verdict: Verdict
    tables: Mapping[str, pl.DataFrame]
    only: int | None = field(default=None, kw_only=True)

    def at(self, horizon: int) -> Self:
        """Return the same with the views of another horizon."""
        return replace(self, only=horizon)

    @property
    def question(self) -> Question:
        """What is asked: target, loss and rival."""
        return self.verdict.question

    @property
    def rival(self) -> str:
        """The model that skills are against: the rival, or the baseline that was the best one at this horizon."""
        return self.verdict.rival_at(self.horizon)

    @property
    def rival_name(self) -> str:
        """What that model is called."""
        return label(self.rival)

    @property
    def common_rival(self) -> str:
        """What skills at all horizons are against: one model, or `best` where the best baseline is not the same."""
        models = {self.verdict.rival_at(horizon) for horizon in self.horizons}
        return models.pop() if len(models) == 1 else self.question.rival

    @property
    def steady_loss(self) -> str:
        """The loss of REGIMES and FLUCTUATION: errors are weighted there where variances are known."""
        variances = self.tables[FORECASTS.name.lower()].get_column("variance", default=None)
        known = self.question.weighted and variances is not None and not variances.has_nulls()
        return WEIGHTED if known else self.question.loss

    @property
    def loss_name(self) -> str:
        """What the loss is called."""
        return words_of_loss(self.question.loss).one

    def fill(self, text: str) -> str:
        """Return a text with {rival}, {loss}, {losses}, {outcome} and {unit} replaced by what they are called."""
        return fill(text, self.question, self.rival)

    @cached_property
    def horizons(self) -> tuple[int, ...]:
        """All horizons, in bars, the shortest first."""
        return tuple(self.tables[FORECASTS.name.lower()]["horizon"].unique().sort().to_list()) or (1,)

    @cached_property
    def horizon(self) -> int:
        """The horizon of the views, in bars: that of the verdict's first candidate unless another one is asked for."""
        first = next((one.horizon for one in self.verdict.candidates), self.horizons[0])
        return self.only or (first if first in self.horizons else self.horizons[0])

    @property
    def status(self) -> Status:
        """The verdict at the horizon of the views: that of its first candidate."""
        own = (one.status for one in self.verdict.candidates if one.horizon == self.horizon)
        return next(own, self.verdict.status)

    def frame(self, table: Schema, **values: Any) -> pl.DataFrame:
        """Return the rows of one of RUN_TABLES in which columns have these `values`; None asks for null.

        Of several horizons those of the views', unless `horizon` is given.
        """
        frame = self.tables[table.name.lower()]
        wanted = ({"horizon": self.horizon} if "horizon" in frame.columns else {}) | values
        kept = [pl.col(name).eq_missing(pl.lit(value)) for name, value in wanted.items()]
        return frame.filter(*kept) if kept else frame

    def rows(self, table: Schema, **values: Any) -> tuple[Row, ...]:
        """Return the same as named tuples, with a field for every column."""
        return rows_of(self.frame(table, **values))

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """The references and the other baselines, then the candidates by loss."""
        first = {model: place for place, model in enumerate(self.question.references)}
        ranked = by_error(_scores(self))
        return tuple(sorted(ranked, key=lambda one: (one.status is not None, first.get(one.model, len(first)))))

    @property
    def candidates(self) -> tuple[Score, ...]:
        """The models that the question is about, by loss."""
        return tuple(score for score in self.scores if score.status)

    @property
    def rivals(self) -> tuple[Score, ...]:
        """Every model but the rival, by loss."""
        return tuple(by_error([score for score in self.scores if score.model != self.rival]))

    @property
    def leader(self) -> Score | None:
        """The candidate with the smallest loss; without candidates the baseline that has it."""
        return next(iter((*self.candidates, *self.rivals)), None)

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """The folds in the order of time, each with the loss of the rival and the skills of all models."""
        scores = self.frame(SCORES, seed=None).filter(pl.col("fold").is_not_null())
        rival, metric = self.rival, metric_of(self.question.loss)
        losses = dict(scores.filter(metric=metric, model=rival).select("fold", "value").iter_rows())
        skills: dict[int, dict[str, float | None]] = {}
        for number, model, value in scores.filter(metric=f"skill_{rival}").select("fold", "model", "value").iter_rows():
            skills.setdefault(number, {})[model] = value
        return tuple(
            Fold(row.pop("fold"), **row, rival_loss=losses.get(number), skills=skills.get(number, {}))
            for row in self.frame(FOLDS).sort("fold").iter_rows(named=True)
            for number in [row["fold"]]
        )

    @cached_property
    def origins(self) -> pl.DataFrame:
        """One row per origin with the forecasts of each model; see `diagnostics.side_by_side`."""
        return side_by_side(self.frame(FORECASTS, seed=None))

    @cached_property
    def paths(self) -> tuple[LossPath, ...]:
        """Cumulative loss difference of every model against the rival, in the order of `scores`."""
        models = (score.model for score in self.scores if score.model != self.rival)
        return tuple(loss_path(self.origins, model, self.rival, self.question.loss) for model in models)

    @cached_property
    def seeds(self) -> tuple[Row, ...]:
        """Rows of SEEDS, each with the `status` that the seed alone would have had; see `seed_rows`."""
        return seed_rows(self.frame(SEEDS), [one for one in self.verdict.candidates if one.horizon == self.horizon])

    @cached_property
    def coverages(self) -> tuple[Row, ...]:
        """Rows of `empirical_coverage` with the `share` covered: by fold, then over all folds (`fold` None)."""
        coverage = self.frame(COVERAGE)
        parts = empirical_coverage(coverage, "fold"), empirical_coverage(coverage)
        return rows_of(pl.concat(parts, how="diagonal").with_columns(share=pl.col("covered") / pl.col("n")))


def by_error(scores: Sequence[Score]) -> list[Score]:
    """Return scores by loss, the smallest first; those without one come last."""
    return sorted(scores, key=lambda score: (score.loss is None, score.loss or 0.0, score.model))


def _scores(run: Result) -> list[Score]:
    """The scores of all models over all folds, with the primary test, the adjusted p-value and the verdict of each.

    The skill is the tested one: with several symbols it weighs times alike, as the test does, and not rows. The
    adjusted p-value is that of the verdict's claim, which counts everything that was tried.
    """
    question, rival, other = run.question, run.rival, other_reference(run)
    other_loss = next(iter(question.losses[1:]), None)
    scores = run.frame(SCORES, seed=None)
    pooled = scores.filter(pl.col("fold").is_null()).pivot("metric", index="model", values="value")
    won = scores.filter(pl.col("fold").is_not_null(), metric=f"skill_{rival}").group_by("model")
    wins = dict(won.agg((pl.col("value") > 0).sum()).iter_rows())
    against, tested, against_other = (
        {
            row["model"]: row
            for row in run.frame(
                TESTS, fold=None, **question.primary | {"baseline": name}, alternative="less"
            ).to_dicts()
        }
        for name in (rival, question.rival, other)
    )
    adjusted = {
        claim.model: claim.p_adjusted
        for claim in run.verdict.claims
        if (claim.horizon, claim.loss) == (run.horizon, "")
    }
    chosen = {row.model: row.selected for row in run.rows(JOINT, test=CONFIDENCE_SET, loss=question.loss)}
    judged = {one.model: one for one in run.verdict.candidates if one.horizon == run.horizon}
    found = []
    for row in pooled.iter_rows(named=True):
        model, test = str(row["model"]), tested.get(row["model"], {})
        effect = against.get(row["model"], {})
        skill = effect.get("skill")
        found.append(
            Score(
                model=model,
                loss=row[metric_of(question.loss)],
                other_loss=row[metric_of(other_loss)] if other_loss else None,
                other_skill=row[f"skill_{other}"] if other else None,
                skill=row[f"skill_{rival}"] if skill is None else skill,
                **{name: effect.get(name) for name in ("skill_low", "skill_high")},
                p_value=test.get("p_value"),
                folds_won=None if model == rival else wins.get(model, 0),
                note=str(test.get("note") or ""),
                p_adjusted=adjusted.get(model),
                other_p=against_other.get(model, {}).get("p_value"),
                in_set=chosen.get(model),
                candidate=judged.get(model),
            )
        )
    return found


def other_reference(run: Result) -> str | None:
    """Return the reference besides the rival that the table of all models shows a skill against; None without one."""
    rivals = {run.verdict.rival_at(horizon) for horizon in run.horizons}
    return next((name for name in run.question.about.references[::-1] if name not in rivals), None)
