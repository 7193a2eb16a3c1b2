"""SYMBOLS: the test on each symbol is that of a run on it alone, and without it that of a run on the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest.evaluation.loss_panel import LossPanel, loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.symbols import by_symbol
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.multiple_testing import holm
from tests.support.forecasts import forecast_table

N = 300


def panels_of(*symbols: str) -> list[LossPanel]:
    """Forecasts of two models on random returns; the first symbol has a signal that one of them knows."""
    tables = []
    for symbol in symbols:
        rng = np.random.default_rng(ord(symbol))
        signal = rng.standard_normal(N) * (symbol == "A")
        y = signal + rng.standard_normal(N) * (ord(symbol) - ord("A") + 1)
        still = np.zeros(N)
        made: dict[tuple[str, int | None], np.ndarray] = {
            ("zero", None): still,
            ("naive", None): rng.standard_normal(N),
        }
        made |= {
            ("gru", None): 0.8 * signal + 0.05 * rng.standard_normal(N),
            ("lstm", None): 0.1 * rng.standard_normal(N),
        }
        tables.append(forecast_table(y, made).with_columns(symbol=pl.lit(symbol)))
    return loss_panels(match_forecasts(pl.concat(tables)))


def table(*symbols: str) -> dict[tuple[str, str], dict[str, Any]]:
    """SYMBOLS by model and symbol."""
    return {(row["model"], row["symbol"]): row for row in by_symbol(panels_of(*symbols)).iter_rows(named=True)}


def test_one_symbol_is_no_table() -> None:
    assert by_symbol(panels_of("A")).is_empty()


def test_a_symbol_is_tested_as_alone_and_left_out_as_if_it_were_not_there() -> None:
    found = table("A", "B", "C")
    for symbol in "ABC":
        (alone,) = panels_of(symbol)
        (others,) = panels_of(*({*"ABC"} - {symbol}))
        for model in ("gru", "lstm"):
            row = found[model, symbol]
            expected = diebold_mariano(alone.loss(model), alone.rival_loss(), alternative="less").p_value
            assert row["p_value"] == pytest.approx(expected, rel=1e-9)
            without = diebold_mariano(others.loss(model), others.rival_loss(), alternative="less").p_value
            assert row["p_without"] == pytest.approx(without, rel=1e-9)
            assert row["skill_without"] == pytest.approx(1 - others.loss(model).mean() / others.rival_loss().mean())
            assert row["n"] == N


def test_p_values_are_adjusted_over_symbols_and_models_without_the_references() -> None:
    found = table("A", "B", "C")
    keys = [key for key in found if key[0] != "naive"]
    adjusted = holm([found[key]["p_value"] for key in keys])
    assert [found[key]["p_adjusted"] for key in keys] == pytest.approx(adjusted.tolist())
    assert all(found["naive", symbol]["p_adjusted"] is None for symbol in "ABC")


def test_the_symbol_that_carries_a_result_shows() -> None:
    found = table("A", "B", "C")
    assert found["gru", "A"]["p_adjusted"] < 1e-6
    assert found["gru", "A"]["p_without"] > 0.05 > found["gru", "B"]["p_without"]
