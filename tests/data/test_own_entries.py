"""Tests of a user's own targets and losses: they are entered once, checked at once, and do as they are told."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest.data.errors import ConfigError
from backtest.data.losses import LOSSES
from backtest.data.own_entries import loss, target
from backtest.data.question import Question
from backtest.data.reading.synthetic import make_bars
from backtest.data.targets import TARGETS, target_of
from tests.support.small_run import small

pytestmark = pytest.mark.usefixtures("open_tables")


def too_low(y: Any, y_hat: Any) -> Any:
    return np.where(y > y_hat, 3.0, 1.0) * (y - y_hat) ** 2


def tomorrow(horizon: int) -> pl.Expr:
    return pl.col("volume").shift(-horizon)


def test_a_loss_of_arrays_is_a_loss_of_columns_in_groups_too() -> None:
    assert loss("too_low")(too_low) is too_low
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"group": [0, 0, 0, 1, 1, 1, 1], "y": rng.normal(size=7), "y_hat": rng.normal(size=7)})
    found = frame.group_by("group", maintain_order=True).agg(LOSSES["too_low"](pl.col("y"), pl.col("y_hat")).mean())
    parts = [
        too_low(*(part[name].to_numpy() for name in ("y", "y_hat"))).mean() for part in frame.partition_by("group")
    ]
    np.testing.assert_allclose(found.to_series(1), parts, rtol=1e-12)


@pytest.mark.parametrize("wrong", [lambda y, y_hat: np.mean(y - y_hat), lambda y, y_hat: y / 0 * y_hat * np.nan])
def test_a_loss_that_is_no_number_for_each_row_is_refused(wrong: Any) -> None:
    with (
        np.errstate(all="ignore"),
        pytest.raises(ConfigError, match="loss 'wrong': expected one finite number for each"),
    ):
        loss("wrong")(wrong)
    assert "wrong" not in LOSSES


def test_names_that_are_taken_are_refused_and_a_changed_function_replaces_itself() -> None:
    loss("too_low")(too_low)
    loss("too_low")(too_low)
    target("tomorrow")(tomorrow)
    target("tomorrow", rival="zero")(tomorrow)
    assert TARGETS["tomorrow"].rival == "zero"
    with pytest.raises(ConfigError, match=r"loss 'squared': the name is taken by backtest\.data\.losses\.squared"):
        loss("squared")(too_low)
    with pytest.raises(ConfigError, match=r"target 'log_return': the name is taken by backtest\.data\.targets\.log_"):
        target("log_return")(tomorrow)


def test_a_loss_is_tabulated_of_targets_of_its_scales_alone() -> None:
    loss("too_low", scales=["variance"])(too_low)
    assert "too_low" in Question("log_variance", "qlike", "log_har").losses
    assert "too_low" not in Question().losses
    with pytest.raises(ConfigError, match="loss 'too_low': scales: unknown variances: it may be one of return, var"):
        loss("too_low", scales=["variances"])  # type: ignore[list-item]


def test_a_variance_is_entered_by_the_variance_of_a_bar() -> None:
    def absolute_range() -> pl.Expr:
        return (pl.col("high") / pl.col("low")).log().pow(2)

    target("range_variance", scale="variance")(absolute_range)
    made = TARGETS["range_variance"]
    bars = make_bars(60)
    own = bars.select(absolute_range()).to_series().to_numpy()
    outcomes = bars.select(made.outcome(3)).to_series().to_numpy()
    np.testing.assert_allclose(outcomes[:-3], own[1:-2] + own[2:-1] + own[3:], rtol=1e-12)
    assert np.isnan(outcomes[-3:]).all()
    assert (made.rival, made.losses[0], made.unit) == ("log_har", "qlike", "squared log return")
    assert made.bounds[0] == 0
    assert {*made.columns} == {"high", "low"}
    assert made.outcome.__module__ == __name__  # so that workers are told of it


def test_what_a_target_reads_is_what_its_expression_names_unless_it_says_so() -> None:
    assert TARGETS["log_return"].columns == ("close",)
    assert TARGETS["log_variance_parkinson"].columns == ("high", "low")
    assert target_of("series.measures.spread").columns == ("measures.spread",)
    target("tomorrow")(tomorrow)
    assert [*TARGETS["tomorrow"].columns] == ["volume"]
    target("tomorrow", reads=["volume", "measures.spread"])(tomorrow)
    assert [*TARGETS["tomorrow"].columns] == ["volume", "measures.spread"]


def test_a_probability_has_the_losses_and_the_rival_of_one() -> None:
    target("busier", scale="probability")(lambda horizon: pl.col("volume").shift(-horizon) > pl.col("volume"))
    made = TARGETS["busier"]
    assert (made.rival, made.losses[0], made.bounds, made.neutral) == ("base_rate", "brier", (0.0, 1.0), 0.5)
    assert (made.title, made.formula) == ("busier", "")
    assert not made.tradable


def test_an_outcome_beyond_the_bounds_is_found_before_anything_is_fitted() -> None:
    target("tomorrow", bounds=(0.0, 1e-3))(tomorrow)
    with pytest.raises(ConfigError, match=r"target\.kind: tomorrow: expected outcomes from 0 to 0\.001 \(got \d"):
        small(models=["ridge"], target={"kind": "tomorrow"})
    target("tomorrow", bounds=(0.0, 1e9))(tomorrow)
    assert small(models=["ridge"], target={"kind": "tomorrow"}).tasks


def test_a_target_of_an_unknown_loss_or_without_expression_is_refused() -> None:
    with pytest.raises(ConfigError, match="target 'tomorrow': losses: unknown pinball: it may be one of squared"):
        target("tomorrow", losses=["pinball"])
    with pytest.raises(ConfigError, match="target 'tomorrow': expected a polars expression over the columns of bars"):
        target("tomorrow")(lambda horizon: horizon)
    with pytest.raises(
        ConfigError, match=r"target 'tomorrow': expected a function of nothing, for the variance of a b"
    ):
        target("tomorrow", scale="variance")(tomorrow)
    with pytest.raises(ConfigError, match=r"target 'tomorrow': scale: unknown level: it may be one of return, varianc"):
        target("tomorrow", scale="level")  # type: ignore[arg-type]
    assert "tomorrow" not in TARGETS
