"""A run as an object: saved and opened again, shown in one line, in a terminal and in a notebook."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

import backtest as bt
from backtest.arguments import Settings
from backtest.data.result_tables import RUN_TABLES
from backtest.data.run_files import verify
from backtest.models import MODELS
from backtest.models.forecaster import Forecaster
from backtest.models.settings import NetSettings, TrainSettings
from tests.api.walks import SETTINGS, SOURCE, walk
from tests.support.command import call

pytestmark = pytest.mark.integration


class Parts(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture(scope="module")
def run() -> bt.Run:
    return walk()


@pytest.fixture(scope="module")
def saved(run: bt.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = walk()
    return copy.save(tmp_path_factory.mktemp("runs") / "small")


def test_a_saved_run_is_the_same_when_opened(run: bt.Run, saved: Path) -> None:
    opened = bt.open_run(saved)
    for table in RUN_TABLES:
        assert_frame_equal(opened.table(table.name.lower()), run.table(table.name.lower()), check_exact=True)
    assert opened.verdict == run.verdict
    assert opened.saved
    assert not run.saved
    assert repr(opened) == repr(run)


def test_every_command_takes_a_saved_run(
    saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: bt.Run
) -> None:
    assert verify(saved) == []
    assert call(monkeypatch, "verify", str(saved)) == 0
    assert call(monkeypatch, "report", str(saved)) == 0
    other = walk(name="other", net={"window": 9}).save(tmp_path / "other")
    assert call(monkeypatch, "compare", str(saved), str(other), "--out", str(tmp_path / "compared")) == 0
    settings = str(saved / "config.toml")
    assert call(monkeypatch, "run", settings, "--audit", "off", "--set", "executor=serial", "--out", str(saved)) == 0


def test_a_run_is_saved_twice_but_never_over_another(tmp_path: Path) -> None:
    mine, other = walk(), walk(net={"window": 9})
    assert mine.save(tmp_path / "x") == mine.save(tmp_path / "x")
    with pytest.raises(bt.ConfigError, match="other settings"):
        other.save(tmp_path / "x")


def test_a_saved_run_counts_what_was_tried_on_its_bars(tmp_path: Path) -> None:
    bars = "synthetic:n=700,seed=11"
    first = walk(bars)
    first.save(tmp_path / "first")
    second, third = walk(bars, net={"window": 9}), walk(bars, net={"window": 10})
    third.save(tmp_path / "third")
    assert [run.verdict.configurations for run in (first, second, third)] == [1, 2, 3]
    assert bt.open_run(tmp_path / "first").verdict.configurations == 1
    assert bt.judge_run(tmp_path / "first").verdict.configurations == 3
    assert (tmp_path / "first" / "report.html").is_file()


def test_a_run_in_one_line(run: bt.Run) -> None:
    status = run.verdict.status  # it counts what other tests of this session tried on the same bars
    assert repr(run) == f"<Run small: ridge {status}; 4 folds, 337 forecasts of each model>"


def test_a_printed_run_is_what_the_command_line_shows(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = str(saved / "config.toml")
    call(monkeypatch, "run", settings, "--audit", "off", "--set", "executor=serial", "--out", str(saved))
    shown = capsys.readouterr().out
    printed = str(bt.open_run(saved))
    assert printed.count("\n") > 5
    assert printed in "\n".join(line.rstrip() for line in shown.splitlines())


def test_a_notebook_shows_verdict_table_and_plot_without_a_script(run: bt.Run) -> None:
    html = run._repr_html_()
    assert re.search(r'class="verdict \w+"', html)
    assert "<table" in html
    assert "<svg" in html
    assert not re.search(r"<script|javascript:|https?://|@import|\son\w+=", html)


def test_styles_of_a_notebook_reach_no_further_than_the_run(run: bt.Run) -> None:
    html = run._repr_html_()
    (name,) = re.findall(r'<div id="([^"]+)">', html)
    style = html.partition("<style>")[2].partition("</style>")[0]
    depth, outer = 0, ""
    for sign in style:
        depth += (sign == "{") - (sign == "}")
        outer += sign if depth == 0 else ""
    selectors = [each for rule in outer.split("}") for each in rule.split(",") if each.strip()]
    assert selectors
    assert all(f"#{name}" in each or each.strip().startswith("@media") for each in selectors)


def test_a_notebook_follows_the_theme(run: bt.Run) -> None:
    html = run._repr_html_()
    for theme in ("prefers-color-scheme: dark", 'data-jp-theme-light="false"', ".vscode-dark"):
        assert theme in html


def test_ids_of_two_runs_in_one_notebook_are_different(run: bt.Run) -> None:
    ids = [set(re.findall(r'\bid="([^"]+)"', shown._repr_html_())) for shown in (run, walk(net={"window": 9}))]
    assert ids[0]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("payload", ["<script>alert(1)", "<img src=x onerror=alert(2)>", "' onload='x", '" onload="x'])
def test_hostile_names_are_escaped(payload: str) -> None:
    @bt.model(payload)
    def hostile(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
        return MODELS["mean"].make(net, train, seed)

    try:
        shown = walk(models=[payload])
    finally:
        del MODELS[payload]
    parser = Parts()
    parser.feed(shown._repr_html_())
    assert {"table", "svg"} <= parser.tags
    assert not {"script", "img"} & parser.tags
    assert not [name for name in parser.attributes if name.startswith("on")]
    assert "\n" not in repr(shown)


def test_a_report_is_one_file(run: bt.Run, tmp_path: Path) -> None:
    page = run.report(tmp_path / "out.html")
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert [file.name for file in tmp_path.iterdir()] == ["out.html"]
    with pytest.raises(bt.ConfigError, match="not saved: give a path"):
        run.report()


def test_an_unknown_table_names_the_nearest(run: bt.Run) -> None:
    with pytest.raises(bt.ConfigError, match=r"'forecast': did you mean forecasts\?"):
        run.table("forecast")


def test_a_damaged_folder_is_refused(saved: Path, tmp_path: Path) -> None:
    copy = walk().save(tmp_path / "copy")
    (copy / "scores.parquet").write_bytes(b"no table")
    with pytest.raises(bt.RunError, match="scores"):
        bt.open_run(copy)


def test_a_comparison_shows_itself(run: bt.Run, saved: Path, tmp_path: Path) -> None:
    found = bt.compare(walk(name="left"), walk(name="right", net={"window": 9}))
    assert found.pairs.height == 1
    assert {"left:ridge", "right:ridge", "zero"} <= set(found.scores["model"])
    assert {one.model for one in found.verdict.candidates} == {"left:ridge", "right:ridge"}
    assert repr(found).startswith("<Comparison of left, right: ")
    assert "Difference" in str(found)
    assert "<table" in found._repr_html_()
    assert found.report(tmp_path / "out.html").read_text("utf-8").startswith("<!doctype html>")
    assert bt.compare(saved, walk(name="right", net={"window": 9})).pairs.height == 1


def test_what_was_tried_in_the_session_counts_whether_it_was_saved_or_not(tmp_path: Path) -> None:
    def number(run: bt.Run) -> int:
        return run.verdict.configurations

    tried = walk(net={"window": 10})
    settings: Settings = {**SETTINGS, "net": {"window": 11}}
    folder = tmp_path / "runs" / "eleven"
    saved_run = bt.walk_forward(SOURCE, audit="off", progress=False, save=folder, **settings)
    assert number(saved_run) == number(tried) + 1
    assert number(walk(net={"window": 12})) == number(saved_run) + 1
    assert number(bt.judge_run(folder)) == number(saved_run)


@pytest.mark.slow
def test_a_later_comparison_counts_what_was_tried_since_the_first() -> None:
    runs = walk(name="left"), walk(name="right", net={"window": 9})
    first = bt.compare(*runs).verdict.configurations
    walk(net={"window": 13})
    assert bt.compare(*runs).verdict.configurations == first + 1
