"""Every table of results that follows from the forecasts of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl

from backtest.data import result_tables, schema
from backtest.data.question import Question
from backtest.evaluation.conformal import coverage
from backtest.evaluation.forecast_tests import compare, compare_jointly, fluctuation_paths
from backtest.evaluation.loss_panel import LossPanel, loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.metrics import score
from backtest.evaluation.regimes import by_regime
from backtest.evaluation.robustness import by_seed, without_each_fold
from backtest.evaluation.strategies import CostSettings, trade
from backtest.evaluation.symbols import by_symbol


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """How forecasts are evaluated: the question, level and adjustment of the tests, costs of a trade, and the bars.

    `interval` is the length of a bar, `always_open` whether the market never closes.
    """

    alpha: float
    adjustment: str
    costs: CostSettings
    interval: timedelta
    always_open: bool
    question: Question = field(default_factory=Question)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The loss panels of a run, by horizon, and its tables by the names of their files, as RUN_TABLES lists them.

    `returns` has symbol, time and `bar_return` of all bars; it is None where they are not known.
    """

    panels: tuple[LossPanel, ...]
    tables: dict[str, pl.DataFrame]
    returns: pl.DataFrame | None = None


def evaluate(
    forecasts: pl.DataFrame,
    folds: pl.DataFrame,
    fits: pl.DataFrame,
    features: pl.DataFrame | None,
    settings: EvaluationSettings,
    ranges: pl.DataFrame | None = None,
) -> Evaluation:
    """Return every table of a run, from its FORECASTS, FOLDS, FITS, FEATURES and RANGES; raises as `match_forecasts`.

    Without features, which hold the returns of the bars, there are no strategies; without ranges that table is empty.
    """
    panels = loss_panels(match_forecasts(forecasts, settings.question), settings.question)
    strategies = pl.DataFrame(schema=result_tables.STRATEGIES.dtypes)
    if features is not None and settings.question.about.tradable:
        always_open, interval = settings.always_open, settings.interval
        strategies = trade(panels, features, settings.costs, always_open=always_open, interval=interval)
    tables = {
        schema.FOLDS: folds,
        schema.FORECASTS: forecasts,
        schema.FITS: fits,
        result_tables.SCORES: score(panels),
        result_tables.TESTS: compare(panels, settings.adjustment),
        result_tables.JOINT: compare_jointly(panels, settings.alpha),
        result_tables.SEEDS: by_seed(panels),
        result_tables.DROPPED: without_each_fold(panels),
        result_tables.FLUCTUATION: fluctuation_paths(panels),
        result_tables.STRATEGIES: strategies,
        result_tables.REGIMES: by_regime(panels, settings.interval),
        result_tables.SYMBOLS: by_symbol(panels),
        result_tables.COVERAGE: coverage(panels, settings.interval),
        result_tables.RANGES: pl.DataFrame(schema=result_tables.RANGES.dtypes) if ranges is None else ranges,
    }
    returns = None if features is None else features.select("symbol", "time", "bar_return")
    return Evaluation(tuple(panels), {table.file: frame for table, frame in tables.items()}, returns)
