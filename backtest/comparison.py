"""From forecasts to the tables of tests: every model against every baseline, all at once, and along the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from backtest.blocks import Block
from backtest.significance.fluctuation import fluctuation
from backtest.significance.joint import JOINT_TESTS
from backtest.significance.multiplicity import ADJUSTMENTS
from backtest.significance.result import Alternative
from backtest.significance.skill import skill_interval
from backtest.significance.table import TESTS, ForecastTest, Sample
from data import schema
from data.errors import UndefinedTest
from data.names import PRIMARY, REFERENCES

FAMILY = ["test", "loss", "baseline", "alternative"]
"""Pooled tests that agree in these columns are one family for the adjustment of p-values.

Its members are all models but the baselines, at all horizons. The verdict reads the family of squared losses against
`zero`. A member whose test is undefined makes no claim, has no p-value and does not count.
"""

POINTS = 1000
"""At most so many points of each fluctuation path are kept, its extreme among them."""


def compare(blocks: Sequence[Block], adjustment: str = "holm") -> pl.DataFrame:
    """TESTS: every test of every model against every baseline, over all folds and for some in each fold.

    An undefined test keeps its row, with nulls and the reason in `note`. `adjustment` is a key of ADJUSTMENTS.
    """
    rows = [row for block in blocks for row in _test_rows(block)]
    types = {column.name: column.dtype for column in schema.TESTS.columns}
    tests = _adjust(pl.DataFrame(rows, schema=types), adjustment)
    order = ["test", "loss", "horizon", "model", "baseline", "fold", "alternative"]
    return schema.check(tests.sort(order, nulls_last=True), schema.TESTS)


def compare_jointly(blocks: Sequence[Block], alpha: float, seed: int = 0) -> pl.DataFrame:
    """JOINT: the tests of all models at once, on squared losses against zero; `seed` is that of their bootstrap."""
    rows: list[dict[str, object]] = []
    loss, baseline = PRIMARY["loss"], PRIMARY["baseline"]
    for block in blocks:
        losses = {model: block.losses[loss, model] for model in block.models}
        common = {"loss": loss, "horizon": block.horizon, "n": losses[baseline].size}
        for name, test in JOINT_TESTS.items():
            about = {"test": name, "asks": test.asks, **common}
            try:
                found = test.run(losses, baseline=baseline, horizon=block.horizon, alpha=alpha, seed=seed)
            except UndefinedTest as error:
                rows.append({**about, "note": str(error)})
                continue
            for row in found:
                result = {"model": row.model, "p_value": row.p_value, "selected": row.selected, "note": row.note}
                rows.append({**about, **result})
    return schema.check(pl.DataFrame(rows, schema=schema.JOINT.dtypes), schema.JOINT)


def follow(blocks: Sequence[Block]) -> pl.DataFrame:
    """FLUCTUATION: the path of the fluctuation test of each model against zero; none where that is undefined."""
    frames = [pl.DataFrame(schema=schema.FLUCTUATION.dtypes)]
    for block in blocks:
        frames += [_path(block, model) for model in block.models if model != PRIMARY["baseline"]]
    return schema.check(pl.concat(frames), schema.FLUCTUATION)


def _path(block: Block, model: str) -> pl.DataFrame:
    """The path of one model, thinned to what a picture can show."""
    sample = block.sample(model, PRIMARY["baseline"], PRIMARY["loss"])
    try:
        found = fluctuation(sample.loss_model, sample.loss_baseline, horizon=block.horizon)
    except UndefinedTest:
        return pl.DataFrame(schema=schema.FLUCTUATION.dtypes)
    points = pl.DataFrame({"time": block.instants[found.centres], "statistic": found.path}).with_row_index("place")
    step = -(-points.height // POINTS)
    extreme = int(points["statistic"].abs().arg_max() or 0)
    kept = points.filter(
        (pl.col("place") % step == 0) | (pl.col("place") == extreme) | (pl.col("place") == points.height - 1)
    )
    constants = {"model": pl.lit(model), "horizon": pl.lit(block.horizon), "band": pl.lit(found.band)}
    typed = kept.with_columns(pl.col("time").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"), **constants)
    return typed.select(pl.col(name).cast(dtype) for name, dtype in schema.FLUCTUATION.dtypes.items())


def _test_rows(block: Block) -> Iterator[dict[str, object]]:
    """Rows of TESTS of one horizon: of all folds together, then of each fold."""
    for name, test in TESTS.items():
        yield from _rows_of(block, None, name, test, test.pooled)
    in_folds = {name: test for name, test in TESTS.items() if test.fold}
    for number in block.folds if in_folds else []:
        part = block.part(block.fold == number)
        for name, test in in_folds.items():
            yield from _rows_of(part, number, name, test, test.fold)


def _rows_of(
    block: Block, fold: int | None, name: str, test: ForecastTest, alternatives: Sequence[Alternative]
) -> Iterator[dict[str, object]]:
    """One row for each loss, baseline, model and alternative of a test."""
    for loss in test.losses:
        for baseline in test.baselines:
            for model in block.models:
                if model == baseline:
                    continue
                sample = block.sample(model, baseline, loss)
                names = {"test": name, "loss": loss, "model": model, "baseline": baseline, "asks": test.asks}
                about = {**names, "fold": fold, "horizon": block.horizon, "n": block.instants.size}
                effect = _effect(sample) if sample.loss_model.size else {}
                for alternative in alternatives:
                    outcome = _outcome(test, sample, alternative)
                    yield {**about, "alternative": alternative, **outcome, **effect}


def _outcome(test: ForecastTest, sample: Sample, alternative: Alternative) -> dict[str, object]:
    """Statistic, p-value, lags and note; the reason alone where the test is undefined."""
    try:
        result = test.run(sample, alternative)
    except UndefinedTest as error:
        return {"note": str(error)}
    return {"statistic": result.statistic, "p_value": result.p_value, "lags": result.lags, "note": result.note}


def _effect(sample: Sample) -> dict[str, float]:
    """Skill and its interval, or what of them is defined."""
    try:
        skill = skill_interval(sample.loss_model, sample.loss_baseline, horizon=sample.horizon)
    except UndefinedTest:
        scale = float(sample.loss_baseline.mean())
        return {"skill": 1 - float(sample.loss_model.mean()) / scale} if scale > 0 else {}
    return {"skill": skill.value, "skill_low": skill.low, "skill_high": skill.high}


def _adjust(tests: pl.DataFrame, adjustment: str) -> pl.DataFrame:
    """Fill `p_adjusted` for the families of pooled tests."""
    in_family = pl.col("fold").is_null() & ~pl.col("model").is_in(REFERENCES) & pl.col("p_value").is_not_null()
    families = tests.filter(in_family).partition_by(FAMILY)
    adjust = ADJUSTMENTS[adjustment]
    adjusted = [family.with_columns(p_adjusted=pl.Series(adjust(family["p_value"]))) for family in families]
    return pl.concat([tests.filter(~in_family), *adjusted])
