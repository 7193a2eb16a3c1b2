"""The table of features: joining it, and spelling its entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl
import pytest

from backtest.data.errors import ConfigError
from backtest.features import FEATURES, feature
from backtest.features.catalog import Spec, resolve


@pytest.fixture(autouse=True)
def _same_table_afterwards() -> Iterator[None]:
    before = dict(FEATURES)
    yield
    FEATURES.clear()
    FEATURES.update(before)


def columns(*specs: Spec) -> list[str]:
    return [column for one in resolve(specs) for column in one.columns]


def test_a_string_names_its_own_column() -> None:
    names = ["log_return", "rolling_mean_24", "rolling_std_24", "volume_norm", "momentum_12", "range"]
    assert columns(*names) == names


def test_a_mapping_and_a_string_name_the_same_feature() -> None:
    mapped = resolve([{"name": "rolling_mean", "window": 7}])[0]
    spelt = resolve(["rolling_mean_7"])[0]
    assert mapped.columns == spelt.columns == ("rolling_mean_7",)
    assert mapped.lookback == spelt.lookback == 7
    assert str(mapped.exprs[0]) == str(spelt.exprs[0])


def test_what_a_feature_reads_follows_a_dot() -> None:
    names = ["series.funding.rate", "change_5.spread", "zscore_20.funding.rate", "log_mean_22.rv"]
    assert columns(*names) == names
    mapped = resolve([{"name": "change", "bars": 5, "column": "spread"}, {"name": "series", "column": "funding.rate"}])
    assert [one.columns for one in mapped] == [("change_5.spread",), ("series.funding.rate",)]
    assert [one.outside for one in resolve(names)] == [("funding",), (), ("funding",), ()]
    with pytest.raises(ConfigError, match=r"'momentum_5\.rate': .*unexpected keyword argument 'column'; parameters of"):
        resolve(["momentum_5.rate"])


def test_a_feature_may_have_several_columns() -> None:
    assert columns("hour_of_week") == ["hour_of_week_sin", "hour_of_week_cos"]


def test_lookbacks_are_those_of_the_parameters() -> None:
    specs = ["log_return", "rolling_mean", "rolling_std_30", "volume_norm_30", "range", "range_5", "momentum_3"]
    assert [one.lookback for one in resolve(specs)] == [1, 24, 30, 29, 0, 4, 3]
    assert resolve(["taker_imbalance"])[0].requires == ("taker_buy_volume",)


def test_a_users_feature_joins_by_decorating_a_function() -> None:
    @feature(lookback=24)
    def my_momentum() -> pl.Expr:
        return pl.col("close") - pl.col("close").shift(24)

    @feature(lookback=lambda fast, slow, share: slow)
    def crossing(fast: int = 3, slow: int = 9, share: float = 0.5) -> Mapping[str, pl.Expr]:
        return {"fast": pl.col("close").shift(fast), "slow": pl.col("close").shift(slow) * share}

    assert isinstance(my_momentum(), pl.Expr)
    specs: list[Spec] = ["my_momentum", "crossing", "crossing_2", {"name": "crossing", "slow": 5}, "crossing_2_4_0.25"]
    assert columns(*specs) == [
        "my_momentum",
        *("crossing_fast", "crossing_slow", "crossing_2_fast", "crossing_2_slow"),
        *("crossing_3_5_fast", "crossing_3_5_slow", "crossing_2_4_0.25_fast", "crossing_2_4_0.25_slow"),
    ]
    assert [one.lookback for one in resolve(specs)] == [24, 9, 9, 5, 4]


def test_the_longest_registered_name_is_meant() -> None:
    @feature(lookback=0)
    def momentum_2() -> pl.Expr:
        return pl.col("close")

    assert [one.lookback for one in resolve(["momentum_2", "momentum_3"])] == [0, 3]


def test_a_name_is_registered_once_but_the_same_code_again() -> None:
    def define(shift: int) -> None:
        if shift == 1:

            @feature(lookback=1)
            def twice() -> pl.Expr:
                return pl.col("close").shift(1)
        else:

            @feature(lookback=2)
            def twice() -> pl.Expr:
                return pl.col("close").shift(2)

    define(1)
    define(1)
    with pytest.raises(ConfigError, match=r"features: twice of module \S+ is taken by other code in module \S+: give"):
        define(2)
    assert resolve(["twice"])[0].lookback == 1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "rolling_maen_24",
            r"'rolling_maen_24' is not known; nearest: rolling_mean, rolling_beta, rolling_std; `backtest list`",
        ),
        (
            "nothing_like_it",
            r"nearest: change, hour_of_week, lead_lag, .*, zscore; `backtest list` shows them all",
        ),
        ("rolling_mean_", "'rolling_mean_' is not known; nearest: rolling_mean"),
        ("", "'' is not known"),
        ({"window": 24}, r"\{'window': 24\} is not known"),
        ("rolling_mean_24_3", "too many positional arguments; parameters of rolling_mean: window"),
        ("log_return_2", "too many positional arguments; parameters of log_return: none"),
        ({"name": "momentum", "window": 3}, "unexpected keyword argument 'window'; parameters of momentum: k"),
        ({"name": "momentum", "k": "3"}, r"k: must be int \(got '3'\)"),
        ({"name": "momentum", "k": True}, r"k: must be int \(got True\)"),
        ("momentum_1.5", r"k: must be int \(got 1\.5\)"),
        ("momentum_0", r"'momentum_0': k: must be at least 1 \(got 0\)"),
        ({"name": "rolling_mean", "window": -24}, r"window: must be at least 1 \(got -24\)"),
        ("rolling_std_1", r"'rolling_std_1': window: must be at least 2 \(got 1\)"),
        ("range_0", r"'range_0': window: must be at least 1 \(got 0\)"),
    ],
)
def test_unusable_settings_are_refused_in_plain_words(spec: Spec, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve([spec])


def test_one_feature_is_not_taken_twice() -> None:
    again: list[Spec] = [
        "volume_norm",
        "volume_norm_24",
        {"name": "volume_norm"},
        {"name": "volume_norm", "window": 24},
    ]
    for spec in again:
        with pytest.raises(ConfigError, match=r"is the same feature as 'volume_norm': remove one of them"):
            resolve(["volume_norm", spec])


def test_columns_of_the_table_are_not_overwritten() -> None:
    @feature(lookback=0)
    def target() -> dict[str, pl.Expr]:
        return {"time": pl.col("close")}

    @feature(lookback=0)
    def y_hat() -> pl.Expr:
        return pl.col("close")

    with pytest.raises(ConfigError, match="'target' makes a column target_time, a name that is taken"):
        resolve(["target"])
    with pytest.raises(ConfigError, match="'y_hat' makes a column y_hat, a name that is taken"):
        resolve(["y_hat"])


def test_a_feature_that_breaks_is_named() -> None:
    @feature(lookback=-1)
    def ahead() -> pl.Expr:
        return pl.col("close")

    @feature(lookback=0)
    def broken() -> pl.Expr:
        raise ValueError("no such thing")

    with pytest.raises(ConfigError, match=r"'ahead': lookback: must be at least 0 \(got -1\)"):
        resolve(["ahead"])
    with pytest.raises(ConfigError, match="'broken': no such thing"):
        resolve(["broken"])


def test_a_tolerance_stays_with_the_feature() -> None:
    def define(tolerance: float) -> None:
        @feature(lookback=3, tolerance=tolerance)
        def smooth() -> pl.Expr:
            return pl.col("close").ewm_mean(half_life=1)

    define(0.01)
    define(0.01)
    assert [one.tolerance for one in resolve(["smooth", "log_return"])] == [0.01, 0.0]
    with pytest.raises(ConfigError, match=r"features: smooth of module .* is taken by other code"):
        define(0.02)


@pytest.mark.parametrize("tolerance", [-0.1, float("inf"), float("nan")])
def test_a_tolerance_is_a_finite_number_that_is_not_negative(tolerance: float) -> None:
    with pytest.raises(ConfigError, match=r"features: forgetful: tolerance: must be a finite number .* \(got "):

        @feature(lookback=0, tolerance=tolerance)
        def forgetful() -> pl.Expr:
            return pl.col("close")

    assert "forgetful" not in FEATURES
