"""Tests of the sections: every entry of SECTIONS renders for every kind of run, and titles say what the numbers say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from backtest.data.names import Status
from backtest.data.result_tables import JOINT, TESTS
from backtest.reports.blocks import Block, Details, Facts, Figure, Heading, Table, Tone, Verdict, binned, walk
from backtest.reports.figures.canvas import colours, pens
from backtest.reports.run import RunResult, read
from backtest.reports.sections import SECTIONS
from backtest.reports.sections.scores import headline
from backtest.reports.sections.verdict import FRAGILE, TONES
from backtest.reports.wording.formulas import formulas_of
from backtest.reports.wording.terms import terms_of
from tests.support.audits import leaky, passed
from tests.support.candidates import altered
from tests.support.fake_run import Plan, make
from tests.support.selection import quick_or_slow

PLANS = {
    "usual": Plan(folds=3, test=84),
    "one network": Plan(networks=("gru",), folds=3, test=84),
    "six networks": Plan(networks=tuple("uvwxyz"), folds=3, test=84),
    "no network": Plan(networks=(), folds=3, test=84),
    "zero and naive alone": Plan(networks=(), baselines=("zero", "naive"), folds=3, test=84),
    "one fold": Plan(folds=1),
    "few forecasts": Plan(folds=2, test=3),
    "one forecast": Plan(folds=1, test=1),
    "undefined tests": Plan(folds=3, test=84, undefined=True),
    "one seed": Plan(folds=3, test=84, seeds=1),
    "one epoch": Plan(folds=3, test=84, epochs=1),
    "several symbols": Plan(symbols=tuple(f"S{number}" for number in range(12)), folds=3, test=84),
    "daily": Plan(interval=timedelta(days=1), folds=3),
    "by the minute": Plan(interval=timedelta(minutes=1), folds=3, test=84),
    "audited": Plan(folds=3, test=84, audit=passed()),
    "with leaks": Plan(folds=3, test=84, audit=leaky()),
    "several horizons": Plan(horizons=(1, 5), folds=3, test=84),
    "all collapsed": Plan(constant=("lstm", "gru"), folds=3, test=84),
}


LIKE_OTHERS = {"one network", "few forecasts", "one epoch", "by the minute", "audited"}
"""Runs between two that are always tried, such as none and two networks, or one forecast and many."""


@pytest.fixture(scope="module", params=quick_or_slow(PLANS, PLANS.keys() - LIKE_OTHERS))
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return read(make(tmp_path_factory.mktemp("sections"), PLANS[request.param]))


@pytest.mark.parametrize("name", list(SECTIONS))
def test_a_section_opens_with_its_finding_and_its_tables_are_whole(name: str, result: RunResult) -> None:
    blocks = SECTIONS[name](result)
    alone = {"horizons": len(result.horizons) == 1, "symbols": len(result.manifest.data.symbols) == 1}
    if alone.get(name) or name in ("volatility", "tuning"):
        assert blocks == ()
        return
    opening = blocks[0]
    assert isinstance(opening, Verdict if name == "verdict" else Heading)
    if isinstance(opening, Heading):
        assert opening.question.endswith("?")
        assert opening.finding
        assert "nan" not in opening.finding.lower().split()
    for table in tables(blocks):
        assert {len(row) for row in table.rows} <= {len(table.columns)}
        assert not any(cell.lower() in {"nan", "none", ""} for row in table.rows for cell in row)


def tables(blocks: Iterable[Block]) -> Iterator[Table]:
    """Yield all tables, those of figures and what unfolds among them."""
    for block in walk(blocks):
        shown = getattr(block, "numbers", block)
        if isinstance(shown, Table):
            yield shown


@pytest.mark.parametrize("name", list(SECTIONS))
def test_a_section_says_what_it_shows_in_its_first_line(name: str) -> None:
    assert (SECTIONS[name].__doc__ or "").partition("\n")[0].endswith(".")


@pytest.mark.parametrize("name", list(SECTIONS))
def test_a_figure_has_words_beside_it(name: str, usual: RunResult) -> None:
    for figure in (block for block in SECTIONS[name](usual) if isinstance(block, Figure)):
        assert figure.alt.endswith(".")
        assert figure.caption.endswith(".")
        assert figure.numbers.rows


def test_every_status_of_a_verdict_has_a_tone_and_a_word() -> None:
    assert set(TONES) == set(get_args(Status))
    shown = [*TONES.values(), *FRAGILE.values()]
    assert {tone for tone, _ in shown} == set(get_args(Tone))
    assert len({word for _, word in shown}) == len(shown)


def test_the_headline_table_has_every_model_and_sets_baselines_apart(usual: RunResult) -> None:
    table = headline(usual)
    assert [group.label for group in table.groups] == [
        "Baselines",
        "Models, best first",
        "Combinations of the models, tested alone",
    ]
    assert [row[0] for row in table.groups[0].rows][:2] == ["zero", "naive"]
    assert [row[0] for row in table.groups[2].rows] == ["pool", "shrunk"]
    assert len(table.rows) == 7 + 2
    zero = dict(zip([column.label for column in table.columns], table.rows[0], strict=True))
    assert {zero["Skill vs zero"], zero["p"], zero["Folds won"], zero["Seeds better"]} == {"–"}
    heads = ["Model", "Skill vs zero", "95 % interval", "p", "p adjusted", "In the set", "Folds won", "Seeds better"]
    assert [column.label for column in table.columns][:8] == heads
    assert {row[5] for group in table.groups[:2] for row in group.rows} <= {"yes", "no"}


def test_what_a_narrow_terminal_shows_of_the_headline_table_fits_80_columns(tmp_path: Path) -> None:
    table = headline(read(make(tmp_path, Plan(folds=12, test=60, seeds=5))))
    shown = [place for place, column in enumerate(table.columns) if not column.spare]
    texts = [[*table.columns[place].label.rsplit(" ", 1), *(row[place] for row in table.rows)] for place in shown]
    assert sum(max(map(len, column)) for column in texts) + 2 * (len(shown) - 1) <= 80


def test_long_tables_are_binned_and_keep_the_last_row() -> None:
    assert binned(range(40)) == tuple(range(40))
    assert len(binned(range(500))) == 40
    assert binned(range(500))[-1] == 499


def test_every_model_has_a_colour_and_lines_differ_without_it_too(tmp_path: Path) -> None:
    found = read(make(tmp_path, PLANS["six networks"]))
    painted, drawn = colours(found), pens(found)
    assert set(painted) == {score.model for score in found.scores}
    assert len({painted[score.model] for score in found.candidates[:5]}) == 5
    assert len({drawn[score.model].dashes for score in found.candidates[:5]}) == 5
    assert len({(drawn[score.model].colour, drawn[score.model].dashes) for score in found.candidates}) == 6


def test_every_test_and_every_head_that_a_reader_may_not_know_is_in_the_glossary(usual: RunResult) -> None:
    glossary = terms_of(usual.question)
    words = " ".join(glossary).lower()
    titles = {row.title for row in usual.rows(TESTS, fold=None)} | {row.title for row in usual.rows(JOINT)}
    assert [title for title in titles if title.partition(" (")[0].lower() not in words] == []
    assert list(glossary) == sorted(glossary, key=str.lower)
    assert all(re.fullmatch(r"[^.]+(\.\d+)?[^.]*\.", text) for text in glossary.values())


def test_the_formulas_unfold_with_their_sources_and_the_seeds_are_named(usual: RunResult) -> None:
    blocks = SECTIONS["method"](usual)
    unfolded = [block.inside for block in blocks if isinstance(block, Details)]
    assert [block for inside in unfolded for block in inside if isinstance(block, Facts)] == [
        Facts(tuple(formulas_of(usual.question).items()))
    ]
    facts = dict(pair for block in blocks if isinstance(block, Facts) for pair in block.pairs)
    assert facts["Seeds"] == "0, 1 and 2, for each network"


def test_bars_without_a_forecast_are_told_from_bars_that_are_incomplete(usual: RunResult) -> None:
    lost = tuple(replace(fold, n_lost=4) for fold in usual.folds)
    facts = dict(
        pair
        for block in SECTIONS["data"](altered(usual, folds=lost))
        if isinstance(block, Facts)
        for pair in block.pairs
    )
    assert facts["Incomplete bars"].startswith("55: ")
    assert facts["Test bars without a forecast"] == "12, for the same reasons"


@pytest.mark.parametrize(
    ("section", "words"),
    [("seeds", (">worse<", ">better<")), ("skill", (">up: better<",)), ("cumulative_loss", ("down: better",))],
)
def test_a_picture_says_which_way_is_better(usual: RunResult, section: str, words: tuple[str, ...]) -> None:
    (found,) = (block for block in SECTIONS[section](usual) if isinstance(block, Figure))
    assert all(word in found.svg for word in words)
