"""Features of another asset: read from its bars as of the time they were known, null where it has none."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from backtest.data.errors import ConfigError
from backtest.features.catalog import Spec, resolve
from backtest.features.pipeline import build
from tests.support.odd_bars import plain
from tests.support.strategies import HOUR

OWN, ETH = plain(80), plain(80, "ETH", seed=1)
TWO: Spec = {"name": "rolling_correlation", "window": 12, "of": "ETH"}


def series(bars: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Bars of another asset as a series."""
    close = pl.col("time") + HOUR
    return {"ETH": bars.drop("symbol").with_columns(time=close, known_at=close, expires=close)}


def test_a_column_says_whose_feature_it_is() -> None:
    specs: list[Spec] = [
        {"name": "log_return", "of": "ETH"},
        {"name": "rolling_mean", "window": 7, "of": "ETH"},
        {"name": "hour_of_week", "of": "ETH"},
        {"name": "change", "bars": 2, "column": "volume", "of": "ETH"},
        TWO,
        "rolling_mean_7",
    ]
    made = resolve(specs)
    assert [column for one in made for column in one.columns] == [
        *("log_return_of_ETH", "rolling_mean_7_of_ETH", "hour_of_week_sin_of_ETH", "hour_of_week_cos_of_ETH"),
        *("change_2.volume_of_ETH", "rolling_correlation_12_of_ETH", "rolling_mean_7"),
    ]
    assert [one.of for one in made] == ["ETH", "ETH", "ETH", "ETH", "", ""]
    assert [one.requires for one in made] == [("ETH.close",), ("ETH.close",), (), ("ETH.volume",), ("ETH.close",), ()]


def test_every_feature_of_another_asset_is_what_it_is_of_its_own_bars() -> None:
    specs = ["log_return", "range_3", "volume_norm_12", "hour_of_week", "scaled_return_8", "level_3.volume"]
    alone = build(ETH, specs)
    named: list[dict[str, object]] = [{"name": "log_return"}, {"name": "range", "window": 3}]
    named += [{"name": "volume_norm", "window": 12}]
    named += [{"name": "hour_of_week"}, {"name": "scaled_return", "window": 8}]
    named += [{"name": "level", "window": 3, "column": "volume"}]
    mixed: list[Spec] = ["momentum_2", *({**one, "of": "ETH"} for one in named), "rolling_std_5"]
    made = build(OWN, mixed, external=series(ETH))
    for column in [name for one in resolve(specs) for name in one.columns]:
        assert made[f"{column}_of_ETH"].equals(alone[column], check_names=False), column
    own = build(OWN, ["momentum_2", "rolling_std_5"])
    assert made.columns[5:7] == ["momentum_2", "log_return_of_ETH"]
    assert made.columns[-3:] == ["rolling_std_5", "y_log_return_1", "target_time"]
    assert made.select(own.columns).equals(own)


def test_a_bar_that_is_missing_of_the_other_asset_is_null_and_nothing_is_carried_on() -> None:
    gaps = ETH.filter(~pl.int_range(pl.len()).is_in([30, 31]))[10:]
    made = build(OWN, [{"name": "log_return", "of": "ETH"}, TWO], external=series(gaps))
    assert made["log_return_of_ETH"].is_null().arg_true().to_list() == [*range(11), 30, 31, 32]
    assert made["rolling_correlation_12_of_ETH"].is_null().arg_true().to_list() == [*range(22), *range(30, 44)]


def test_the_asset_that_leads_is_told_by_its_sign() -> None:
    moves = np.random.default_rng(0).normal(0, 0.01, 400)
    first, second = (
        plain(400).with_columns(close=pl.Series(100 * np.exp(np.roll(moves, shift).cumsum()))) for shift in (0, 1)
    )
    spec: Spec = {"name": "lead_lag", "window": 200, "of": "ETH"}
    follows = build(second, [spec], external=series(first)).to_series(5)
    leads = build(first, [spec], external=series(second)).to_series(5)
    assert follows[-1] == pytest.approx(1.0, abs=0.25)
    assert leads[-1] == pytest.approx(-follows[-1], abs=1e-12)
    beta: Spec = {"name": "rolling_beta", "window": 50, "of": "ETH"}
    doubled = first.with_columns(close=pl.col("close").pow(2) / 100)
    assert build(doubled, [beta], external=series(first)).to_series(5)[-1] == pytest.approx(2.0, abs=1e-9)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rolling_beta_12", r"'rolling_beta_12': missing a required .*'of'; parameters of rolling_beta: window, of"),
        ({"name": "log_return", "of": 3}, r"of: must be the name of an asset in context\.symbols \(got 3\)"),
        ({"name": "log_return", "of": "ETC"}, r"external: 'ETC' is not known .*, or an asset in context\.symbols"),
        ({"name": "taker_imbalance", "of": "ETH"}, r"taker_imbalance_of_ETH needs ETH\.taker_buy_volume, which these"),
    ],
)
def test_a_feature_of_an_asset_that_is_not_there_is_refused(spec: Spec, message: str) -> None:
    external = series(ETH) if "ETC" not in str(spec) else None
    with pytest.raises(ConfigError, match=message):
        build(OWN, [spec], external=external)
