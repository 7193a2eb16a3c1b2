"""The data of level 5: placebos made from the true bars, in which nothing can be known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.audit.audited_walk import AuditedWalk
from backtest.data.reading.checks import TRADED
from backtest.data.records.audit import Trial
from backtest.data.targets import target_of
from backtest.models.windows import Floats

BLOCK = 20
"""Targets that stay together, at least; four horizons where that is more, because they overlap."""

MAX_PERSISTENCE, MIN_FREEDOM = 0.999, 2.1
"""Bounds on what is estimated from the true returns, so that the simulated ones have a variance."""

Placebo = Callable[[AuditedWalk, np.random.Generator], pl.DataFrame]


def shuffled_targets(walk: AuditedWalk, rng: np.random.Generator) -> pl.DataFrame:
    """FEATURES of the true bars, with each symbol's targets shuffled in blocks, less a median that can be known.

    Directions are turned around a half, so that a block's ups become downs: a fair coin. Variances are shuffled alone:
    they have neither sign nor median to be known.
    """
    neutral, size = target_of(walk.config.target.kind).neutral, max(BLOCK, 4 * walk.config.target.longest)
    parts = []
    for part in walk.plan.features.partition_by("symbol", maintain_order=True):
        shuffled = []
        for name in walk.targets.values():
            target = part[name].to_numpy().copy()
            known = np.isfinite(target)
            if neutral is None:
                target[known] = _shuffle_blocks(target[known], size, rng, signs=(1,))
            elif known.any():
                middle = neutral or np.median(target[known])
                target[known] = neutral + _shuffle_blocks(target[known] - middle, size, rng, signs=(-1, 1))
            shuffled.append(pl.Series(name, target, nan_to_null=True))
        parts.append(part.with_columns(shuffled))
    return pl.concat(parts)


def random_walk(walk: AuditedWalk, rng: np.random.Generator) -> pl.DataFrame:
    """FEATURES of bars whose log returns are GARCH(1,1) noise, with the persistence and tails of the true ones.

    Bars keep their times, volumes and how far their extremes lie beyond open and close. For variances the bars are the
    true ones in a random order, so that no variance tells of the next. A column of bars or of an external series that
    is forecast is replaced too: variances in a random order, a level as a random walk.
    """
    target = target_of(walk.config.target.kind)
    simulate = _shuffle_prices if has_no_sign(walk) else _simulate_prices
    parts = [simulate(part, rng) for part in walk.bars.partition_by("symbol", maintain_order=True)]
    external = dict(walk.external)
    for read in target.columns:
        series, _, column = read.rpartition(".")
        if target.bar_change and not series and read != "close":
            parts = [part.with_columns(_wander(part[read], rng)) for part in parts]
        elif series:
            frames = external[series].partition_by(
                *(name for name in ("symbol",) if name in external[series].columns), maintain_order=True
            )
            again = _wander if target.bar_change else _permuted
            external[series] = pl.concat(frame.with_columns(again(frame[column], rng)) for frame in frames)
    return walk.features(pl.concat(parts), external)


PLACEBOS: dict[Trial, Placebo] = {"shuffled_targets": shuffled_targets, "random_walk": random_walk}


def has_no_sign(walk: AuditedWalk) -> bool:
    """Whether the outcomes of a walk have no sign, as variances have none."""
    return target_of(walk.config.target.kind).neutral is None


def _shuffle_blocks(values: Floats, size: int, rng: np.random.Generator, signs: Sequence[int]) -> Floats:
    """The same values (n,), in blocks of `size` in a random order, with random `signs` and a random first border.

    No hour of the day keeps a mean.
    """
    turned = np.roll(values, int(rng.integers(size)))
    blocks = np.split(turned, np.arange(size, len(turned), size))
    return np.concatenate([blocks[place] * rng.choice(signs) for place in rng.permutation(len(blocks))])


def _wander(levels: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A random walk of the same changes in a random order and with random signs; above 0 where all levels are."""
    known = levels.is_not_null().to_numpy()
    path = levels.drop_nulls().cast(pl.Float64).to_numpy()
    positive = len(path) and path.min() > 0
    steps = rng.permutation(np.diff(np.log(path) if positive else path))
    moved = np.concatenate([[0.0], np.cumsum(steps * rng.choice((-1, 1), len(steps)))])[: len(path)]
    walked = np.full(len(levels), np.nan)
    walked[known] = path[:1] * np.exp(moved) if positive else path[:1] + moved
    return pl.Series(levels.name, walked, nan_to_null=True)


def _permuted(values: pl.Series, rng: np.random.Generator) -> pl.Series:
    """The same values in a random order."""
    return values.gather(rng.permutation(len(values)))


def _simulate_prices(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Bars of one symbol with simulated prices, if they have any."""
    if "close" not in bars.columns:
        return bars
    noise = _simulate_garch(np.diff(np.log(bars["close"].to_numpy())), rng)
    return _with_returns(bars, noise, np.arange(bars.height))


def _shuffle_prices(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Bars of one symbol with its log returns, the extremes of their bars and their measures, in a random order."""
    if "close" not in bars.columns:
        order = rng.permutation(bars.height)
        return bars.with_columns(bars[name].gather(order) for name in bars.columns if name not in TRADED)
    returns = np.diff(np.log(bars["close"].to_numpy()))
    order = rng.permutation(len(returns))
    places = np.concatenate([[0], order + 1])
    shuffled = _with_returns(bars, returns[order], places)
    return shuffled.with_columns(bars[name].gather(places) for name in bars.columns if name not in TRADED)


def _with_returns(bars: pl.DataFrame, returns: Floats, order: NDArray[np.int64]) -> pl.DataFrame:
    """Bars with other log returns (n - 1,), their extremes as far beyond open and close as in the bars `order` (n,)."""
    walk = bars["close"][0] * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    opened = np.concatenate([bars["open"].to_numpy()[:1], walk[:-1]])
    beyond = bars.select(
        up=pl.col("high") / pl.max_horizontal("open", "close"), down=pl.col("low") / pl.min_horizontal("open", "close")
    )
    high = np.maximum(opened, walk) * beyond["up"].to_numpy()[order]
    low = np.minimum(opened, walk) * beyond["down"].to_numpy()[order]
    return bars.with_columns(open=pl.Series(opened), high=pl.Series(high), low=pl.Series(low), close=pl.Series(walk))


def _simulate_garch(returns: Floats, rng: np.random.Generator) -> Floats:
    """Noise (n,) with the variance, the GARCH(1,1) persistence and the Student t tails of some returns (n,)."""
    from arch import arch_model  # takes a second, needed by the full audit only

    scale = float(returns.std())
    if not scale:
        return returns
    found = arch_model(returns / scale, mean="Zero", dist="t", rescale=False).fit(disp="off", show_warning=False)
    alpha, beta, freedom = (float(found.params[name]) for name in ("alpha[1]", "beta[1]", "nu"))
    shrunk = min(1.0, MAX_PERSISTENCE / max(alpha + beta, MAX_PERSISTENCE))
    alpha, beta, freedom = alpha * shrunk, beta * shrunk, max(freedom, MIN_FREEDOM)
    shocks = rng.standard_t(freedom, len(returns)) * np.sqrt((freedom - 2) / freedom)
    variance = np.ones(len(returns))
    for step in range(1, len(variance)):
        variance[step] = 1 - alpha - beta + (alpha * shocks[step - 1] ** 2 + beta) * variance[step - 1]
    noise = np.sqrt(variance) * shocks
    return np.asarray(noise * (scale / noise.std()))
