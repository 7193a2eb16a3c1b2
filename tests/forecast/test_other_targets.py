"""The next step of runs that forecast no return: variances, directions and levels, of files without prices too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest.cli import terminal
from backtest.cli.next_steps import show_next_steps
from backtest.data.bar_variances import annual_volatility
from backtest.data.errors import ConfigError, WrongSchema
from backtest.data.reading import synthetic
from backtest.data.run_files import MANIFEST, read_manifest, write_json
from backtest.features.external import external
from backtest.forecast.next_step import next_steps
from backtest.forecast.step import NextStep
from tests.support.command import call
from tests.support.small_run import small, walk

pytestmark = pytest.mark.integration

BARS = synthetic.make_bars(900, signal=0.1)
RETURNS = np.diff(np.log(BARS["close"].to_numpy()))
NET = {"net": {"window": 24}}
COLUMNS = {"name": "log_mean", "window": 5, "column": "RV"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small runs, each of two horizons: `variance` and `direction` on bars, `RV` and `spread` on files without them."""
    folder = tmp_path_factory.mktemp("forecast")
    days = pl.date_range(pl.date(2015, 1, 1), pl.date(2017, 12, 31), eager=True)
    weekdays = days.filter(days.dt.weekday() < 6)
    rng = np.random.default_rng(0)
    variances, levels = np.exp(rng.normal(size=len(weekdays)) - 9), rng.normal(size=len(days)).cumsum() / 100
    pl.DataFrame({"date": weekdays, "RV": variances}).write_parquet(folder / "RV.parquet")
    pl.DataFrame({"date": days, "spread": levels, "RV": levels**2}).write_parquet(folder / "spread.parquet")
    BARS.write_parquet(folder / "bars.parquet")
    reads = [{"name": "change", "bars": 1, "column": "spread"}, {**COLUMNS, "window": 1}]
    for name, settings in {
        "variance": about("log_variance", [1, 6], "bars", models=["har"]),
        "direction": about("direction", [1, 6], "bars", models=["ridge"]),
        "RV": about("log_variance.RV", [1, 5], "RV", models=["har"], features=[COLUMNS]),
        "spread": about("series.spread", [1, 5], "spread", models=["ridge"], features=reads),
    }.items():
        settings["data"]["source"] = str(folder / settings["data"]["source"])
        walk(folder / name, plan=small(**settings))
    return folder


def about(kind: str, horizons: list[int], source: str, **settings: Any) -> dict[str, Any]:
    """Settings of a small run."""
    data, target = {"source": f"{source}.parquet"}, {"kind": kind, "horizons": horizons}
    return {**NET, "features": ["log_return"], "data": data, "target": target, **settings}


def of(run: Path, model: str) -> dict[int, NextStep]:
    """The forecasts of a model by horizon."""
    return {step.horizon: step for step in next_steps(run)[0] if step.model == model}


def test_a_variance_is_that_of_the_next_bars_together_and_annualised_by_the_calendar(runs: Path) -> None:
    steps = of(runs / "variance", "random_walk")
    assert {step.bars_per_year for step in steps.values()} == {8760.0}
    for horizon, step in steps.items():
        assert step.y_hat == pytest.approx((RETURNS[-horizon:] ** 2).sum(), rel=1e-9)
        assert step.volatility == pytest.approx(np.sqrt((RETURNS[-horizon:] ** 2).mean() * 24 * 365), rel=1e-9)
        assert step.target_time == BARS["time"][-1] + timedelta(hours=1 + horizon)
        assert (step.last_value, step.next_value, step.intervals, step.ends(0.95)) == (None, None, (), None)
    assert [*steps] == [1, 6]


def test_without_a_calendar_or_a_known_unit_a_variance_is_not_annualised(runs: Path) -> None:
    step = of(runs / "variance", "har")[6]
    assert step.volatility is not None
    assert replace(step, bars_per_year=None).volatility is None
    assert replace(step, target="direction").volatility is None
    own = of(runs / "RV", "har")[5]
    assert (own.volatility, own.about.unit) == (None, "as in its column")
    assert own.bars_per_year == pytest.approx(261, abs=1)
    assert annual_volatility(-1.0, 1, 252.0) == 0.0
    assert annual_volatility(0.0004 * 5, 5, 252.0) == pytest.approx(0.02 * np.sqrt(252))


def test_a_run_of_a_version_without_a_calendar_is_forecast(runs: Path) -> None:
    manifest = read_manifest(runs / "variance")
    data = {key: value for key, value in manifest["data"].items() if key != "bars_per_year"}
    try:
        write_json(runs / "variance" / MANIFEST, manifest | {"data": data})
        assert of(runs / "variance", "har")[1].volatility is None
    finally:
        write_json(runs / "variance" / MANIFEST, manifest)


def test_a_direction_is_a_probability_that_leads_to_no_close(runs: Path) -> None:
    coin, rate = of(runs / "direction", "coin"), of(runs / "direction", "base_rate")
    assert {step.y_hat for step in coin.values()} == {0.5}
    for horizon, step in rate.items():
        closes = BARS["close"].to_numpy()
        assert step.y_hat == pytest.approx((closes[horizon:] > closes[:-horizon]).mean(), abs=0.02)
        assert (step.last_value, step.next_value, step.volatility) == (BARS["close"][-1], None, None)
        assert step.intervals == ()


