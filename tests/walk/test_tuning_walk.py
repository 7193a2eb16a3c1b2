"""Tuning within the walk: what each fold chooses, what its key covers, what it costs and what the report says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest.data.errors import ConfigError
from backtest.data.schema import FITS, check
from backtest.forecast.next_step import next_steps
from backtest.models import ModelSettings, model
from backtest.models.tuning import combinations
from backtest.models.windows import Floats, Windows
from backtest.walk.config_file import build, load, parse
from backtest.walk.engine import walk_in_memory
from backtest.walk.tasks import learning_windows
from tests.support.small_run import small, walk

GRID = {"share": [0.0, 2.0, 12.0], "shift": [0.0, 1.0]}


class ShrunkSettings(ModelSettings):
    share: float = 0.5
    shift: float = 0.0


class Shrunk:
    """A share of the mean outcome, and a shift."""

    def __init__(self, settings: ShrunkSettings) -> None:
        self.share, self.shift = settings.share, settings.shift

    def fit(self, train: Windows, validation: Windows) -> None:
        self.level = self.share * float(train.y.mean()) + self.shift

    def predict(self, windows: Windows) -> Floats:
        return np.full(len(windows), self.level)


@pytest.fixture
def shrunk(open_tables: None) -> None:
    model("shrunk", settings=ShrunkSettings)(Shrunk)


def tuned(**tables: Any) -> Any:
    return small(**{"models": ["shrunk"], "folds": {"test": 190}, "tune": {"shrunk": GRID}, **tables})


def test_each_fold_chooses_by_its_own_validation_span(shrunk: None, tmp_path: Path) -> None:
    plan, folder = tuned(), tmp_path / "run"
    verdict = walk(folder, plan=plan).verdict
    assert [one.model for one in verdict.candidates] == ["shrunk"], "one candidate of the verdict"
    fits = check(pl.read_parquet(folder / "fits.parquet"), FITS).filter(model="shrunk")
    chosen = pl.read_parquet(folder / "forecasts.parquet").filter(model="shrunk")
    for fold in plan.folds:
        train, validation = learning_windows(plan.rows, fold, plan.config.net.window)
        mean = float(train.y.mean())
        losses = {share: float(np.mean((validation.y - share * mean) ** 2)) for share in GRID["share"]}
        best = min(losses, key=lambda share: losses[share])
        assert chosen.filter(fold=fold.index)["y_hat"].to_numpy() == pytest.approx(best * mean, rel=1e-12)
        (fit,) = fits.filter(fold=fold.index).to_dicts()
        assert (fit["chosen"], fit["candidates"]) == (f"share = {best}, shift = 0.0", 6)
        assert fit["chosen_loss"] == pytest.approx(losses[best])
        assert fit["worst_loss"] > 100 * fit["chosen_loss"]
    assert fits["chosen"].n_unique() > 1, "or the folds would say nothing"
    assert {one.model for one in next_steps(folder)[0]} == {"zero", "naive", "shrunk"}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["tuning"]["fits"], manifest["tasks"]["total"]) == (6 * len(fits), 6 * len(fits) + 2 * len(fits))


def test_a_run_without_tuning_has_the_tables_it_had(shrunk: None) -> None:
    fits = walk_in_memory(small(models=["shrunk"], folds={"test": 190})).fits
    assert fits.columns == FITS.names
    assert "chosen" not in fits.columns


def keys(**tables: Any) -> set[str]:
    return {task.key for task in tuned(**tables).tasks if task.model == "shrunk"}


def test_a_key_covers_what_is_tried_and_by_which_loss(shrunk: None) -> None:
    grids: list[dict[str, Any]] = [
        {"tune": {"shrunk": {"share": GRID["share"]}}},
        {"tune": {"shrunk": {**GRID, "budget": 3}}},
        {"tune": {}},
        {"question": {"loss": "absolute"}},
    ]
    every = [keys(), *(keys(**grid) for grid in grids)]
    assert len(set[str]().union(*every)) == sum(map(len, every))
    assert keys(model={"shrunk": {"share": 0.7}}) == keys(), "what is tuned is not read elsewhere"
    assert keys(tune={"shrunk": {**GRID, "budget": 6}}) == keys()


def test_tuning_is_one_trial_of_its_own_and_survives_being_written(shrunk: None) -> None:
    tree: dict[str, Any] = {"models": ["shrunk"], "tune": {"shrunk": GRID, "ridge": {"clip": [0.0, 0.1]}}}
    config = build(tree, where="x")
    again = build(parse(config.to_toml(), where="x"), where="x")
    assert (again.tune, again.digest) == ({"shrunk": GRID}, config.digest)
    plain = build({"models": ["shrunk"]}, where="x")
    assert again.trial_digest == config.trial_digest != plain.trial_digest
    lstm = {"models": ["lstm"], "tune": {"lstm": {"hidden": [16, 64]}}}
    one, other = (build({**lstm, "net": {"hidden": hidden}}, where="x").trial_digest for hidden in (8, 9))
    assert one == other, "no fit reads the hidden units of net"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"lstm": {"hidden": 16}}, r"^x: tune\.lstm\.hidden: must be a list of values to try \(got 16\)$"),
        ({"lstm": {"hidden": []}}, r"tune\.lstm\.hidden: must be a list of values to try \(got \[\]\)"),
        ({"lstm": {"hidden": [16]}}, r"^x: tune\.lstm: must have 2 to 1,000 combinations of values to try \(got 1\)"),
        ({"lstm": {"hidden": [16, 0]}}, r"^x: tune\.lstm\.hidden: expected a number of at least 1 \(got 0\)$"),
        ({"lstm": {"hiden": [16, 8]}}, r"tune\.lstm\.hiden: unknown setting: did you mean tune\.lstm\.hidden\?$"),
        ({"lstm": {"window": [16, 8]}}, r"tune\.lstm\.window: must be left out \(got 16\): the rows of all models are"),
        ({"lstm": {"hidden": [16, 8], "budget": 0}}, r"tune\.lstm\.budget: must be how many combinations .* \(got 0\)"),
        ({"lstm": {"start": ["warm", "cold"]}}, r"tune\.lstm: must come with train\.start = cold \(got warm\)"),
        ({"lstm": {"loss": ["qlike", "squared"]}}, r"tune\.lstm\.loss: must be squared for log_return \(got qlike\)"),
    ],
)
def test_what_cannot_be_tuned_is_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build({"tune": table}, where="x")


def test_the_command_line_sets_lists_of_values() -> None:
    config = load(
        "default", settings=["tune.lstm.hidden=16, 64", "tune.lstm.budget=2", "tune.lstm.layers=[1, 2]"]
    ).config
    assert config.tune == {"lstm": {"hidden": [16, 64], "budget": 2, "layers": [1, 2]}}
    assert [one.values for one in config.entries["lstm"].candidates] == combinations(config.tune["lstm"])


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^tune: unknown lsmt: it may be one of .*lstm"):
        small(tune={"lsmt": {"hidden": [8, 16]}})
