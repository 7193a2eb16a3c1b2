"""Settings of single models: what a key covers, fields of a model's own, one model under several names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import Field

from backtest.arguments import plan_of
from backtest.data.errors import ConfigError
from backtest.forecast.next_step import next_steps
from backtest.models import MODELS, ModelSettings, check_forecaster, entry_of, model
from backtest.models.settings import NetSettings
from backtest.models.windows import Floats, Windows
from backtest.walk.config_file import build, load, parse
from tests.support.small_run import small, walk

Keys = dict[str, set[str]]


def keys(**tables: Any) -> Keys:
    """Keys of the tasks of each model."""
    found: Keys = {}
    for task in small(models=["mean", "ridge", "lstm"], **tables).tasks:
        found.setdefault(task.model, set()).add(task.key)
    return found


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"train": {"learning_rate": 0.01}}, {"lstm"}),
        ({"net": {"hidden": 5}}, {"lstm"}),
        ({"net": {"har_lags": [1]}}, set[str]()),
        ({"train": {"clip": 0.1}}, {"ridge", "lstm"}),
        ({"net": {"window": 9}}, {"zero", "naive", "mean", "ridge", "lstm"}),
    ],
)
def test_a_key_covers_the_settings_that_its_model_reads_and_no_others(
    change: dict[str, Any], changed: set[str]
) -> None:
    before, after = keys(), keys(**change)
    assert {model for model in before if before[model] != after[model]} == changed


def test_a_change_for_one_model_leaves_the_keys_of_all_others() -> None:
    before, after = keys(), keys(model={"lstm": {"learning_rate": 0.01}})
    assert {model for model in before if before[model] != after[model]} == {"lstm"}
    assert keys(model={"lstm": {"learning_rate": 0.001}}) == before, "what is set says what is usual"


SMALL = {"name": "lstm", "as": "lstm_small", "hidden": 3, "epochs": 1}


def test_a_model_under_two_names_has_settings_of_its_own() -> None:
    entries = small(models=["ridge", "lstm", SMALL]).config.entries
    assert list(entries) == ["zero", "naive", "ridge", "lstm", "lstm_small"]
    assert [(entries[name].net.hidden, entries[name].train.epochs) for name in ("lstm", "lstm_small")] == [
        (4, 2),
        (3, 1),
    ]
    assert entries["lstm_small"].model is MODELS["lstm"]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (
            {"model": {"lstm": {"hiden": 3}}},
            r"^x: model\.lstm\.hiden: unknown setting: did you mean model\.lstm\.hidden",
        ),
        ({"model": {"lstm": {"hidden": 0}}}, r"^x: model\.lstm\.hidden: expected a number of at least 1 \(got 0\)$"),
        ({"model": {"lstm": {"hidden": 0, "epochs": 0}}}, r"(?s)lstm\.hidden: expected.*\n.*lstm\.epochs: expected"),
        (
            {"model": {"lstm": {"window": 9}}},
            r"lstm\.window: must be left out \(got 9\): the rows of all models are the",
        ),
        (
            {"model": {"ridge": {"epochs": 9}}},
            r"ridge\.epochs: must be left out \(got 9\): ridge does not read it, but cl",
        ),
        ({"model": {"zero": {"epochs": 9}}}, r"zero\.epochs: must be left out \(got 9\): zero has no settings"),
        ({"model": {"lstm": {"loss": "qlike"}}}, r"model\.lstm\.loss: must be squared for log_return \(got qlike\)"),
        (
            {"models": [{"name": "lstm", "as": "gru"}]},
            r"model\.gru\.name: must be left out \(got lstm\): gru is a model i",
        ),
        (
            {"models": [{"name": "lstm", "as": "a-b"}]},
            r"model\.a-b\.name: must be of a model whose own name has letters",
        ),
        ({"models": [SMALL, SMALL]}, r"^x: models: must have names that differ \(got lstm_small twice\)"),
        ({"models": ["lstm", {"name": "lstm", "hidden": 3}]}, r"names that differ \(got lstm twice\)"),
        (
            {"models": [{"nam": "lstm"}]},
            r"^x: models: must be names, or tables such as \{name = .* \(got \{'nam': 'lstm'\}\)",
        ),
        (
            {"models": [{**SMALL, "hiden": 3}]},
            r"^x: model\.lstm_small\.hiden: unknown setting: did you mean model\.lstm_s",
        ),
    ],
)
def test_settings_that_no_model_can_have_are_named(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(tree, where="x")


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"models": [{"name": "lsmt", "as": "small"}]}, "models: unknown lsmt: it may be one of .*lstm"),
        ({"model": {"lsmt": {"hidden": 3}}}, "model: unknown lsmt: it may be one of .*lstm"),
    ],
)
def test_an_unknown_model_is_named(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small(**tree)


def test_settings_of_a_model_survive_being_written() -> None:
    config = build({"models": ["lstm", SMALL], "model": {"ridge": {"clip": 0.1}, "lstm": {"hidden": 64}}}, where="x")
    again = build(parse(config.to_toml(), where="x"), where="x")
    assert again.model == {"lstm_small": {"name": "lstm", "hidden": 3, "epochs": 1}}, "ridge is not in the run"
    assert (again.entries, again.digest, again.trial_digest) == (config.entries, config.digest, config.trial_digest)


def test_the_command_line_and_python_set_fields_of_a_model(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text(
        'models = ["log_har", {name = "lstm", as = "small", hidden = 16, layers = 1}]\n[target]\nkind = "log_variance"'
    )
    changes = ["model.small.hidden=8", "model.log_har.har_lags=1, 5", "model.lstm.epochs=3"]
    config = load(str(file), settings=changes).config
    assert (config.entries["small"].net.hidden, config.entries["small"].net.layers) == (8, 1)
    assert config.entries["log_har"].net.har_lags == (1, 5)
    again = load(str(file), settings=['models=["lstm", {name = "lstm", as = "small", hidden = 4}]']).config
    assert (again.models, again.entries["small"].net.hidden) == (("lstm", "small"), 4), "what is given later counts"
    with pytest.raises(ConfigError, match=r"^--set: model\.small\.hiden: unknown setting"):
        load(str(file), settings=["model.small.hiden=1"])
    plan = plan_of(
        "synthetic:n=900",
        file,
        None,
        {
            "models": [{"name": "lstm", "as": "small", "layers": 2}],
            "seeds": 1,
            "folds": {"first_train": 400, "validation": 100},
            "model": {"small": {"epochs": 1}},
        },
    )
    entry = plan.config.entries["small"]
    assert (entry.net.hidden, entry.net.layers, entry.train.epochs) == (16, 2, 1)


def trial(**tables: Any) -> str:
    return build({"models": ["ridge", "lstm"], **tables}, where="x").trial_digest


def test_settings_that_no_model_reads_make_no_trial() -> None:
    unread: list[dict[str, Any]] = [{"net": {"har_lags": [1]}}, {"model": {"gru": {"hidden": 3}}}]
    same: list[dict[str, Any]] = [{"train": {"epochs": 3}}, {"model": {"lstm": {"epochs": 3}}}]
    assert {trial(**tables) for tables in unread} == {trial()}
    assert len({trial(**tables) for tables in same}) == 1, "wherever it is set"
    others: list[dict[str, Any]] = [*same, {"train": {"clip": 0.1}}, {"model": {"ridge": {"clip": 0.1}}}]
    assert len({trial(), *(trial(**tables) for tables in others)}) == 4
    variances: dict[str, Any] = {"target": {"kind": "log_variance"}}
    by_qlike: list[dict[str, Any]] = [{"train": {"loss": "qlike"}}, {"model": {"lstm": {"loss": "qlike"}}}]
    assert len({trial(**variances, **tables) for tables in by_qlike}) == 1
    assert trial(**variances) != trial(**variances, **by_qlike[1])


class ShrunkSettings(ModelSettings):
    share: float = Field(0.5, ge=0, le=1, description="of the mean")
    lags: tuple[int, ...] = (1,)


class Shrunk:
    """A share of the mean outcome."""

    def __init__(self, settings: ShrunkSettings) -> None:
        self.share = settings.share

    def fit(self, train: Windows, validation: Windows) -> None:
        self.mean = float(train.y.mean())

    def predict(self, windows: Windows) -> Floats:
        return np.full(len(windows), self.share * self.mean)


@pytest.fixture
def shrunk(open_tables: None) -> None:
    model("shrunk", settings=ShrunkSettings)(Shrunk)


def test_a_model_brings_its_own_settings(shrunk: None, tmp_path: Path) -> None:
    tables: dict[str, Any] = {
        "models": ["shrunk", {"name": "shrunk", "as": "whole", "share": 1}],
        "model": {"shrunk": {"lags": [1, 2]}},
    }
    plan = small(**tables, folds={"test": 190})
    folder = tmp_path / "run"
    walk(folder, plan=plan)
    forecasts = pl.read_parquet(folder / "forecasts.parquet").filter(pl.col("fold") == 0)
    of = {name: forecasts.filter(model=name)["y_hat"][0] for name in ("shrunk", "whole")}
    assert of["whole"] == pytest.approx(2 * of["shrunk"])
    assert parse((folder / "config.toml").read_text(), where="x")["model"] == {
        "shrunk": {"share": 0.5, "lags": [1, 2]},
        "whole": {"name": "shrunk", "share": 1.0, "lags": [1]},
    }
    ahead = {one.model: one.y_hat for one in next_steps(folder)[0]}
    assert ahead["whole"] == pytest.approx(2 * ahead["shrunk"])


def test_the_contract_is_checked_with_the_settings_of_a_model(shrunk: None) -> None:
    check_forecaster(Shrunk)
    check_forecaster(MODELS["shrunk"].make)
    check_forecaster(Shrunk, settings=ShrunkSettings(share=1.0))
    with pytest.raises(ConfigError, match=r"share: expected a number of at most 1"):
        build({"model": {"shrunk": {"share": 2}}}, where="x")


def test_settings_that_cannot_be_used_are_refused(open_tables: None) -> None:
    class NoDefault(ModelSettings):
        width: int
        window: int = 3

    with pytest.raises(
        ConfigError, match=r"with a default for each field, none of them called .* \(got width, window\)"
    ):
        model("mine", settings=NoDefault)(Shrunk)
    with pytest.raises(ConfigError, match=r"takes net, train and seed.*settings, which it brings, \(got "):
        model("mine", settings=ShrunkSettings)(lambda seed: Shrunk(ShrunkSettings()))
    with pytest.raises(ConfigError, match=r"reads: expected fields .* \(got hiden\): it may be some of .*hidden"):
        model("mine", reads=["hiden"])(lambda net: Shrunk(ShrunkSettings()))


def test_what_a_model_does_not_declare_cannot_change_its_forecasts(open_tables: None) -> None:
    given: list[NetSettings] = []

    @model("mine", reads=["hidden"])
    def mine(net: NetSettings) -> Shrunk:
        given.append(net)
        return Shrunk(ShrunkSettings())

    entry_of("mine", MODELS["mine"], net=NetSettings(hidden=3, layers=7, window=9)).make(0)
    assert given == [NetSettings(hidden=3, window=9)]