def test_a_change_leads_from_the_level_now_to_the_level_ahead(runs: Path) -> None:
    level = pl.read_parquet(runs / "spread.parquet")["spread"]
    naive, zero = of(runs / "spread", "naive"), of(runs / "spread", "zero")
    for horizon, step in naive.items():
        assert step.last_value == level[-1]
        assert step.y_hat == pytest.approx(level[-1] - level[-1 - horizon], abs=1e-12)
        assert step.next_value == pytest.approx(2 * level[-1] - level[-1 - horizon], abs=1e-12)
        widest = step.interval(0.95)
        assert widest is not None
        assert widest.half_width is not None
        ends = (step.next_value or 0) - widest.half_width, (step.next_value or 0) + widest.half_width
        assert step.ends(0.95) == pytest.approx(ends, abs=1e-12)
        assert zero[horizon].next_value == level[-1]
        assert step.volatility is None


@pytest.mark.usefixtures("open_tables")
def test_the_level_of_an_external_series_is_the_one_in_force_at_the_last_close(tmp_path: Path) -> None:
    bars = synthetic.make_bars(700, signal=0.1)
    level = np.random.default_rng(1).normal(size=700).cumsum()

    @external(name="rates")
    def rates() -> pl.DataFrame:
        """A level that is published two bars after the bar that it is about."""
        closes = bars["time"] + timedelta(hours=1)
        return pl.DataFrame({"time": closes, "known_at": closes + timedelta(hours=2), "level": level})

    features = [{"name": "change", "bars": 1, "column": "rates.level"}]
    settings = {**NET, "models": ["ridge"], "features": features, "target": {"kind": "series.rates.level"}}
    walk(tmp_path / "run", plan=small(**settings, data={"source": "synthetic:n=700,signal=0.1"}))
    step = of(tmp_path / "run", "naive")[1]
    assert step.last_value == level[-3]
    assert step.next_value == pytest.approx(2 * level[-3] - level[-4])


SHOWN = {
    "variance": (
        "Forecast of the variance from squared returns of the next bar, up to the close at 2020-02-07 13:00 UTC:",
        "of the next 6 bars together, up to the close at 2020-02-07 18:00 UTC:",
        ["model", "variance, %²", "volatility a year"],
    ),
    "direction": (
        "bar of 2020-02-07 11:00. Forecast of the direction up to the close at 2020-02-07 13:00 UTC:",
        "Forecast of the direction up to the close at 2020-02-07 18:00 UTC:",
        ["model", "probability of a rise"],
    ),
    "RV": (
        "RV: bar of 2017-12-29. Forecast of the variance rv of the next bar, up to the close of the next session:",
        "of the next 5 bars together, up to the close 5 sessions ahead:",
        ["model", "variance"],
    ),
    "spread": (
        "bar of 2017-12-31. Forecast of the level of spread at the close at 2018-01-02 00:00 UTC:",
        "Forecast of the level of spread at the close at 2018-01-06 00:00 UTC:",
        ["model", "change", "level ahead", "95 % interval", "coverage so far"],
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_the_terminal_shows_each_horizon_within_80_columns(
    runs: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal.console, "_width", 80)
    assert call(monkeypatch, "forecast", str(runs / name)) == 0
    told = capsys.readouterr().out
    near, far, heads = SHOWN[name]
    assert max(map(len, told.splitlines())) <= 80
    assert near in " ".join(told.split())
    assert far in " ".join(told.split())
    rows = [line.split("  ") for line in told.splitlines() if line.startswith("model ")]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [heads, heads]
    assert "too few errors" not in told


def test_the_terminal_shows_numbers_in_their_units(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = of(runs / "variance", "har")[1]
    show_next_steps([replace(first, y_hat=0.0004, horizon=4, bars_per_year=252.0)])
    assert row(capsys, "HAR") == ["HAR", "4.000", "15.9 %"]
    show_next_steps([replace(of(runs / "direction", "ridge")[1], y_hat=0.5234)])
    assert row(capsys, "ridge") == ["ridge", "52.3 %"]
    level = replace(of(runs / "spread", "ridge")[1], y_hat=-0.00125, last_value=-0.25)
    assert level.intervals[-1].half_width
    half = replace(level.intervals[-1], half_width=0.01, n=200, covered=190)
    show_next_steps([replace(level, intervals=(half,))])
    assert row(capsys, "ridge") == ["ridge", "-0.001250", "-0.251250", "-0.261250 to -0.241250", "95.0 % of 200"]
    show_next_steps([replace(of(runs / "RV", "har")[1], y_hat=0.0)])
    assert row(capsys, "HAR") == ["HAR", "0.00"]


def row(capsys: pytest.CaptureFixture[str], model: str) -> list[str]:
    """The cells of a model's row in what was printed."""
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"{model} ")]
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_newer_bars_without_what_is_forecast_are_refused(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongSchema, match="expected a column rv, which the settings name"):
        next_steps(runs / "RV", data=str(runs / "bars.parquet"))
    hourly = BARS.select("time", spread="close", RV="volume")
    hourly.write_parquet(tmp_path / "spread.parquet")
    with pytest.raises(ConfigError, match=r"--data: expected bars of SPREAD every 1d, as in the run .got SPREAD every"):
        next_steps(runs / "spread", data=str(tmp_path / "spread.parquet"))
