"""Tests of a user's own targets and losses: they are entered once, checked at once, and do as they are told."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest.data.errors import ConfigError
from backtest.data.losses import LOSSES
from backtest.data.own_entries import loss, target
from backtest.data.targets import TARGETS

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


def test_a_target_of_an_unknown_loss_or_without_expression_is_refused() -> None:
    with pytest.raises(ConfigError, match="target 'tomorrow': losses: unknown pinball: it may be one of squared"):
        target("tomorrow", losses=["pinball"])
    with pytest.raises(ConfigError, match="target 'tomorrow': expected a polars expression over the columns of bars"):
        target("tomorrow")(lambda horizon: horizon)
    assert "tomorrow" not in TARGETS
