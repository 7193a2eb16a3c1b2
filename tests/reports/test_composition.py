"""Tests of the report as a whole: its title, its order, the marks of a leak, and the caveat of a run not audited."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from backtest import reports
from backtest.data.records.audit import Audit
from backtest.reports import blocks
from backtest.reports.blocks import Document, Heading, Section, Verdict
from backtest.reports.render.html import lines
from backtest.reports.report import NO_RESULT, compose, figures, marked
from backtest.reports.run import RunResult, read
from backtest.reports.sections import COMPARISON_SECTIONS, SECTIONS
from tests.support.audits import leaky, passed
from tests.support.fake_run import Plan, make


@pytest.mark.parametrize(
    ("networks", "symbols", "title"),
    [
        (("gru",), ("SP500",), "GRU on SP500"),
        (tuple("abcd"), ("A", "B"), r"\w, \w and 2 more on A and B"),
        ((), ("A",), r"\w+, \w+ and \w+ on A"),
    ],
)
def test_the_title_names_models_and_symbols_and_the_line_below_the_run(
    tmp_path: Path, networks: tuple[str, ...], symbols: tuple[str, ...], title: str
) -> None:
    plan = Plan(networks=networks, symbols=symbols, folds=3, test=84, name="my run")
    document = compose(reports.read(make(tmp_path, plan)))
    assert re.fullmatch(title, document.title)
    assert document.subtitle.startswith("Run my run, walked forward from ")


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        ("p adjusted", "p adjusted"),
        ("Mean outcome", "Mean outcome"),
        ("In the set", "In the set"),
        ("Skill vs zero", "Skill vs\nzero"),
        ("MSE of zero, 10⁻⁶", "MSE of zero,\n10⁻⁶"),
        ("<b> & more", "<b> & more"),
    ],
)
def test_a_head_of_two_words_stays_on_one_line(head: str, shown: str) -> None:
    assert lines(head) == shown


def test_a_figure_that_unfolds_is_written_beside_the_report() -> None:
    figure = blocks.Figure("f", "<svg></svg>", "alt", "alpha", blocks.table(["beta"], [("gamma",)]))
    folded = Section("only", (blocks.Details("alpha", (blocks.Details("beta", (figure,)),)),))
    assert figures(Document("title", "subtitle", "0", (folded,))) == (figure,)


SUSPECT = "Leak suspected, results unreliable: "


def test_a_suspected_leak_is_said_in_the_title_of_every_result(tmp_path: Path) -> None:
    found = read(make(tmp_path, Plan(folds=2, test=30, audit=leaky())))
    assert found.verdict.status == "leak suspected"
    titles = {section.name: section.blocks[0] for section in compose(found).sections}
    said = {name for name, block in titles.items() if isinstance(block, Heading) and block.finding.startswith(SUSPECT)}
    assert said == set(titles) - {"verdict", "validity", "data", "method", "glossary"}


def test_a_section_that_nobody_has_thought_of_is_marked() -> None:
    sections = [Section(name, (Heading("finding", "question"),)) for name in ("brand new", *NO_RESULT)]
    blocks = [block for section in marked(sections, NO_RESULT, SUSPECT) for block in section.blocks]
    found = [block.finding for block in blocks if isinstance(block, Heading)]
    assert found == [f"{SUSPECT}finding", *["finding"] * len(NO_RESULT)]


def test_sections_that_are_not_marked_exist() -> None:
    assert set(NO_RESULT) <= {*SECTIONS, *COMPARISON_SECTIONS}


def test_no_title_is_marked_without_a_leak(usual: RunResult) -> None:
    blocks = [block for section in compose(usual).sections for block in section.blocks]
    assert not any(block.finding.startswith(SUSPECT) for block in blocks if isinstance(block, Heading))


@pytest.mark.parametrize(
    ("audit", "caveat"),
    [(None, True), (Audit("full", "", ()), True), (passed("quick"), False), (passed(), False), (leaky(), False)],
)
def test_no_verdict_stands_without_a_caveat_where_nothing_looked_for_leaks(
    usual: RunResult, audit: Audit | None, caveat: bool
) -> None:
    (block,) = SECTIONS["verdict"](replace(usual, audit=audit))
    assert isinstance(block, Verdict)
    assert block.remark.startswith("This run has not been audited for leaks") == caveat


def test_trust_comes_after_the_verdict_and_before_the_scores(usual: RunResult) -> None:
    assert [section.name for section in compose(usual).sections[:3]] == ["verdict", "validity", "scores"]
