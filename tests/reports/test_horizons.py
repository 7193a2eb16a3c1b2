"""Tests of reports of several horizons: every number is that of its own horizon, and each finding names it."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from backtest.data.names import Status
from backtest.data.records.verdict import Candidate
from backtest.data.result_tables import JOINT
from backtest.reports import blocks
from backtest.reports.blocks import Details, Figure, Heading, Section, Table, Verdict, walk
from backtest.reports.figures.canvas import pens
from backtest.reports.render.markdown import to_markdown
from backtest.reports.report import compose, figures
from backtest.reports.run import RunResult, read
from backtest.reports.sections import SECTIONS
from backtest.reports.sections.scores import headline as headline_table
from backtest.reports.wording.evidence import sentences
from backtest.reports.wording.verdict import headline
from backtest.run_view import Run
from tests.support.audits import leaky
from tests.support.candidates import candidate, verdict
from tests.support.fake_run import Plan, make

pytestmark = pytest.mark.integration

HORIZONS = (1, 5, 22)
PLAN = Plan(horizons=HORIZONS, signals=(0.03, 0.05, 0.5))
BY_HORIZON = ("forest", "cumulative_loss", "tests", "skill", "calibration", "regimes", "residuals", "seeds", "costs")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("horizons"), PLAN)


@pytest.fixture(scope="module")
def several(folder: Path) -> RunResult:
    return read(folder)


def found(*models: tuple[Status, str, int]) -> str:
    """The headline of candidates given as (status, model, horizon)."""
    return headline(verdict(*(candidate(status, model, horizon=horizon) for status, model, horizon in models)))


@pytest.mark.parametrize(
    ("models", "text"),
    [
        (
            [("better", "lstm", 22), ("no evidence", "lstm", 1), ("no evidence", "lstm", 5)],
            "Evidence of skill: LSTM forecasts better than zero at 22 bars; no evidence at 1 and 5 bars.",
        ),
        (
            [("no evidence", model, horizon) for model in ("lstm", "gru") for horizon in (5, 1)],
            "No evidence of skill: LSTM and GRU do not forecast significantly better than zero at 1 and 5 bars.",
        ),
        (
            [("better", "gru", 5), ("better", "gru", 1), ("better", "lstm", 1), ("no evidence", "lstm", 5)],
            (
                "Evidence of skill: GRU (1 and 5 bars) and LSTM (1 bar) forecast better than zero; LSTM does not "
                "forecast significantly better than zero at 5 bars."
            ),
        ),
        (
            [("worse", "lstm", 5), ("cannot tell", "lstm", 22)],
            (
                "Negative skill: LSTM forecasts worse than zero at 5 bars; the evidence is insufficient to judge "
                "LSTM at 22 bars."
            ),
        ),
    ],
)
def test_a_headline_says_at_which_horizons(models: list[tuple[Status, str, int]], text: str) -> None:
    assert found(*models) == text


def test_each_sentence_names_its_horizon(several: RunResult) -> None:
    said = sentences(several.verdict)
    pairs = {(one.model, one.horizon) for one in several.verdict.candidates}
    assert pairs == {(model, horizon) for model in ("lstm", "gru") for horizon in HORIZONS}
    for text, one in zip(said, several.verdict.candidates, strict=False):
        assert f"{one.model.upper()} at {one.horizon} bar" in text


def test_the_family_of_the_verdict_is_every_model_at_every_horizon(several: RunResult) -> None:
    assert several.verdict.comparisons == 5 * len(HORIZONS)  # lstm, gru, ridge, ar and mean


def test_views_are_those_of_the_horizon_that_is_asked_for(several: RunResult) -> None:
    assert several.horizons == HORIZONS
    assert several.horizon == several.verdict.candidates[0].horizon == 22
    for horizon in HORIZONS:
        view = several.at(horizon)
        own = {one.model: one for one in several.verdict.candidates if one.horizon == horizon}
        assert {score.model: score.candidate for score in view.candidates} == own
        assert {score.model: score.skill for score in view.candidates} == {name: one.skill for name, one in own.items()}
        for score in view.candidates:
            path = next(path for path in view.paths if path.model == score.model)
            assert path.values[-1] == pytest.approx(-(score.skill or 0.0))
        assert view.status in {one.status for one in own.values()}
        assert view.at(22).horizon == 22
        assert pens(view) == pens(several)


@pytest.mark.parametrize("name", BY_HORIZON)
def test_a_section_says_its_horizon_and_unfolds_the_others(name: str, several: RunResult) -> None:
    first, *_ = found_blocks = SECTIONS[name](several)
    assert isinstance(first, Heading)
    assert first.finding.startswith("At 22 bars: ")
    folded = [block for block in found_blocks if isinstance(block, Details) and block.summary.startswith("At ")]
    assert [block.summary.partition(":")[0] for block in folded] == ["At 1 bar", "At 5 bars"]
    for horizon, block in zip((1, 5), folded, strict=True):
        own, *inside = SECTIONS[name](single(several, horizon))
        assert isinstance(own, Heading)
        alone = own.finding.partition(" once ")[0]  # the family is larger with the other horizons
        assert block.summary.partition(" once ")[0].endswith(f": {alone}")
        assert [one.kind for one in block.inside] == [one.kind for one in inside]
        assert shown_tables(block.inside) == shown_tables(inside)


def single(result: RunResult, horizon: int) -> RunResult:
    """A run without its other horizons."""
    tables = {
        name: frame.filter(pl.col("horizon") == horizon) if name in ("forecasts", "joint") else frame
        for name, frame in result.tables.items()
    }
    return RunResult(
        verdict=result.verdict,
        tables=tables,
        manifest=result.manifest,
        config=result.config,
        costs=result.costs,
        audit=result.audit,
    )


def shown_tables(inside: list[blocks.Block] | tuple[blocks.Block, ...]) -> list[list[tuple[str, ...]]]:
    """The cells of all tables, but for the families of tests, which are larger with the other horizons."""
    every = (getattr(block, "numbers", block) for block in walk(inside))
    found = []
    for block in (block for block in every if isinstance(block, Table)):
        kept = [place for place, column in enumerate(block.columns) if column.label != "Adjusted over"]
        found.append([tuple(row[place] for place in kept) for row in block.rows])
    return found


def test_figures_have_files_and_ids_of_their_own(several: RunResult) -> None:
    drawn = figures(compose(several))
    names = [figure.name for figure in drawn]
    assert len(set(names)) == len(names)
    assert {"horizons", "forest", "forest_1", "forest_5"} <= set(names)
    ids = [one for figure in drawn for one in re.findall(r' id="([^"]+)"', figure.svg)]
    assert len(set(ids)) == len(ids) > 0
    for figure in drawn:
        assert set(re.findall(r"url\(#([^)]+)\)", figure.svg)) <= set(re.findall(r' id="([^"]+)"', figure.svg))


def test_skill_by_horizon_shows_each_model_at_each_horizon_and_all_together(several: RunResult) -> None:
    heading, figure, table = SECTIONS["horizons"](several)
    assert isinstance(heading, Heading)
    assert isinstance(figure, Figure)
    assert isinstance(table, Table)
    assert heading.finding == "LSTM and GRU are better than zero at 22 bars; no significant skill at 1 and 5 bars"
    assert {group.label for group in table.groups} == {"LSTM", "GRU", "AR", "ridge", "mean", "naive"}
    joint = {(row.model, row.test): row.p_value for row in several.rows(JOINT, horizon=None)}
    assert len(joint) == 2 * 6
    for group in table.groups:
        assert [row[0] for row in group.rows] == ["1", "5", "22", "mean (aSPA)", "each (uSPA)"]
    lstm = next(group for group in table.groups if group.label == "LSTM")
    own = sorted((one for one in several.verdict.candidates if one.model == "lstm"), key=lambda one: one.horizon)
    assert [row[5] for row in lstm.rows[:3]] == [one.status for one in own]
    for row, one in zip(lstm.rows, own, strict=False):
        assert number(row[1]) == pytest.approx(100 * (one.skill or 0.0), abs=0.006)
        assert number(row[4]) == pytest.approx(one.p_adjusted or 0.0, abs=0.006)
    assert number(lstm.rows[4][3]) == pytest.approx(joint["lstm", "uniform_superior_predictive_ability"], abs=0.006)


def number(cell: str) -> float:
    """The number in a cell."""
    digits = re.search(r"[−+]?\d+(\.\d+)?", cell)
    assert digits, cell
    return float(digits[0].replace("−", "-"))


def test_marks_are_filled_where_the_adjusted_p_is_small_and_hollow_elsewhere(several: RunResult) -> None:
    _, figure, _ = SECTIONS["horizons"](several)
    assert isinstance(figure, Figure)
    marks = re.findall(r'<use [^>]*class="([^"]*)"', figure.svg)
    assert sum("f-paper" in mark for mark in marks) == 2 * 2 + 3  # both networks at 1 and 5 bars, the baseline at all
    assert sum("f-blue" in mark for mark in marks) == sum("f-vermilion" in mark for mark in marks) == 1


def test_nothing_is_said_of_horizons_where_there_is_one(usual: RunResult) -> None:
    assert SECTIONS["horizons"](usual) == ()
    page = to_markdown(compose(usual))
    assert "aSPA" not in page
    assert "At 1 bar" not in page


def test_a_title_without_skill_says_so(tmp_path: Path) -> None:
    none = read(make(tmp_path, Plan(horizons=(1, 3), signals=(0.0, 0.0), folds=4, test=63)))
    heading = SECTIONS["horizons"](none)[0]
    assert isinstance(heading, Heading)
    assert heading.finding == "No significant skill against zero at any horizon: 1 and 3 bars"


def test_tables_in_page_terminal_and_notebook_are_grouped_by_horizon(several: RunResult, folder: Path) -> None:
    labels = ["1 bar ahead", "5 bars ahead", "22 bars ahead"]
    table = headline_table(several)
    assert [group.label for group in table.groups] == labels
    assert all(len(group.rows) == 7 + 2 for group in table.groups)  # the models and both combinations
    run = Run(several, folder)
    printed = str(run)
    assert [line.strip() for line in printed.splitlines() if line.strip() in labels] == labels
    assert max(map(len, printed.splitlines())) <= 80
    assert "LSTM at 22 bars better" in repr(run)
    assert all(label in run._repr_html_() for label in labels)


def test_the_word_of_the_verdict_names_the_horizons_with_skill(several: RunResult) -> None:
    (block,) = SECTIONS["verdict"](several)
    assert isinstance(block, Verdict)
    assert block.word.startswith("Better")
    assert block.headline.endswith("at 22 bars; no evidence at 1 and 5 bars.")


def test_data_and_method_name_all_horizons(several: RunResult) -> None:
    page = to_markdown(compose(several))
    assert "1,500 of each model, 1, 5 and 22 bars ahead" in page
    assert "1, 5 and 22 bars, forecast from the same bars: those whose outcome over 22 bars is known" in page
    assert "**aSPA:**" in page


def test_a_leak_is_said_in_what_unfolds_too(tmp_path: Path) -> None:
    plan = Plan(horizons=(1, 3), folds=3, test=84, audit=leaky())
    document = compose(read(make(tmp_path, plan)))
    folded = [block.summary for section in document.sections for block in others(section)]
    assert len(folded) >= len(BY_HORIZON) - 1
    assert all(summary.startswith("Leak suspected, results unreliable: At ") for summary in folded)


def others(section: Section) -> list[Details]:
    """What unfolds from the finding at another horizon."""
    found_blocks = [block for block in section.blocks if isinstance(block, Details)]
    return [block for block in found_blocks if re.search(r"At \d+ bars?: ", block.summary)]


def test_a_candidate_without_forecasts_has_no_horizon() -> None:
    missing: Candidate = candidate("cannot tell", "gru", horizon=0)
    text = headline(verdict(candidate("better", "lstm", horizon=1), candidate("better", "lstm", horizon=5), missing))
    assert text.endswith("at 1 and 5 bars; the evidence is insufficient to judge GRU.")
