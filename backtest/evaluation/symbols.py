"""Accuracy by symbol: the primary test on each symbol alone, and on all the others without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from backtest.data import result_tables, schema
from backtest.data.errors import UndefinedTest
from backtest.evaluation.loss_panel import LossPanel
from backtest.evaluation.robustness import adjust_by_holm, evidence_on, skill_of
from backtest.significance.result import mean_per_time


def by_symbol(panels: Sequence[LossPanel]) -> pl.DataFrame:
    """SYMBOLS: every model against the rival on each symbol, and on the others without it; empty of a single symbol.

    Losses are those of the question. The p-values of all symbols and models of a horizon, but for the references, are
    one family for Holm's adjustment. Without a symbol, the losses of the others are averaged at each time, as in the
    pooled test: errors at one time are not independent (Driscoll and Kraay 1998, Review of Economics and Statistics 80,
    549-560).
    """
    rows: list[dict[str, Any]] = []
    for panel in panels:
        symbols = panel.rows["symbol"].unique().sort().to_list()
        found = list(_rows(panel, symbols)) if len(symbols) > 1 else []
        adjust_by_holm(found, panel.question.references)
        rows += found
    table = pl.DataFrame(rows, schema=result_tables.SYMBOLS.dtypes)
    return schema.check(table.sort("horizon", "model", maintain_order=True), result_tables.SYMBOLS)


def _rows(panel: LossPanel, symbols: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows of SYMBOLS of one horizon, without adjusted p-values."""
    of_row, times, test = panel.rows["symbol"].to_numpy(), panel.rows["time"].to_numpy(), panel.primary_test
    losses = {model: panel.row_loss(model) for model in panel.models}
    for symbol in symbols:
        own = of_row == symbol
        others = np.unique(times[~own], return_inverse=True)[1] if len(symbols) > 2 else None
        for model in panel.models:
            if model == panel.rival:
                continue
            pair, left = ((losses[model][rows], losses[panel.rival][rows]) for rows in (own, ~own))
            without = mean_per_time(left[0], others), mean_per_time(left[1], others)
            found = {"skill_without": skill_of(*without).get("skill")}
            try:
                test.require(without[0].size, panel.horizon)
                found["p_without"] = test.run(*without, horizon=panel.horizon, alternative="less").p_value
            except UndefinedTest:
                found["p_without"] = None
            about = {"model": model, "horizon": panel.horizon, "symbol": symbol, "n": int(own.sum())}
            means = {"loss": float(pair[0].mean()), "rival_loss": float(pair[1].mean())}
            evidence = evidence_on(*pair, panel.horizon, test, "less")
            yield {**about, **means, **skill_of(*pair), **evidence, **found}
