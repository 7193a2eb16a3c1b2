"""The tables of results that a run folder holds: their columns, their types and what they mean."""

from __future__ import annotations

import polars as pl

from backtest.data.schema import FITS, FOLD, FOLDS, FORECASTS, HORIZON, MODEL, POOLED_FOLD, SEED, TIME, Column, Schema

SCORES = Schema(
    "SCORES",
    "all metrics, per fold and over all folds, per seed and for the mean over seeds",
    (
        MODEL,
        SEED,
        POOLED_FOLD,
        HORIZON,
        Column("metric", pl.String, "name of the metric, a key of METRICS"),
        Column("value", pl.Float64, "its value; null: undefined", nullable=True),
    ),
)

TESTS = Schema(
    "TESTS",
    "all tests of one model against the references",
    (
        Column("test", pl.String, "name of the test's function"),
        Column("title", pl.String, "title of the test"),
        Column("of_skill", pl.Boolean, "whether a rejection is evidence of skill"),
        Column(
            "loss",
            pl.String,
            "a key of LOSSES; weighted: squared errors over known variances; direction: the test reads signs",
        ),
        MODEL,
        Column("baseline", pl.String, "the model it is compared with"),
        POOLED_FOLD,
        HORIZON,
        Column("alternative", pl.String, "of the tested mean; of losses `less` says that the model is better"),
        Column("statistic", pl.Float64, "null: undefined, the note says why", nullable=True),
        Column("p_value", pl.Float64, "null: undefined, the note says why", nullable=True),
        Column("p_adjusted", pl.Float64, "over the models, in folds over both; null: no member", nullable=True),
        Column("n", pl.Int64, "numbers that were tested: times, less those that the test leaves out"),
        Column("lags", pl.Int64, "autocovariances, or cosine terms, in the variance", nullable=True),
        Column("skill", pl.Float64, "1 - mean loss / the baseline's; null: undefined", nullable=True),
        Column("skill_low", pl.Float64, "lower end of its 95 % interval", nullable=True),
        Column("skill_high", pl.Float64, "upper end of its 95 % interval", nullable=True),
        Column("asks", pl.String, "the question that the test answers"),
        Column("note", pl.String, "what a reader must know; empty: nothing"),
    ),
)

JOINT = Schema(
    "JOINT",
    "the tests of all models at once, and of each model at all horizons together",
    (
        Column("test", pl.String, "name of the test's function, over all models at once"),
        Column("title", pl.String, "title of the test"),
        Column("loss", pl.String, "a key of LOSSES"),
        Column("horizon", pl.Int32, f"{HORIZON.meaning}; null: all horizons together", nullable=True),
        Column("model", pl.String, "the model that the row is about; null: all of them", nullable=True),
        Column("p_value", pl.Float64, "null: the test gives none, or the note says why", nullable=True),
        Column("selected", pl.Boolean, "in the confidence set; or found better than the rival", nullable=True),
        Column("n", pl.Int64, "times"),
        Column("asks", pl.String, "the question that the test answers"),
        Column("note", pl.String, "what a reader must know; empty: nothing"),
    ),
)

SEEDS = Schema(
    "SEEDS",
    "skill, p-values and variance of every seed alone",
    (
        MODEL,
        Column("seed", pl.Int32, "seed of the fits"),
        HORIZON,
        Column("skill", pl.Float64, "1 - loss / loss of the rival of this seed alone; null: undefined", nullable=True),
        Column("p_value", pl.Float64, "of the primary test of this seed alone, for being better", nullable=True),
        Column("p_worse", pl.Float64, "for being worse than the rival", nullable=True),
        Column("p_weighted", pl.Float64, "the same test on weighted errors, for being better", nullable=True),
        Column("p_weighted_worse", pl.Float64, "for being worse by them; null: errors not weighted", nullable=True),
        Column("time_variance", pl.Float64, "of one seed's mean loss difference, from time", nullable=True),
        Column("seed_variance", pl.Float64, "the same, from initialisation", nullable=True),
    ),
)

DROPPED = Schema(
    "DROPPED",
    "skill and p-values over all folds but one, for each fold",
    (
        MODEL,
        HORIZON,
        Column("fold", pl.Int32, "number of the fold that is left out"),
        Column("skill", pl.Float64, "1 - loss / loss of the rival over other folds; null: undefined", nullable=True),
        Column("p_value", pl.Float64, "of the primary test on them, for being better than the rival", nullable=True),
        Column("p_worse", pl.Float64, "the same for being worse than the rival", nullable=True),
        Column("p_weighted", pl.Float64, "of the test on weighted errors, for being better", nullable=True),
        Column("p_weighted_worse", pl.Float64, "for being worse by them; null: errors not weighted", nullable=True),
    ),
)

FLUCTUATION = Schema(
    "FLUCTUATION",
    "the fluctuation statistic over time, with its band",
    (
        MODEL,
        HORIZON,
        TIME,
        Column("statistic", pl.Float64, "standardised mean loss difference around `time`; below 0: better"),
        Column("band", pl.Float64, "its absolute value stays below this all the way, 19 times in 20, without skill"),
    ),
)

