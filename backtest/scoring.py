"""From forecasts to the tables of scores and of tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import polars as pl

from backtest.metrics import LOSSES, METRICS
from backtest.pairing import FIT, pair
from backtest.significance import TESTS, Alternative, LossTest, holm, skill_interval
from backtest.significance.result import Estimator, FloatArray
from data import schema
from data.errors import UndefinedTest
from data.names import REFERENCES

FAMILY = ["test", "loss", "baseline", "alternative"]
"""Pooled tests that agree in these columns are one family for Holm's adjustment.

Its members are all models but the baselines, at all horizons. The verdict reads the family of squared losses against
`zero`. A member whose test is undefined makes no claim, has no p-value and does not count.
"""

ESTIMATOR: Estimator = "truncated"
"""Of the variance of the mean loss difference.

Forecasts `h` bars ahead overlap, and their loss differences follow a moving average of order h - 1, of which Bartlett's
weights leave out up to a third: at h = 24 a nominal 5 % test rejected 10 % of the time with them, 6 % truncated.
"""

ALTERNATIVES: dict[str, tuple[Alternative, ...]] = {
    "pooled": ("less", "two-sided", "greater"),
    "fold": ("less", "two-sided"),
}
"""Alternatives tested over all folds, and in each fold."""


def score(forecasts: pl.DataFrame) -> pl.DataFrame:
    """SCORES of FORECASTS: every metric, per fold and pooled, per seed and for the mean over seeds.

    Raises as `pairing.pair`.
    """
    columns = [*FIT, "fold", "horizon"]
    rows = pair(forecasts).sort(*FIT, "horizon", "fold", maintain_order=True)
    metrics = {name: metric.expression.fill_nan(None) for name, metric in METRICS.items()}
    per_fold = _aggregate(rows, columns, metrics)
    pooled = _aggregate(rows.with_columns(fold=pl.lit(None, pl.Int32)), columns, metrics)
    scores = pl.concat([per_fold, pooled]).unpivot(index=columns, variable_name="metric")
    return schema.check(scores.sort(columns, nulls_last=True, maintain_order=True), schema.SCORES)


def compare(forecasts: pl.DataFrame) -> pl.DataFrame:
    """TESTS of FORECASTS: every test of every model against every baseline, for each loss, per fold and pooled.

    Only the mean over seeds is tested. With several symbols the losses of one time are averaged over the symbols
    first: errors of one time are dependent, and the average leaves a single series whose variance counts that
    (Timmermann and Zhu, 2019, "Comparing Forecasting Performance with Panel Data"). Forecasts on both sides of a hole
    count as neighbours. An undefined test keeps its row, with nulls and the reason in `note`. Raises as `pairing.pair`.
    """
    samples = _samples(pair(forecasts).filter(pl.col("seed").is_null()))
    rows = [row for sample in samples for row in _test_rows(sample)]
    types = {column.name: column.dtype for column in schema.TESTS.columns}
    tests = _adjust(pl.DataFrame(rows, schema=types))
    order = ["test", "loss", "horizon", "model", "baseline", "fold", "alternative"]
    return schema.check(tests.sort(order, nulls_last=True), schema.TESTS)


def _aggregate(rows: pl.DataFrame, by: list[str], expressions: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The expressions for each group of rows; the rows of a group stand together.

    Runs of equal keys are numbered, and Polars takes the groups of a sorted number as slices: grouped by the keys
    themselves it adds up in an order that depends on the number of threads, and the last digits with it.
    """
    numbered = rows.with_columns(group=pl.struct(by).rle_id())
    return numbered.group_by("group").agg(pl.col(by).first(), **expressions).drop("group")


@dataclass(frozen=True, slots=True)
class _Sample:
    """Losses (n,) by model and loss, in the order of time, of one fold or of all (`fold` is None)."""

    horizon: int
    fold: int | None
    losses: dict[tuple[str, str], FloatArray]


def _samples(ensemble: pl.DataFrame) -> Iterator[_Sample]:
    """For each horizon all folds together, then each fold; folds are numbered in the order of time."""
    by = ["horizon", "model", "fold", "time"]
    losses = {name: loss.mean() for name, loss in LOSSES.items()}
    means = _aggregate(ensemble.sort(*by, "symbol"), by, losses)
    for (horizon,), part in means.partition_by("horizon", as_dict=True).items():
        models = part.partition_by("model", as_dict=True)
        series = {(str(model), loss): rows[loss].to_numpy() for (model,), rows in models.items() for loss in LOSSES}
        yield _Sample(horizon, None, series)
        start = 0
        for length, fold in next(iter(models.values()))["fold"].rle().struct.unnest().iter_rows():
            yield _Sample(horizon, fold, {key: values[start : start + length] for key, values in series.items()})
            start += length


def _test_rows(sample: _Sample) -> Iterator[dict[str, object]]:
    """One row of TESTS for each test, loss, model, baseline and alternative."""
    models = sorted({model for model, _ in sample.losses})
    alternatives = ALTERNATIVES["pooled" if sample.fold is None else "fold"]
    for loss, baseline, model in product(LOSSES, REFERENCES, models):
        if model == baseline:
            continue
        losses = sample.losses[model, loss], sample.losses[baseline, loss]
        names = {"loss": loss, "model": model, "baseline": baseline, "fold": sample.fold, "horizon": sample.horizon}
        effect = _effect(*losses, sample.horizon)
        for (name, test), alternative in product(TESTS.items(), alternatives):
            outcome = _outcome(test, *losses, sample.horizon, alternative)
            yield {"test": name, **names, "alternative": alternative, "n": losses[0].size, **outcome, **effect}


def _outcome(
    test: LossTest, loss_model: FloatArray, loss_baseline: FloatArray, horizon: int, alternative: Alternative
) -> dict[str, object]:
    """Statistic, p-value, lags and note; the reason alone where the test is undefined."""
    try:
        result = test(loss_model, loss_baseline, horizon=horizon, estimator=ESTIMATOR, alternative=alternative)
    except UndefinedTest as error:
        return {"note": str(error)}
    return {"statistic": result.statistic, "p_value": result.p_value, "lags": result.lags, "note": result.note}


def _effect(loss_model: FloatArray, loss_baseline: FloatArray, horizon: int) -> dict[str, float]:
    """Skill and its interval, or what of them is defined."""
    try:
        skill = skill_interval(loss_model, loss_baseline, horizon=horizon)
    except UndefinedTest:
        scale = float(loss_baseline.mean())
        return {"skill": 1 - float(loss_model.mean()) / scale} if scale > 0 else {}
    return {"skill": skill.value, "skill_low": skill.low, "skill_high": skill.high}


def _adjust(tests: pl.DataFrame) -> pl.DataFrame:
    """Fill `p_adjusted` for the families of pooled tests."""
    in_family = pl.col("fold").is_null() & ~pl.col("model").is_in(REFERENCES) & pl.col("p_value").is_not_null()
    families = tests.filter(in_family).partition_by(FAMILY)
    adjusted = [family.with_columns(p_adjusted=pl.Series(holm(family["p_value"]))) for family in families]
    return pl.concat([tests.filter(~in_family), *adjusted])
