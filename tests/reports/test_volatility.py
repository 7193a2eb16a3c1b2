"""Tests of what reports say in the terms of their question: annualised volatility, glossary, formulas, units."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl
import pytest

from backtest.data.dataset import Dataset
from backtest.data.question import Question
from backtest.data.reading.bars import load_bars
from backtest.data.targets import SERIES_OF, TARGETS, target_of
from backtest.reports.blocks import Heading, Table
from backtest.reports.run import RunResult, read
from backtest.reports.sections import SECTIONS
from backtest.reports.sections.other_tests import other_tests
from backtest.reports.sections.volatility import volatility
from backtest.reports.wording.formulas import formulas_of
from backtest.reports.wording.question import axis_unit
from backtest.reports.wording.terms import terms_of
from tests.support.small_run import small, walk

KINDS = (*TARGETS, f"{SERIES_OF}spread", "log_variance.RV")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A walk over variances two bars ahead, of hourly bars of a market that never closes."""
    folder = tmp_path_factory.mktemp("runs") / "variance"
    settings = {"models": ["har", "ridge"], "features": ["log_variance_5"], "net": {"window": 24}}
    walk(folder, plan=small(**settings, target={"kind": "log_variance", "horizon": 2}))
    return read(folder)


def test_volatility_is_annualised_by_the_calendar_and_the_bias_is_that_of_the_mean(result: RunResult) -> None:
    heading, table = volatility(result)
    assert isinstance(heading, Heading)
    assert isinstance(table, Table)
    forecasts = result.tables["forecasts"].filter(pl.col("seed").is_null())
    outcome = forecasts.filter(model="log_har")["y"].to_numpy().mean()
    own = forecasts.filter(model="har")["y_hat"].to_numpy().mean()
    shown = {row[0]: row[1:] for row in table.rows}
    assert shown["outcomes"][0] == f"{100 * np.sqrt(outcome / 2 * 8760):.1f}\N{NO-BREAK SPACE}%"
    assert shown["HAR"][0] == f"{100 * np.sqrt(own / 2 * 8760):.1f}\N{NO-BREAK SPACE}%"
    bias = f"{100 * (own / outcome - 1):+.1f}\N{NO-BREAK SPACE}%".replace("-", "\N{MINUS SIGN}")
    assert shown["HAR"][1] == bias
    assert "8,760 a year" in table.caption


def test_a_variance_of_unknown_unit_or_calendar_is_not_annualised(result: RunResult) -> None:
    unknown = replace(result, manifest=replace(result.manifest, data=replace(result.manifest.data, bars_per_year=None)))
    assert volatility(unknown) == ()
    of_column = replace(result.verdict, question=Question("log_variance.RV", "qlike", "log_har"))
    assert volatility(replace(result, verdict=of_column)) == ()


def test_bars_of_a_year_follow_the_calendar() -> None:
    bars = load_bars("sp500")
    assert Dataset.from_source("sp500").bars_per_year == pytest.approx(251.6, abs=0.1)  # 5,030 steps in 19.99 years
    holed = pl.concat([bars[:2000], bars[2030:]])  # sessions missing in a row are a hole, which counts
    assert Dataset.from_frame(holed).bars_per_year == pytest.approx(251.6, abs=0.5)
    assert Dataset.from_source("synthetic:n=300").bars_per_year == 8760


@pytest.mark.parametrize("kind", KINDS)
def test_glossary_and_formulas_speak_of_the_question(kind: str) -> None:
    target = target_of(kind)
    question = Question(kind, target.losses[0], target.rival)
    terms, formulas = terms_of(question), formulas_of(question)
    text = " ".join((*terms.values(), *formulas.values()))
    assert ("Zero" in terms) == ("zero" in target.references)
    assert ("MSE" in text) == ("squared" in question.losses)
    assert ("zero" in text) == (target.rival == "zero")
    assert ("Sharpe ratio" in terms) == ("Sharpe ratio" in formulas) == target.tradable
    assert ("Coverage" in terms) == target.intervals
    assert ("Clark-West" in terms) == ("Clark-West" in formulas) == ("clark_west" in target.tests)
    assert "{" not in text


def test_a_variance_has_no_interval_and_is_shown_in_squared_per_cent(result: RunResult) -> None:
    assert result.coverages == ()
    assert "no prediction intervals: the errors of a variance grow with it" in repr(SECTIONS["residuals"](result))
    assert "In squared per cent." in repr(SECTIONS["calibration"](result))
    assert axis_unit(Question("series.spread"), [0.002, 0.004]).name == "10⁻³ units of the column"


def test_regimes_of_variances_are_named_by_what_they_are(result: RunResult) -> None:
    text = repr(SECTIONS["regimes"](result))
    assert "The variance beforehand is the mean of the last" in text
    assert "root mean square" not in text


def test_the_settings_of_single_models_are_told(result: RunResult) -> None:
    own: dict[str, dict[str, object]] = {
        "lstm_small": {"name": "lstm", "hidden": 3},
        "tcn": {"channels": 4, "dropout": 0.5},
        "again": {"name": "gru"},
    }
    text = repr(SECTIONS["method"](replace(result, own_settings=own)))
    facts = [("LSTM small", "LSTM with hidden = 3"), ("TCN", "TCN with channels = 4, dropout = 0.5"), ("again", "GRU")]
    assert all(repr((f"The settings of {name}", words)) in text for name, words in facts)


@pytest.mark.parametrize(("clip", "said"), [("off", False), (0.25, True)])
def test_a_clip_is_described_where_it_is_on(result: RunResult, clip: float | Literal["off"], said: bool) -> None:
    text = repr(SECTIONS["method"](replace(result, clip=clip)))
    assert ("widened at each end by 25" in text) == said


def test_a_regression_is_on_no_loss(result: RunResult) -> None:
    text = repr(other_tests(result))
    assert "Mincer-Zarnowitz" in text
    assert "Mincer-Zarnowitz on squared" not in text
    assert "Encompassing on squared errors" in text
