"""The next step: from the newest bars, by the final fits, without running code that was not named."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backtest.cli.next_steps import show_next_steps
from backtest.cli.terminal import show_verdict
from backtest.data.errors import ConfigError, DataError, RunError
from backtest.data.reading import synthetic
from backtest.data.result_tables import COVERAGE
from backtest.data.run_files import MANIFEST, read_manifest, write_json
from backtest.forecast.intervals import Interval
from backtest.forecast.next_step import next_steps
from backtest.reports.formats import plain
from backtest.reports.wording.evidence import sentences
from backtest.reports.wording.verdict import headline
from tests.support.command import call
from tests.support.small_run import small, walk

BARS = synthetic.make_bars(900, signal=0.1)


@pytest.fixture
def finished(small_home: Path) -> Path:
    """A small run over BARS, which lie two folders above."""
    return small_home / "runs" / "small"


def test_the_forecast_starts_from_the_last_close(finished: Path) -> None:
    steps, verdict = next_steps(finished)
    close, time = BARS["close"][-1], BARS["time"][-1]
    assert [step.model for step in steps] == ["zero", "naive", "mean", "ar", "ridge", "lstm"]
    assert {step.last_value for step in steps} == {close}
    assert {step.known_at for step in steps} == {time + timedelta(hours=1)}
    assert {step.target_time for step in steps} == {time + timedelta(hours=2)}
    assert {step.time for step in steps} == {time}
    assert headline(verdict)
    zero, naive, mean, *_ = steps
    assert zero.next_value == close
    assert naive.y_hat == pytest.approx(np.log(close / BARS["close"][-2]), rel=1e-9)
    assert naive.next_value == pytest.approx(close**2 / BARS["close"][-2], rel=1e-9)
    assert abs(mean.y_hat) < 1e-3


def test_the_final_fit_uses_bars_after_the_last_fold(finished: Path) -> None:
    prepared = small(data={"source": str(finished.parents[1] / "bars.parquet")})
    assert prepared.final.train.end > prepared.folds[-1].train.end
    assert prepared.final.validation.end == BARS["time"][-1] + timedelta(hours=1)


def test_the_forecast_is_the_mean_over_seeds(finished: Path) -> None:
    steps, _ = next_steps(finished)
    *simple, lstm = steps
    assert [dict(step.by_seed) for step in simple] == [{}] * 5
    assert list(lstm.by_seed) == [0, 1]
    assert lstm.y_hat == pytest.approx(np.mean(list(lstm.by_seed.values())), rel=1e-12)


def test_intervals_and_coverage_come_from_the_errors_of_the_walk(finished: Path) -> None:
    coverage = pl.read_parquet(finished / COVERAGE.file)
    steps, close = next_steps(finished)[0], BARS["close"][-1]
    for step in steps:
        own = coverage.filter(model=step.model)
        assert [one.level for one in step.intervals] == [0.5, 0.8, 0.95]
        for one in step.intervals:
            made = own.filter(pl.col("covered").is_not_null(), level=one.level)
            assert (one.covered, one.n) == (made["covered"].sum(), made["n"].sum())
            width = own.filter(pl.col("fold").is_null(), level=one.level)["half_width"].item()
            low, high = step.ends(one.level) or (0.0, 0.0)
            assert low == pytest.approx(close * np.exp(step.y_hat - width), rel=1e-12)
            assert high == pytest.approx(close * np.exp(step.y_hat + width), rel=1e-12)


def test_a_missing_interval_has_neither_ends_nor_coverage(finished: Path) -> None:
    step = next_steps(finished)[0][0]
    bare = replace(step, intervals=(Interval(0.95, None, 0, 0),))
    assert step.interval(0.6) is None
    assert step.ends(0.6) is None
    assert bare.ends(0.95) is None
    assert bare.intervals[0].share is None


def test_the_terminal_shows_the_widest_interval_its_coverage_and_the_last_bar(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished
    assert call(monkeypatch, "forecast", str(run)) == 0
    told, step = capsys.readouterr().out, next_steps(run)[0][-1]
    low, high = step.ends(0.95) or (0.0, 0.0)
    share = step.intervals[-1].share or 0.0
    assert "95 % interval" in told
    assert f"{low:,.2f} to {high:,.2f}" in told
    assert f"{share:.1%}".replace("%", " %") + f" of {step.intervals[-1].n}" in told
    assert "bar of 2020-02-07 11:00. Forecast of the close at" in told


def test_the_terminal_shows_the_widest_level_whatever_it_is(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = next_steps(finished)[0]
    wide = Interval(0.975, 0.02, 100, 97)
    show_next_steps([replace(step, intervals=(*step.intervals, wide)) for step in steps[:1]] + steps[1:])
    told = capsys.readouterr().out
    assert "97.5 % interval" in told
    assert "97.0 % of 100" in told
    assert "too few errors" in told


def test_the_terminal_prints_the_headline_then_every_candidate(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = next_steps(finished)[1]
    first = verdict.candidates[0]
    both = replace(verdict, candidates=(first, replace(first, model="the_other")))
    show_verdict(both)
    lines = capsys.readouterr().out.strip()
    assert lines.startswith(" ".join(headline(both).split()[:5]))
    assert " ".join(lines.split()).endswith(plain(sentences(both)[-1]))
    assert sentences(both)[1].startswith("The other")
    assert call(monkeypatch, "forecast", str(finished)) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"{plain(headline(verdict))} {plain(sentences(verdict)[0])}" in told


def test_a_run_without_intervals_is_refused_with_a_remedy(finished: Path, tmp_path: Path) -> None:
    old = without(COVERAGE.file, shutil.copytree(finished, tmp_path / "old"))
    with pytest.raises(RunError, match="run `backtest run` again, it writes what is missing"):
        next_steps(old)


def without(name: str, run: Path) -> Path:
    """Take a file out of a run, as if a version had written it that knew no such file."""
    (run / name).unlink()
    manifest = read_manifest(run)
    write_json(
        run / MANIFEST, manifest | {"files": {key: sum_ for key, sum_ in manifest["files"].items() if key != name}}
    )
    return run


def test_unknown_fits_and_wrong_weights_are_refused_by_name(finished: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    manifest = read_manifest(run)
    mean, lstm = (next(fit for fit in manifest["final"] if fit["model"] == name) for name in ("mean", "lstm"))
    write_json(run / MANIFEST, manifest | {"final": [{**lstm, "model": "gone"}]})
    with pytest.raises(RunError, match=r"expected models of zero, naive, .* \(got gone\)"):
        next_steps(run)
    write_json(run / MANIFEST, manifest | {"final": [{**lstm, "folder": mean["folder"]}]})
    with pytest.raises(RunError, match="expected weights of lstm in mean-"):
        next_steps(run)
    write_json(run / MANIFEST, {key: value for key, value in manifest.items() if key != "final"})
    with pytest.raises(RunError, match=r"expected what a finished run writes \(final: "):
        next_steps(run)


def test_newer_bars_move_the_forecast(finished: Path, tmp_path: Path) -> None:
    longer = synthetic.make_bars(950, signal=0.1)
    longer.write_csv(tmp_path / "newer.csv")
    steps, _ = next_steps(finished, data=str(tmp_path / "newer.csv"))
    assert {step.known_at for step in steps} == {longer["time"][-1] + timedelta(hours=1)}
    assert {step.last_value for step in steps} == {longer["close"][-1]}


def test_a_missing_bar_in_the_last_window_is_refused(finished: Path, tmp_path: Path) -> None:
    BARS.filter(pl.int_range(pl.len()) != 895).write_parquet(tmp_path / "hole.parquet")
    with pytest.raises(DataError, match=r"expected 8 complete rows up to .* \(got \d+\): no bar may be missing"):
        next_steps(finished, data=str(tmp_path / "hole.parquet"))


PLUGIN = """
import polars as pl
from backtest.features import feature
from backtest.models import MODELS, model
from backtest.models.baselines import Mean

@feature(lookback=3)
def slope() -> pl.Expr:
    return pl.col("close").log().diff(3)

@model("twice_mean")
def twice_mean(net, train, seed):
    "Twice the mean."
    return Mean()
"""


@pytest.mark.usefixtures("open_tables")
def test_plugins_run_only_if_named_and_come_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_plugin.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    changes = {"plugins": ["my_own_plugin"], "features": ["slope"], "models": ["twice_mean"]}
    outcome = walk(tmp_path / "run", plan=small(**changes, executor="loky", jobs=2))
    assert outcome.verdict.model == "twice_mean"
    with pytest.raises(ConfigError, match="--plugins: this run uses the plugin my_own_plugin, which is code"):
        next_steps(tmp_path / "run")
    steps, _ = next_steps(tmp_path / "run", plugin_names=["my_own_plugin"])
    assert steps[-1].model == "twice_mean"
    monkeypatch.delitem(sys.modules, "my_own_plugin")