STRATEGIES = Schema(
    "STRATEGIES",
    "what trading on the forecasts would have earned after costs",
    (
        Column("model", pl.String, "whose forecasts are traded; `holding`: always long"),
        HORIZON,
        Column("n", pl.Int64, "bars from the first position to the last"),
        Column("net_return", pl.Float64, "compound return over all bars, after costs"),
        Column("gross_return", pl.Float64, "the same before costs"),
        Column("volatility", pl.Float64, "deviation of the net returns, per year; null: one bar", nullable=True),
        Column("sharpe", pl.Float64, "Sharpe ratio after costs, per year; null: never in the market", nullable=True),
        Column("sharpe_per_bar", pl.Float64, "the same, per bar", nullable=True),
        Column("skewness", pl.Float64, "of the net returns", nullable=True),
        Column("kurtosis", pl.Float64, "of the net returns, 3 for the normal distribution", nullable=True),
        Column("probabilistic", pl.Float64, "probability that the true Sharpe ratio is above 0", nullable=True),
        Column("track_record", pl.Float64, "bars needed to show that at 95 %; null: none would do", nullable=True),
        Column("drawdown", pl.Float64, "largest loss from a peak, as a share of it"),
        Column("turnover", pl.Float64, "traded amount per year, in units of the capital"),
        Column("break_even", pl.Float64, "basis points per trade that eat the gain; null: no trade", nullable=True),
        Column("bars_per_year", pl.Float64, "by which ratios are annualised"),
    ),
)

RECENT = 24
"""Outcomes known before a forecast that its volatility is measured by in REGIMES."""

UNKNOWN = "unknown"
"""Part of a regime for forecasts that cannot be classified, such as those with too few outcomes before."""

REGIMES = Schema(
    "REGIMES",
    "error and skill by volatility, hour of day and weekday",
    (
        MODEL,
        HORIZON,
        Column("regime", pl.String, "conditioning variable: a key of REGIMES"),
        Column("part", pl.String, "group of the forecasts: low, 07:00, Monday, ...; unknown"),
        Column("place", pl.Int32, "its place among the parts of the regime, from 0"),
        Column("n", pl.Int64, "forecasts in it"),
        Column("loss", pl.Float64, "mean loss of the model there"),
        Column("rival_loss", pl.Float64, "the same of the rival"),
        Column("skill", pl.Float64, "1 - mean loss / the rival's, all times alike; null: undefined", nullable=True),
        Column("skill_low", pl.Float64, "lower end of its 95 % interval; null: undefined", nullable=True),
        Column("skill_high", pl.Float64, "upper end of its 95 % interval", nullable=True),
        Column("p_value", pl.Float64, "two-sided, of the primary test there; null: undefined", nullable=True),
        Column("p_adjusted", pl.Float64, "by Holm, over all parts and models; null: no member", nullable=True),
        Column("note", pl.String, "what a reader must know; empty: nothing"),
    ),
)

SYMBOLS = Schema(
    "SYMBOLS",
    "error and skill on each symbol, and on the others without it; empty where there is one symbol",
    (
        MODEL,
        HORIZON,
        Column("symbol", pl.String, "instrument"),
        Column("n", pl.Int64, "forecasts of it"),
        Column("loss", pl.Float64, "mean loss of the model on it"),
        Column("rival_loss", pl.Float64, "the same of the rival"),
        Column("skill", pl.Float64, "1 - mean loss / the rival's; null: undefined", nullable=True),
        Column("skill_low", pl.Float64, "lower end of its 95 % interval; null: undefined", nullable=True),
        Column("skill_high", pl.Float64, "upper end of its 95 % interval", nullable=True),
        Column("p_value", pl.Float64, "one-sided, of the primary test: better on it; null: undefined", nullable=True),
        Column("p_adjusted", pl.Float64, "by Holm, over all symbols and models; null: no member", nullable=True),
        Column("skill_without", pl.Float64, "skill on the others, times alike; null: undefined", nullable=True),
        Column("p_without", pl.Float64, "one-sided p on the others, not adjusted; null: undefined", nullable=True),
        Column("note", pl.String, "what a reader must know; empty: nothing"),
    ),
)

COVERAGE = Schema(
    "COVERAGE",
    "prediction intervals from earlier errors, and their empirical coverage",
    (
        MODEL,
        HORIZON,
        Column("symbol", pl.String, "instrument whose errors make the interval"),
        Column("fold", pl.Int32, "fold that the interval is for; null: the step after the last", nullable=True),
        Column("level", pl.Float64, "nominal coverage of the interval"),
        Column("n_before", pl.Int64, "errors that it is made from, all known before the fold begins"),
        Column("half_width", pl.Float64, "of the interval, log return; null: too few errors", nullable=True),
        Column("n", pl.Int64, "forecasts of the fold; of null: 0"),
        Column("covered", pl.Int64, "outcomes of the fold within the interval; null: none was made", nullable=True),
    ),
)

RANGES = Schema(
    "RANGES",
    "inputs and forecasts of every test span against the range that training has seen",
    (
        FOLD,
        Column("feature", pl.String, "the input that the row is about; null: forecasts", nullable=True),
        Column("model", pl.String, "the model whose forecasts the row is about; null: an input", nullable=True),
        Column("horizon", pl.Int32, "bars ahead of these forecasts; null: an input", nullable=True),
        Column("low", pl.Float64, "smallest value in training, of the input or of the outcome"),
        Column("high", pl.Float64, "largest value in training"),
        Column("n", pl.Int64, "values in the test span: one of each forecast bar, forecasts of every seed"),
        Column("outside", pl.Int64, "of them below low or above high; of forecasts those at the border too"),
        Column("lowest", pl.Float64, "smallest value in the test span; null: there is none", nullable=True),
        Column("highest", pl.Float64, "largest value in the test span; null: there is none", nullable=True),
        Column(
            "replaced",
            pl.Int64,
            "forecasts of a variance that the filter replaced, or logarithms of zero; null: others",
            nullable=True,
        ),
    ),
)

RUN_TABLES = (
    *(FOLDS, FORECASTS, FITS, SCORES, TESTS, JOINT, SEEDS, DROPPED, FLUCTUATION, STRATEGIES),
    *(REGIMES, SYMBOLS, COVERAGE, RANGES),
)
"""The tables of results that a run folder holds."""
