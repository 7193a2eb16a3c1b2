"""How much of a result hangs on one seed or on one fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from backtest.blocks import Block, blocks
from backtest.significance.diebold_mariano import diebold_mariano
from backtest.significance.mean import mean_test
from backtest.significance.result import FloatArray
from data import schema
from data.errors import UndefinedTest
from data.names import PRIMARY, REFERENCES

LOSS, BASELINE = PRIMARY["loss"], PRIMARY["baseline"]


def by_seed(paired: pl.DataFrame) -> pl.DataFrame:
    """SEEDS of what `pairing.pair` returned: the primary test of each seed alone.

    The variance of one seed's mean loss difference is that over time of what the seeds have in common, plus that of the
    seeds' means around theirs (law of total variance): the former is the squared standard error of the mean of the
    seeds' loss differences, the latter the seeds' sample variance. Null where there is one seed or no movement.
    """
    rows: list[dict[str, object]] = []
    seeded = paired.filter(pl.col("seed").is_not_null())
    alone = {seed: blocks(paired, seed) for seed in seeded["seed"].unique().sort()}
    for model in seeded["model"].unique().sort():
        own = [alone[seed] for seed in alone if not seeded.filter(model=model, seed=seed).is_empty()]
        numbers = seeded.filter(model=model)["seed"].unique().sort()
        for peers in zip(*own, strict=True):  # the same horizon in every seed
            variances = _variances(peers, model)
            for number, block in zip(numbers, peers, strict=True):
                about = {"model": model, "seed": number, "horizon": block.horizon}
                rows.append({**about, **_primary(block, model), **variances})
    return schema.check(pl.DataFrame(rows, schema=schema.SEEDS.dtypes), schema.SEEDS)


def without_each_fold(whole: Sequence[Block]) -> pl.DataFrame:
    """DROPPED: the primary test of every model but the baselines on all folds but one, for each fold in turn."""
    rows: list[dict[str, object]] = []
    for block in whole:
        for fold in block.folds if len(block.folds) > 1 else []:
            rest = block.part(block.fold != fold)
            rows += [
                {"model": model, "horizon": block.horizon, "fold": fold, **_primary(rest, model)}
                for model in block.models
                if model not in REFERENCES
            ]
    return schema.check(pl.DataFrame(rows, schema=schema.DROPPED.dtypes), schema.DROPPED)


def _primary(block: Block, model: str) -> dict[str, float]:
    """Skill against zero and the p-values of the primary test both ways, as far as they are defined."""
    losses = block.losses[LOSS, model], block.losses[LOSS, BASELINE]
    scale = float(losses[1].mean())
    found = {"skill": 1 - float(losses[0].mean()) / scale} if scale > 0 else {}
    try:
        result = diebold_mariano(*losses, horizon=block.horizon, alternative="less")
    except UndefinedTest:
        return found
    return {**found, "p_value": result.p_value, "p_worse": 1 - result.p_value}


def _variances(seeds: Sequence[Block], model: str) -> dict[str, float]:
    """Variance of one seed's mean loss difference, from time and from initialisation, as far as it is defined."""
    if len(seeds) < 2:
        return {}
    differences: list[FloatArray] = [block.losses[LOSS, model] - block.losses[LOSS, BASELINE] for block in seeds]
    try:
        common = mean_test(np.mean(differences, axis=0), horizon=seeds[0].horizon)
    except UndefinedTest:
        return {}
    means = [float(difference.mean()) for difference in differences]
    return {"time_variance": common.standard_error**2, "seed_variance": float(np.var(means, ddof=1))}
