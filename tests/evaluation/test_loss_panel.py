"""A run is matched and aligned once, and its panel holds what a plain loop over the forecasts finds."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import backtest.evaluation
from backtest.data.losses import WEIGHTED
from backtest.data.question import Question
from backtest.evaluation import evaluate as evaluation
from backtest.evaluation.evaluate import EvaluationSettings
from backtest.evaluation.loss_panel import LossPanel
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.strategies import CostSettings
from backtest.verdict import record
from tests.support.fake_run import Plan, make_features, make_fits, make_folds, make_forecasts
from tests.support.forecasts import column, forecast_table, losses, losses_of, panels, random_forecasts

FORECASTS = random_forecasts(2)
LATER = random_forecasts(7).with_columns(horizon=pl.lit(5, pl.Int32))
TWO_SYMBOLS = pl.concat([random_forecasts(number, symbol=symbol) for number, symbol in enumerate("AB")])


def test_one_run_is_matched_once_and_aligned_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()

    def counting(name: str) -> None:
        function = getattr(evaluation, name)

        def counted(*arguments: Any) -> Any:
            calls[name] += 1
            return function(*arguments)

        for module in (evaluation, record):
            monkeypatch.setattr(module, name, counted)

    counting("match_forecasts")
    counting("loss_panels")
    plan = Plan(folds=3, test=84)
    forecasts = make_forecasts(plan)
    settings = EvaluationSettings(0.05, "holm", CostSettings(), plan.interval, always_open=True)
    tables = forecasts, make_folds(plan), make_fits(plan), make_features(forecasts, plan)
    found = evaluation.evaluate(*tables, settings)
    record.write_results(tmp_path / "run", found, settings, candidates=plan.networks, data="bars", config="trial")
    assert calls == {"match_forecasts": 1, "loss_panels": 1}


def test_there_is_a_panel_for_each_horizon() -> None:
    near, far = panels(pl.concat([LATER, FORECASTS]))
    assert (near.horizon, far.horizon) == (1, 5)
    assert near.models == ["lstm", "naive", "ridge", "zero"]
    assert near.folds == [0, 1, 2, 3]
    assert [near.seeds(model) for model in near.models] == [[0, 1], [], [], []]
    assert_frame_equal(far.rows, panels(LATER)[0].rows)


@pytest.mark.parametrize("loss", Question().losses)
def test_losses_are_those_of_the_formula_for_models_and_seeds(loss: str) -> None:
    (panel,) = panels(FORECASTS)
    for model in panel.models:
        np.testing.assert_array_equal(panel.y, column(FORECASTS, "y", model))
        np.testing.assert_array_equal(panel.y_hat[model], column(FORECASTS, "y_hat", model))
        np.testing.assert_array_equal(panel.loss(model, loss), losses(FORECASTS, model, loss))
        np.testing.assert_array_equal(panel.row_loss(model, loss), panel.loss(model, loss))
    for seed in (0, 1):
        rows = FORECASTS.filter(model="lstm", seed=seed).sort("time")
        expected = losses_of(loss, rows["y"].to_numpy(), rows["y_hat"].to_numpy())
        np.testing.assert_array_equal(panel.loss("lstm", loss, seed=seed), expected)


def test_losses_of_a_time_are_averaged_over_the_symbols() -> None:
    (panel,) = panels(TWO_SYMBOLS)
    assert panel.y.size == 2 * panel.times.size
    assert panel.instant is not None
    both = [losses(TWO_SYMBOLS.filter(symbol=symbol), "ridge", "squared") for symbol in "AB"]
    np.testing.assert_allclose(panel.loss("ridge"), np.mean(both, axis=0), rtol=1e-12)
    assert panel.row_loss("ridge").size == panel.y.size


@pytest.mark.parametrize("forecasts", [FORECASTS, TWO_SYMBOLS])
def test_a_part_is_the_panel_of_its_rows(forecasts: pl.DataFrame) -> None:
    (panel,) = panels(forecasts)
    part = panel.part(panel.fold == 2)
    (alone,) = panels(forecasts.filter(pl.col("fold") == 2))
    assert (part.folds, part.models, part.horizon) == ([2], panel.models, panel.horizon)
    assert_frame_equal(part.rows, alone.rows)
    for model in panel.models:
        np.testing.assert_array_equal(part.loss(model), alone.loss(model))
        np.testing.assert_array_equal(part.y_hat[model], alone.y_hat[model])


@pytest.mark.parametrize("forecasts", [FORECASTS, TWO_SYMBOLS, pl.concat([FORECASTS, LATER])])
def test_the_long_form_gives_back_the_matched_forecasts(forecasts: pl.DataFrame) -> None:
    order = ["model", "seed", "horizon", "symbol", "time"]
    long = pl.concat(panel.to_frame() for panel in panels(forecasts)).sort(order)
    matched = match_forecasts(forecasts).sort(order)
    assert_frame_equal(long.select(matched.columns), matched, check_exact=True)


def test_the_panel_does_not_depend_on_the_order_of_the_forecasts() -> None:
    (one,), (other,) = panels(FORECASTS), panels(FORECASTS.sample(fraction=1, shuffle=True, seed=3))
    assert_frame_equal(one.to_frame(), other.to_frame(), check_exact=True)


def test_a_panel_without_seeds_has_none() -> None:
    y = np.arange(8.0)
    table = forecast_table(y, {("zero", None): 0 * y, ("naive", None): y + 1, ("net", None): y / 2})
    (panel,) = panels(table)
    assert isinstance(panel, LossPanel)
    assert (panel.seeds("net"), panel.seed_losses) == ([], {})


def test_no_user_of_the_panel_writes_a_loss_itself() -> None:
    """Squares of differences are losses, and those come from LOSSES; `y**2` of a volatility is none."""
    folder = Path(backtest.evaluation.__path__[0])
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.left, ast.BinOp)
    ]
    assert found == []


def test_weighted_errors_give_a_wild_symbol_no_more_say_than_a_calm_one() -> None:
    calm, wild = random_forecasts(5, symbol="CALM"), random_forecasts(6, symbol="WILD")
    wild = wild.with_columns(pl.col("y", "y_hat") * 10)
    both = pl.concat([calm, wild]).with_columns(variance=pl.when(symbol="WILD").then(1e-2).otherwise(1e-4))
    (panel,) = panels(both)
    plain, weighted = panel.row_loss("zero"), panel.row_loss("zero", WEIGHTED)
    rows = panel.rows["symbol"].to_numpy() == "WILD"
    assert plain[rows].mean() > 50 * plain[~rows].mean()
    assert weighted[rows].mean() == pytest.approx(weighted[~rows].mean(), rel=0.5)
    assert panel.loss("zero", WEIGHTED) == pytest.approx((weighted[rows] + weighted[~rows]) / 2)
    assert panel.primary_losses == ("squared", WEIGHTED)
