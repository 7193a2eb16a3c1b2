"""Settings: presets, TOML files, changes on the command line, and one plain message for each mistake."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError
from backtest.data.reading import synthetic
from backtest.walk.config import Config
from backtest.walk.config_file import all_settings, build, load, parse, presets
from backtest.walk.plan import load_dataset
from backtest.walk.run_folder import folder_of


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_preset_loads_and_carries_its_own_name(name: str) -> None:
    assert load(name).config.name == name


def test_the_defaults_are_the_original_projects() -> None:
    config = Config()
    net, train = config.net, config.train
    assert (net.hidden, net.layers, net.dropout, net.window, config.target.horizons) == (64, 2, 0.2, 48, (1,))
    assert (train.learning_rate, train.weight_decay, train.epochs) == (1e-3, 1e-5, 20)
    assert config.features == ("log_return", "rolling_mean_24", "rolling_std_24", "volume_norm")


def test_zero_and_naive_are_always_there() -> None:
    assert build({"models": ["gru", "zero"]}, where="x").all_models == ("zero", "naive", "gru")


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"modles": ["gru"]}, "x: modles: unknown setting: did you mean models?"),
        ({"train": {"epohcs": 1}}, "x: train.epohcs: unknown setting: did you mean train.epochs?"),
        ({"folds": {"firsttrain": 1}}, "did you mean folds.first_train?"),
        ({"horizon": 3}, "x: horizon: unknown setting: did you mean target.horizons?"),
        ({"window": 3}, "x: window: unknown setting: did you mean folds.window or net.window?"),
        ({"folds": {"test": 0}}, "folds.test: must be a number of bars > 0"),
        ({"train": {"epochs": 0}}, "x: train.epochs: expected a number of at least 1 (got 0)"),
        ({"net": {"dropout": 1.0}}, "x: net.dropout: expected a number below 1.0 (got 1.0)"),
        (
            {"name": "../up"},
            "x: name: expected letters, digits, dots, dashes and underscores, a letter or digit first (got ../up)",
        ),
        ({"executor": "loki"}, "executor: must be one of loky, serial (got loki)"),
        ({"alpha": 1.0}, "x: alpha: expected a number below 0.5 (got 1.0)"),
        ({"target": {"horizon": 60}}, "target.horizons: must be at most net.window, 48 (got 60): models read the bars"),
        (
            {"target": {"horizon": "five"}},
            "x: target.horizon: must be a whole number of bars ahead, 1 or more (got fiv",
        ),
        (
            {"target": {"horizons": "1,5"}},
            "x: target.horizons: expected a list, such as [1, 5] (got 1,5): write target.horizons = [1, 5]",
        ),
        ({"models": "lstm, gru"}, '(got lstm, gru): write models = ["lstm", "gru"]'),
        ({"target": {"horizon": 3}, "folds": {"gap": 1}}, "folds.gap: must be at least the horizon, 3 (got 1)"),
        ({"folds": {"test": 100, "step": 50}}, "test spans must not overlap"),
        ({"models": "lstm"}, 'x: models: expected a list, such as ["lstm", "gru"] (got lstm): write models = ["lstm"]'),
        ({"features": []}, "x: features: expected a list of at least 1 (got [])"),
        ({"features": [3]}, 'x: features: expected a name such as "log_return", or a table such as {name = "rolling'),
        ({"seeds": 1.5}, "x: seeds: expected a whole number (got 1.5)"),
        ({"seeds": "many"}, "x: seeds: expected a whole number (got many)"),
        ({"train": 5}, "x: train: expected a table of settings, such as train.epochs = 5 (got 5)"),
        ({"train": {"start": "hot"}}, "x: train.start: expected one of cold or warm (got hot)"),
        ({"data": {"symbol": 5}}, "x: data.symbol: expected text (got 5)"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_came(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:  # noqa: PT011 - the text is compared as it is, not as a pattern
        build(tree, where="x")
    assert message in str(caught.value)


WRONG: tuple[Any, ...] = ("no such thing", -1.5, 10**30, float("nan"), [1], {"a": 1}, [[]], None)


@pytest.mark.parametrize("setting", all_settings())
def test_every_setting_is_refused_in_plain_words(setting: str) -> None:
    *parents, last = setting.split(".")
    refused = 0
    for value in WRONG:
        tree: dict[str, Any] = {last: value}
        for parent in reversed(parents):
            tree = {parent: tree}
        try:
            build(tree, where="x")
        except ConfigError as error:
            refused += 1
            for line in str(error).splitlines():
                assert line.startswith(("x: ", "x: " + setting))
                assert re.search(r"expected .* \(got .*\)|must be .* \(got .*\)|must be a number", line), line
                assert not re.search(r"[Ii]nput|valid |instance|pydantic|str\b|Dict", line), line
    assert refused >= 3, "most of these fit no setting"


def test_all_mistakes_are_listed() -> None:
    with pytest.raises(ConfigError, match=r"(?s)seeds: .*\n.*train\.epochs: "):
        build({"seeds": 0, "train": {"epochs": 0}}, where="x")


def test_a_file_that_is_no_toml_is_named_with_the_line(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("name = 'a'\nseeds = \n")
    with pytest.raises(ConfigError, match=r"my\.toml: expected TOML: .*line 2"):
        load(str(file))


def test_an_unknown_configuration_is_named_with_its_neighbours() -> None:
    with pytest.raises(ConfigError, match=r"expected a preset or a TOML file \(got quik\): did you mean quick\?"):
        load("quik")


def test_a_file_of_data_is_not_taken_for_settings(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("time,close\n")
    with pytest.raises(ConfigError, match=r"bars\.csv, a file of data\): name it as --data "):
        load(str(tmp_path / "bars.csv"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.epochs=-1", r"^--set: train\.epochs: expected a number of at least 1"),
        ("folds.tst=5", r"^--set: folds\.tst: unknown setting"),
        ("question.loss=qlike", r"^--set: question\.loss: must be one of squared, absolute"),
        (
            "target.horizon=five",
            r"^--set: target\.horizon: must be a whole number of bars ahead, 1 or more \(got five\)$",
        ),
        (
            "target.horizons=1,five",
            r"^--set: target\.horizons: expected a whole number, as each of the list \(got five\)$",
        ),
        (
            "target.horizons=five",
            r"^--set: target\.horizons: expected a whole number, as each of the list \(got five\)$",
        ),
        ("models=[3]", r"^--set: models: expected text, as each of the list \(got 3\)"),
    ],
)
def test_a_wrong_change_on_the_command_line_is_not_blamed_on_the_file(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load("default", settings=[change])


def test_a_mistake_in_the_file_is_not_blamed_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("seeds = 0")
    with pytest.raises(ConfigError, match=r"my\.toml: seeds: expected a number of at least 1"):
        load(str(tmp_path / "my.toml"), settings=["train.epochs=5"])


def test_settings_on_the_command_line_are_read_as_toml() -> None:
    changes = ["train.epochs=5", 'data.symbol="BTC"', "folds.test=30d", "models=['ridge']", "net.dropout=0"]
    config = load("default", data="bars.csv", settings=changes).config
    assert config.train.epochs == 5
    assert config.data.symbol == "BTC"
    assert config.data.source == "bars.csv"
    assert config.folds.test == "30d"
    assert config.models == ("ridge",)
    lists = load("default", settings=["target.horizons=1,5", "models=ridge, lstm", "net.har_lags=1"]).config
    assert (lists.target.horizons, lists.models, lists.net.har_lags) == ((1, 5), ("ridge", "lstm"), (1,))


@pytest.mark.parametrize(
    ("change", "message"),
    [("train.epochs", "expected key=value"), ("name.x=1", "name is a single setting, not a table")],
)
def test_a_change_that_cannot_be_made_is_named(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load("default", settings=[change])


def test_a_source_in_the_folder_of_the_file_comes_first(tmp_path: Path) -> None:
    synthetic.make_bars(50, symbol="BESIDE").write_csv(tmp_path / "bars.csv")
    (tmp_path / "my.toml").write_text("data.source = 'bars.csv'")
    loaded = load(str(tmp_path / "my.toml"))
    assert load_dataset(loaded.config, loaded.config_dir).symbols == ["BESIDE"]
    assert loaded.config.data.source == "bars.csv", "where the file lies is no part of the settings"


@given(
    seeds=st.integers(1, 9),
    window=st.sampled_from(["expanding", "rolling"]),
    test=st.integers(1, 999) | st.sampled_from(["7d", "12h"]),
    source=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_settings_survive_being_written(seeds: int, window: str, test: int | str, source: str) -> None:
    tree = {"seeds": seeds, "folds": {"window": window, "test": test}, "data": {"source": source}}
    config = build(tree, where="x")
    again = build(parse(config.to_toml(), where="x"), where="x")
    assert again == config
    assert again.digest == config.digest


def test_the_digest_covers_what_is_computed_and_not_how() -> None:
    plain = build({}, where="x")
    assert build({"jobs": 2, "executor": "serial", "name": "b"}, where="x").digest == plain.digest
    assert build({"seeds": 4}, where="x").digest != plain.digest
    assert "loss" not in plain.to_toml()  # so that runs from before there was a choice are known again


def test_a_run_never_takes_the_folder_of_other_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path))
    first, second = build({"name": "a"}, where="x"), build({"name": "a", "seeds": 4}, where="x")
    assert folder_of(first, None) == tmp_path / "runs" / "a"
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "config.toml").write_text(first.to_toml())
    assert folder_of(first, None) == tmp_path / "runs" / "a"
    assert folder_of(second, None) == tmp_path / "runs" / f"a-{second.digest[:8]}"
    with pytest.raises(ConfigError, match="holds a run with other settings"):
        folder_of(second, tmp_path / "runs" / "a")
    assert folder_of(second, tmp_path / "free") == tmp_path / "free"


def test_the_digest_of_a_trial_leaves_out_name_file_and_judgement() -> None:
    def trial(**tables: Any) -> str:
        return build({"data": {"source": "sp500"}, **tables}, where="test").trial_digest

    same: list[dict[str, Any]] = [{"name": "other"}, {"alpha": 0.1}, {"data": {"source": "x.csv"}}]
    same.append({"multiplicity": "benjamini-hochberg"})
    assert {trial(**tables) for tables in same} == {trial()}
    others: list[dict[str, Any]] = [{"seeds": 5}, {"costs": {"fee": 1}}, {"net": {"hidden": 32}}]
    others.append({"data": {"source": "x", "symbol": "A"}})
    assert len({trial(), *(trial(**tables) for tables in others)}) == 5


def test_an_unknown_adjustment_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="multiplicity: must be one of max-t, holm, benjamini-hochberg, benjamini-yekutieli"
    ):
        build({"multiplicity": "bonferroni"}, where="test")


def test_a_training_loss_of_variances_is_refused_elsewhere() -> None:
    variances = {"target": {"kind": "log_variance"}, "train": {"loss": "qlike"}}
    assert build(variances, where="test").trial_digest != build({"target": variances["target"]}, where="x").trial_digest
    with pytest.raises(
        ConfigError, match=r"train\.loss: must be squared for log_return \(got qlike\): it is for variances"
    ):
        build({"train": {"loss": "qlike"}}, where="test")
