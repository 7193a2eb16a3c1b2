"""Targets: what a model has to forecast, as an expression over the bars ahead."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from backtest.data.errors import ConfigError


def log_return(horizon: int) -> pl.Expr:
    """Log return over the next `horizon` bars: log(close of the bar `horizon` ahead / close)."""
    return (pl.col("close").shift(-horizon) / pl.col("close")).log()


TARGETS: dict[str, Callable[[int], pl.Expr]] = {"log_return": log_return}


def column(kind: str, horizon: int) -> str:
    """Name of the target's column: `y_log_return_1`."""
    return f"y_{kind}_{horizon}"


def target(kind: str, horizon: int) -> pl.Expr:
    """Return the named target; null where its bar is missing. Raises ConfigError for an unknown kind or horizon < 1."""
    if kind not in TARGETS:
        raise ConfigError(f"target.kind: must be one of {', '.join(TARGETS)} (got {kind!r})")
    if horizon < 1:
        raise ConfigError(f"target.horizon: must be at least 1 bar (got {horizon})")
    return TARGETS[kind](horizon).alias(column(kind, horizon))
