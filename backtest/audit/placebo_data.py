"""Worlds in which nothing can be known, made from the true bars: targets in another order, and a random walk."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from backtest.audit.audited_walk import AuditedWalk
from backtest.models.windows import Floats

BLOCK = 20
"""Targets that stay together, at least; four horizons where that is more, for they overlap."""

PERSISTENT, FREEDOM = 0.999, 2.1
"""Bounds of what is taken over from the true returns, so that the simulated ones have a variance."""

World = Callable[[AuditedWalk, np.random.Generator], pl.DataFrame]


def shuffled(subject: AuditedWalk, rng: np.random.Generator) -> pl.DataFrame:
    """FEATURES of the true bars, with each symbol's targets shuffled in blocks, less a median that can be known."""
    features, name = subject.prepared.features, subject.target
    size = max(BLOCK, 4 * subject.config.target.horizon)
    parts = []
    for part in features.partition_by("symbol", maintain_order=True):
        target = part[name].to_numpy().copy()
        known = np.isfinite(target)
        target[known] = _in_blocks(target[known] - np.median(target[known]), size, rng) if known.any() else np.nan
        parts.append(part.with_columns(pl.Series(name, target, nan_to_null=True)))
    return pl.concat(parts)


def random_walk(subject: AuditedWalk, rng: np.random.Generator) -> pl.DataFrame:
    """FEATURES of bars whose log returns are GARCH(1,1) noise, with the persistence and tails of the true ones.

    Bars keep their times, volumes and how far their extremes lie beyond open and close.
    """
    parts = [_walk(part, rng) for part in subject.prepared.dataset.bars.partition_by("symbol", maintain_order=True)]
    return subject.features(pl.concat(parts), subject.external)


PLACEBOS: dict[str, World] = {
    "targets shuffled in blocks": shuffled,
    "a random walk with GARCH volatility": random_walk,
}
"""By the words in which a reader is told."""


def _in_blocks(values: Floats, size: int, rng: np.random.Generator) -> Floats:
    """The same values (n,), in blocks of `size` whose order, signs and first border are drawn: no hour keeps a mean."""
    turned = np.roll(values, int(rng.integers(size)))
    blocks = np.split(turned, np.arange(size, len(turned), size))
    return np.concatenate([blocks[place] * rng.choice([-1, 1]) for place in rng.permutation(len(blocks))])


def _walk(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Bars of one symbol with simulated prices."""
    close = bars["close"].to_numpy()
    returns = np.diff(np.log(close))
    walk = close[0] * np.exp(np.concatenate([[0.0], np.cumsum(_garch(returns, rng))]))
    opened = np.concatenate([bars["open"].to_numpy()[:1], walk[:-1]])
    beyond = bars.select(
        up=pl.col("high") / pl.max_horizontal("open", "close"), down=pl.col("low") / pl.min_horizontal("open", "close")
    )
    high, low = np.maximum(opened, walk) * beyond["up"].to_numpy(), np.minimum(opened, walk) * beyond["down"].to_numpy()
    return bars.with_columns(open=pl.Series(opened), high=pl.Series(high), low=pl.Series(low), close=pl.Series(walk))


def _garch(returns: Floats, rng: np.random.Generator) -> Floats:
    """Noise (n,) of the variance, the GARCH(1,1) persistence and the Student tails of some returns (n,)."""
    from arch import arch_model  # takes a second, for the full audit alone

    scale = float(returns.std())
    if not scale:
        return returns
    found = arch_model(returns / scale, mean="Zero", dist="t", rescale=False).fit(disp="off", show_warning=False)
    alpha, beta, freedom = (float(found.params[name]) for name in ("alpha[1]", "beta[1]", "nu"))
    shrunk = min(1.0, PERSISTENT / max(alpha + beta, PERSISTENT))
    alpha, beta, freedom = alpha * shrunk, beta * shrunk, max(freedom, FREEDOM)
    shocks = rng.standard_t(freedom, len(returns)) * np.sqrt((freedom - 2) / freedom)
    variance = np.ones(len(returns))
    for step in range(1, len(variance)):
        variance[step] = 1 - alpha - beta + (alpha * shocks[step - 1] ** 2 + beta) * variance[step - 1]
    noise = np.sqrt(variance) * shocks
    return np.asarray(noise * (scale / noise.std()))
