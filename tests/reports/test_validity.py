"""Tests of the validity strip: it says what was checked, shows every leak, and claims nothing that was not done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backtest import reports
from backtest.data.errors import RunError
from backtest.data.records.audit import AUDIT, Audit, Leak, Level, Subject
from backtest.data.run_files import MANIFEST, file_sums, read_manifest, write_bytes, write_json
from backtest.reports.blocks import Details, Facts, Heading, Item, Strip, Table, Text
from backtest.reports.result import Fold
from backtest.reports.run import RunResult, read
from backtest.reports.sections.validity import validity
from backtest.reports.wording.audit import counterexample_words, leak_remedy
from tests.support.audits import CODES, COUNTEREXAMPLE, LEAKS, leaky, level, passed
from tests.support.candidates import altered
from tests.support.fake_run import Plan, make
from tests.support.payloads import PAYLOADS
from tests.support.poison import poison

PLAN = Plan(folds=2, test=30)


def title(result: RunResult) -> str:
    """Finding of the section."""
    opening = validity(result)[0]
    assert isinstance(opening, Heading)
    return opening.finding


def items(result: RunResult) -> dict[str, Item]:
    """Items of the strip by label."""
    strip = validity(result)[1]
    assert isinstance(strip, Strip)
    return {item.label: item for item in strip.items}


@pytest.mark.parametrize(
    ("audit", "tone", "word", "detail", "finding"),
    [
        (None, "care", "not audited", "run backtest audit", "This run has not been audited for leaks"),
        (Audit("full", "", ()), "care", "not audited", "run backtest audit", "This run has not been audited"),
        (passed(), "good", "passed", "full: levels 1 to 5", "The full audit found no leak"),
        (
            passed("quick"),
            *("good", "passed", "quick: levels 1 to 4; run backtest audit for all 5", "The quick audit found no leak"),
        ),
        (
            leaky(),
            *("bad", "2 leaks", "feature my_feature reads the future, and 1 more"),
            "A leak was found: the results are unreliable",
        ),
        (
            leaky(LEAKS[1]),
            "bad",
            "1 leak",
            "feature other depends on bars before its look-back of 3",
            "A leak was found",
        ),
    ],
)
def test_the_strip_and_its_title_say_how_the_audit_came_out(
    usual: RunResult, audit: Audit | None, tone: str, word: str, detail: str, finding: str
) -> None:
    result = replace(usual, audit=audit)
    item = items(result)["Leak audit"]
    assert (item.tone, item.word) == (tone, word)
    assert item.detail.startswith(detail)
    assert title(result).startswith(finding)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((3,), "full: level 3"), ((1, 2), "full: levels 1 and 2"), ((1, 2, 4), "full: levels 1, 2 and 4")],
)
def test_only_the_levels_that_were_run_are_claimed(usual: RunResult, numbers: tuple[int, ...], words: str) -> None:
    every = (
        level(number) if number in numbers else Level(number, CODES[number - 1], {}, done=False)
        for number in range(1, 6)
    )
    assert items(replace(usual, audit=Audit("full", "", tuple(every))))["Leak audit"].detail == words


def test_holes_are_cared_for_and_their_absence_is_good(usual: RunResult) -> None:
    item = items(usual)["Data check"]
    assert (item.tone, item.word, item.detail) == ("care", "2 holes", "1,252 bars; 7 missing, never filled")
    card = replace(usual.manifest.data, gaps=0, missing_bars=0)
    item = items(replace(usual, manifest=replace(usual.manifest, data=card)))["Data check"]
    assert (item.tone, item.word, item.detail) == ("good", "no holes", "1,252 bars; none missing")


def folds(result: RunResult, change: Callable[[Fold], Fold]) -> RunResult:
    """Return a run whose last fold is another one."""
    return altered(result, folds=(*result.folds[:-1], change(result.folds[-1])))


def test_a_fold_without_a_forecast_and_lost_rows_are_counted(usual: RunResult) -> None:
    assert items(usual)["Folds completed"] == Item("good", "Folds completed", "3 of 3", "every test bar has a forecast")
    item = items(folds(usual, lambda fold: replace(fold, n_test=0, n_lost=80)))["Folds completed"]
    assert (item.tone, item.word) == ("care", "2 of 3")
    assert item.detail == "80 test bars without a forecast"


def test_a_test_span_that_was_learned_from_is_bad_whatever_the_audit_says(usual: RunResult) -> None:
    early = timedelta(hours=300)
    result = folds(replace(usual, audit=passed()), lambda fold: replace(fold, test_start=fold.test_start - early))
    item = items(result)["Folds completed"]
    assert (item.tone, item.word) == ("bad", "overlapping")
    assert item.detail == "the test period of fold 2 overlaps training or validation"
    assert title(result).endswith("overlaps training or validation: the results are unreliable")


@pytest.mark.parametrize(("device", "tone"), [("cpu", "good"), ("cuda", "care"), ("cpu and cuda", "care")])
def test_only_a_processor_promises_the_same_bits(usual: RunResult, device: str, tone: str) -> None:
    hardware = replace(usual.manifest.hardware, device=device)
    item = items(replace(usual, manifest=replace(usual.manifest, hardware=hardware)))["Reproducible"]
    assert item.tone == tone
    assert (f"fitted on {device}" in item.detail) == (tone == "care")


@pytest.mark.parametrize(
    ("tried", "word", "detail"),
    [(1, "nothing else", "according to the ledger"), (12, "12 in all", "configurations; the p-values allow for all")],
)
def test_what_was_tried_is_counted_and_no_fault(usual: RunResult, tried: int, word: str, detail: str) -> None:
    item = items(replace(usual, verdict=replace(usual.verdict, configurations=tried)))["Tried on these bars"]
    assert (item.tone, item.word) == ("good", word)
    assert item.detail.startswith(detail)


def test_leaks_stand_in_the_open_with_counterexample_and_remedy(usual: RunResult) -> None:
    _, _, _, facts, details = validity(replace(usual, audit=leaky()))
    assert isinstance(facts, Facts)
    first, second = facts.pairs
    proof = f"Feature my_feature reads the future. {counterexample_words(COUNTEREXAMPLE)}."
    assert first == ("Level 1, causality of features", f"{proof} What to do: {leak_remedy(LEAKS[0])}.")
    assert second[1] == f"Feature other depends on bars before its look-back of 3. What to do: {leak_remedy(LEAKS[1])}."
    assert isinstance(details, Details)
    (inside,) = details.inside
    assert isinstance(inside, Table)
    assert [row[:3] for row in inside.rows[:2]] == [
        ("1", "causality of features", "leak"),
        ("2", "warm-up", "passed"),
    ]
    assert [row[4] for row in inside.rows[:2]] == [counterexample_words(COUNTEREXAMPLE), "–"]
    fits = "model gru, fold 0: two fits on the same rows differ in their state or last digits: no leak"
    assert inside.rows[3][3] == f"7 models, 3 folds, 52 fits; {fits}"


@pytest.mark.parametrize(("audit", "kinds"), [(None, [Heading, Strip]), (passed(), [Heading, Strip, Details])])
def test_where_no_leak_was_found_only_the_levels_unfold(
    usual: RunResult, audit: Audit | None, kinds: list[type]
) -> None:
    assert [type(block) for block in validity(replace(usual, audit=audit))] == kinds


def test_leaks_beyond_the_first_twenty_are_counted(usual: RunResult) -> None:
    many = tuple(Leak("nondeterministic", Subject("feature", f"x{number}")) for number in range(23))
    *_, facts, text, _ = validity(replace(usual, audit=leaky(*many)))
    assert isinstance(facts, Facts)
    assert len(facts.pairs) == 20
    assert text == Text("3 more leaks in audit.json.")


@pytest.mark.parametrize("audit", [None, passed("quick"), leaky()])
def test_an_audit_comes_back_from_the_folder_as_it_was(tmp_path: Path, audit: Audit | None) -> None:
    assert read(make(tmp_path, replace(PLAN, audit=audit))).audit == audit


def test_a_file_that_the_manifest_does_not_list_is_no_audit(tmp_path: Path) -> None:
    run = make(tmp_path, PLAN)
    write_bytes(run / AUDIT, passed().to_json().encode())
    assert read(run).audit is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", r"audit\.json: expected JSON"),
        (b'{"depth": "deep", "key": "", "levels": []}', r"audit\.json: .*\(depth: Input should be 'quick' or 'full'\)"),
    ],
)
def test_an_audit_of_another_make_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    run = make(tmp_path, replace(PLAN, audit=passed()))
    (run / AUDIT).write_bytes(content)
    with pytest.raises(RunError, match=r"audit\.json: damaged"):
        read(run)
    manifest = read_manifest(run)
    write_json(run / MANIFEST, manifest | {"files": file_sums(run, manifest["files"])})
    with pytest.raises(RunError, match=message):
        read(run)


def test_the_strip_reads_the_same_in_markdown_and_html_and_twice(tmp_path: Path) -> None:
    run = make(tmp_path, replace(PLAN, audit=leaky()))
    pages = [reports.write(run).read_text("utf-8") for _ in range(2)]
    text = (run / "report.md").read_text("utf-8")
    assert pages[0] == pages[1]
    assert "- ❌ **Leak audit:** 2 leaks · feature my\\_feature reads the future, and 1 more" in text
    for item in items(read(run)).values():
        assert all(f">{words}<" in pages[0] for words in (item.label, item.detail))
        assert f"</svg> {item.word}</p>" in pages[0]
    assert f"[{AUDIT}]({AUDIT})" in text.replace("\\", "")


def test_what_a_hostile_audit_says_is_shown_as_it_is(tmp_path: Path) -> None:
    run = poison(make(tmp_path, replace(PLAN, audit=leaky())))
    stored = json.loads((run / AUDIT).read_text("utf-8"))
    assert {leak["subject"]["name"] for leak in stored["levels"][0]["leaks"]} < set(PAYLOADS)
    page = reports.write(run).read_text("utf-8")
    assert "<script" not in page
    assert "<img" not in page
    found = read(run).audit
    assert found is not None
    assert [leak.subject.name for leak in found.leaks] == [
        leak["subject"]["name"].replace("\n", "\ufffd") for leak in stored["levels"][0]["leaks"]
    ]


def test_signs_that_cannot_be_seen_are_replaced_in_an_audit(tmp_path: Path) -> None:
    leak = Leak("refused", Subject("feature", "\u202ex\x1b"), error="l\x00eaks")
    found = read(make(tmp_path, replace(PLAN, audit=leaky(leak)))).audit
    assert found is not None
    assert (found.leaks[0].subject.name, found.leaks[0].error) == ("\ufffdx\ufffd", "l\ufffdeaks")
