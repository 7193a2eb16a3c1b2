"""The app: what it shows of a run, and what a reader can choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest import reports
from backtest.app.elements import BADGES
from backtest.app.run_tabs import formatted
from backtest.data.reading import synthetic
from backtest.data.result_tables import COVERAGE
from backtest.forecast.next_step import next_steps
from backtest.reports.sections.verdict import tone_of
from backtest.reports.wording.audit import leak_remedy, notes
from backtest.reports.wording.evidence import sentences
from backtest.reports.wording.verdict import headline
from tests.support.app_page import choose, figures, open_page, upload, words
from tests.support.audits import LEAKS, leaky, level
from tests.support.fake_run import Plan, make

pytestmark = pytest.mark.integration


@pytest.fixture
def run(home: Path) -> Path:
    return home / "runs" / "small"


def test_verdict_and_audit_come_first(page: Any, run: Path) -> None:
    verdict = reports.read(run).verdict
    title, first_line, audited = (text.value for text in page.main.text[:3])
    assert title.startswith("small: SYNTH, walked forward from 2020-")
    assert (first_line, audited) == (headline(verdict), "run backtest audit to look for leaks")
    tone, word = tone_of(verdict)
    colour, icon = BADGES[tone]
    assert [badge.value for badge in page.main.markdown[:2]] == [
        f":{colour}-badge[{icon} {word}]",
        ":orange-badge[:material/error: Leak audit: not audited]",
    ]


def test_the_forecast_equals_that_of_the_command_line(page: Any, run: Path) -> None:
    *_, ridge, lstm = next_steps(run)[0]
    low, high = lstm.ends(0.95) or (0.0, 0.0)
    interval = lstm.intervals[-1]
    assert figures(page)["Next close"] == f"{lstm.next_value:,.2f}"
    assert figures(page)["Log return"] == f"{lstm.y_hat:+.6f}"
    assert figures(page)["95 % interval"] == f"{low:,.2f} to {high:,.2f}"
    share = f"{100 * interval.covered / interval.n:.1f} % of {interval.n} outcomes"
    assert f"95 % intervals covered {share} of the walk" in words(page)
    assert ", after the bar of 2020-02-07 11:00:" in words(page)
    assert '"title": "2020-02-03 ' in page.get("vega_lite_chart")[0].proto.spec.replace('":"', '": "')
    low, high = ridge.ends(0.5) or (0.0, 0.0)
    choose(page, "Model", "ridge")
    choose(page, "Interval", 0.5)
    assert figures(page)["Next close"] == f"{ridge.next_value:,.2f}"
    assert figures(page)["50 % interval"] == f"{low:,.2f} to {high:,.2f}"


def test_a_single_seed_has_its_own_forecast_and_no_interval(page: Any, run: Path) -> None:
    *_, lstm = next_steps(run)[0]
    choose(page, "Seed", 1)
    assert figures(page)["Next close"] == f"{(lstm.last_value or 0) * np.exp(lstm.by_seed[1]):,.2f}"
    assert not any("interval" in name for name in figures(page))
    assert words(page).count("No interval: intervals are made from errors of the mean over seeds.") == 2


def test_newer_bars_move_the_forecast(page: Any, run: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.csv"
    synthetic.make_bars(950, signal=0.1).write_csv(newer)
    expected = f"{next_steps(run, data=str(newer))[0][-1].next_value:,.2f}"
    before = figures(page)["Next close"]
    choose(page, "Bars", "Another file")
    assert figures(page)["Next close"] == before, "until a file is named, it goes on from the run's own bars"
    page.text_input[0].set_value(str(newer)).run()
    assert figures(page)["Next close"] == expected
    assert "The bars include 50 bars after 2020-02-07 11:00, the last bar of the run." in words(page)
    upload(page, "newer.csv", newer.read_bytes())
    assert figures(page)["Next close"] == expected


def test_the_slider_shows_each_fold(page: Any, run: Path) -> None:
    coverage = pl.read_parquet(run / COVERAGE.file).filter(model="lstm", level=0.95)
    for fold in reports.read(run).folds:
        choose(page, "Fold", fold.number)
        assert f"LSTM, mean over 2 seeds, in fold {fold.number}:" in words(page)
        assert figures(page)["Forecasts"] == str(fold.n_test)
        assert figures(page)["Skill vs zero"] == f"{100 * (fold.skills['lstm'] or 0):+.2f} %"
        covered = coverage.filter(fold=fold.number)["covered"].item()
        held = None if covered is None else f"{100 * covered / fold.n_test:.1f} %"
        assert figures(page).get("95 % interval coverage") == held
        assert ("too few errors were known before this fold" in words(page)) == (held is None)


def test_a_fold_can_be_shown_as_prices(page: Any, run: Path) -> None:
    [returns] = [chart for chart in page.get("vega_lite_chart") if '"y_hat"' in chart.proto.spec]
    choose(page, "Shown as", "Prices", place=1)
    [prices] = [chart for chart in page.get("vega_lite_chart") if '"close_hat"' in chart.proto.spec]
    assert returns.proto.spec != prices.proto.spec
    assert "Zero draws" in words(page)
    choose(page, "Shown as", "Log returns", place=1)
    assert "Zero draws" not in words(page)


def test_tables_equal_those_of_the_report(page: Any, run: Path) -> None:
    result = reports.read(run)
    folds, models = (frame.value for frame in page.dataframe)
    assert models["1"].to_list() == [row[0] for row in reports.headline(result).rows]
    assert folds["fold"].to_list() == [fold.number for fold in result.folds]
    assert folds["0"].to_list() == pytest.approx([100 * (fold.skills["lstm"] or 0) for fold in result.folds])
    assert sentences(result.verdict)[0] in words(page)


def test_the_skills_of_the_chosen_model_come_first(page: Any, run: Path) -> None:
    choose(page, "Model", "ridge")
    own = [100 * (fold.skills["ridge"] or 0) for fold in reports.read(run).folds]
    assert page.dataframe[0].value["0"].to_list() == pytest.approx(own)


def test_numbers_of_folds_are_formatted_as_in_the_report() -> None:
    rows = pl.DataFrame(
        {"fold": [1, 2], "from": ["a", "b"], "train": [1_000, 2], "mse": [None, 0.5], "0": [-1.5, None]}
    )
    text = formatted(rows, ["0"]).to_html()
    for cell in ("\N{MINUS SIGN}1.50\N{NO-BREAK SPACE}%", "\N{EN DASH}", "1,000", ">a<", "0.500"):
        assert cell in text


def test_every_leak_comes_with_its_counterexample_and_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "runs", Plan(folds=3, test=84, audit=leaky()))
    page = open_page(monkeypatch, tmp_path)
    assert page.subheader[0].value == "A leak was found: the results are unreliable"
    assert ":red-badge[:material/cancel: Leak suspected]" in [badge.value for badge in page.markdown]
    for line in (
        "feature my_feature reads the future",
        (
            "my_feature at 2020-02-01 13:00 reads the bar of 2020-02-01 14:00, 1 bar ahead "
            "(with noise there, the value changes)"
        ),
        f"What to do: {leak_remedy(LEAKS[0])}",
        f"4 fold isolation: 7 models, 3 folds, 52 fits; {notes(level(4))[0]}",
    ):
        assert line in words(page).split("\n")


def test_runs_and_symbols_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "runs", Plan(folds=3, test=84, symbols=("AAA", "BBB"), name="pair"), name="pair")
    make(tmp_path / "runs", Plan(folds=1, test=60, name="single"), name="single")
    page = open_page(monkeypatch, tmp_path, str(tmp_path / "runs" / "pair"))
    assert [box.label for box in page.selectbox] == ["Run", "Symbol", "Model", "Seed"]
    assert page.selectbox[0].options == ["pair", "single"]
    choose(page, "Symbol", "BBB")
    assert figures(page)["Forecasts"] == "84"
    assert "Skill vs zero of all symbols" in figures(page)
    choose(page, "Run", tmp_path / "runs" / "single")
    assert not page.get("select_slider")
    assert "in fold 0:" in words(page)
