"""Tests of a comparison's report: its words follow from its numbers by rule, and no string in it is ever markup."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backtest.comparison.compare import compare_runs
from backtest.data.errors import RunError
from backtest.data.names import Status
from backtest.data.question import Question
from backtest.data.records.comparison import COMPARISON, Finding, Pair, Setting
from backtest.data.records.reading import printable
from backtest.data.result_tables import RUN_TABLES
from backtest.data.run_files import VERDICT
from backtest.reports import ComparisonResult, write
from backtest.reports.blocks import Figure, Heading, Table
from backtest.reports.compared import read
from backtest.reports.diagnostics import LossPath
from backtest.reports.figures.pairs import pair_forest
from backtest.reports.formats import plain
from backtest.reports.render.markdown import APART
from backtest.reports.report import compose
from backtest.reports.sections import COMPARISON_SECTIONS
from backtest.reports.sections.compared_runs import (
    audits_item,
    fairness_title,
    own_title,
    settings,
    settings_item,
    verdict_of,
)
from backtest.reports.sections.pairs import limit_in, pairs, pairs_table, pairs_title, path_title
from backtest.reports.wording.comparison import digits_of, headline, lettered, middle, sentence
from tests.support.audits import leaky, passed
from tests.support.compared_runs import COLD, WARM, two
from tests.support.pages import Page, flat, render
from tests.support.payloads import HARMLESS, PAYLOADS
from tests.support.poison import poison, storable


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of two audited runs, with its report."""
    place = tmp_path_factory.mktemp("comparison")
    runs = two(place, replace(COLD, audit=passed()), replace(WARM, audit=passed("quick")))
    compare_runs(runs, place / "found")
    write(place / "found")
    return place / "found"


@pytest.fixture(scope="module")
def result(folder: Path) -> ComparisonResult:
    return read(folder)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of two runs in which every string is hostile, with its report."""
    return disguised(tmp_path_factory.mktemp("hostile"), PAYLOADS)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with other words in all those places."""
    return disguised(tmp_path_factory.mktemp("harmless"), HARMLESS)


def disguised(folder: Path, payloads: Sequence[str]) -> Path:
    """A comparison of two runs in which every string is a payload, models and symbols the same in both."""
    plan = replace(COLD, audit=leaky())
    names = [text for text in payloads if len(text) < 60 and text.isprintable() and "/" not in text]
    runs = two(folder, plan, replace(plan, signal=0.2), names=(names[0], names[-1]))
    same = len((*plan.models, *plan.symbols))
    poison(runs[0], payloads)
    poison(runs[1], (*payloads[:same], *reversed(payloads[same:])))
    compare_runs(runs, folder / "found")
    write(folder / "found")
    return folder / "found"


def pair(finding: Finding = "no difference", model: str = "lstm", other: str = "", **changes: float | str) -> Pair:
    """A pair of cold and warm of which this was found."""
    sign = 1 if finding == "worse" else -1
    numbers: dict[str, Any] = {"difference": sign * 0.0123, "low": sign * 0.0123 - 0.01}
    numbers |= {"high": sign * 0.0123 + 0.01, "p_value": 0.012, "p_adjusted": 0.03, "p_other_loss": 0.2}
    notes = {"the same": "the same forecasts", "undefined": "too few"}
    numbers = dict.fromkeys(numbers) if finding in notes else numbers
    about = model, "cold", other or model, "warm", 1
    names = f"cold:{model}", f"warm:{other or model}"
    found = Pair(*about, "best" if other else "question", 1, names, finding, note=notes.get(finding, ""), **numbers)
    return replace(found, **changes)  # type: ignore[arg-type]


def having(
    result: ComparisonResult, *found: Pair, statuses: Sequence[Status] = ("no evidence", "no evidence")
) -> ComparisonResult:
    """The result with other pairs and verdicts; every model has the verdict of its run."""
    verdicts = dict(zip(("cold", "warm"), statuses, strict=True))
    runs = tuple(
        replace(
            run,
            verdict=replace(
                run.verdict,
                status=verdicts[run.name],
                candidates=tuple(replace(one, status=verdicts[run.name]) for one in run.verdict.candidates),
            ),
        )
        for run in result.found.runs
    )
    return replace(result, found=replace(result.found, pairs=found, runs=runs))


MODELS = ("lstm", "gru", "mlp", "tcn", "rnn")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([pair("better")], "LSTM of cold is better than LSTM of warm, by 1.23 % of zero's squared error."),
        ([pair("worse")], "LSTM of warm is better than LSTM of cold, by 1.23 % of zero's squared error."),
        ([pair()], "No significant difference between LSTM of cold and of warm."),
        (
            [pair(), pair(model="gru")],
            "No significant difference between LSTM of cold and of warm, nor between GRU of cold and of warm.",
        ),
        ([pair("the same")], "The forecasts of LSTM of cold and of warm are the same."),
        ([pair("undefined")], "LSTM of cold and of warm cannot be tested."),
        ([pair(other="gru")], "No significant difference between LSTM of cold and GRU of warm."),
        ([pair(), pair(other="gru")], "No significant difference between LSTM of cold and of warm."),
        (
            [pair("worse", model) for model in MODELS],
            "LSTM of warm is better than LSTM of cold, by 1.23 % of zero's squared error; 4 more pairs",
        ),
        ([pair(model=model) for model in MODELS], "No significant difference in any of 5 pairs."),
        (
            [pair(), pair("better", "gru")],
            "GRU of cold is better than GRU of warm, by 1.23 % of zero's squared error; no significant",
        ),
    ],
)
def test_the_first_sentence_follows_from_the_findings(result: ComparisonResult, found: list[Pair], words: str) -> None:
    assert plain(headline(having(result, *found))).startswith(words)


@pytest.mark.parametrize(
    ("found", "statuses", "tone", "word"),
    [
        (pair("better"), ("better", "no evidence"), "good", "A difference"),
        (pair("better"), ("no evidence", "better"), "care", "A difference, but not from zero"),
        (pair(), ("better", "better"), "open", "No difference shown"),
        (pair("the same"), ("better", "better"), "mute", "The same forecasts"),
        (pair("undefined"), ("better", "better"), "mute", "Cannot tell"),
        (pair("better"), ("leak suspected", "better"), "bad", "Leak suspected"),
    ],
)
def test_colour_and_word_follow_from_findings_and_verdicts(
    result: ComparisonResult, found: Pair, statuses: Sequence[Status], tone: str, word: str
) -> None:
    said = verdict_of(having(result, found, statuses=statuses))
    assert (said.tone, said.word) == (tone, word)


def test_where_one_of_two_winners_beats_zero_the_word_says_in_part(result: ComparisonResult) -> None:
    said = verdict_of(having(result, pair("better"), pair("worse", "gru"), statuses=("better", "no evidence")))
    assert (said.tone, said.word) == ("care", "A difference, from zero only in part")


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        (("no evidence", "worse"), "both fail against zero is no evidence for either"),
        (("better", "worse"), "cold finds a model better than zero, the others do not"),
        (("better", "better"), "cold and warm find a model better than zero. Being better than another"),
    ],
)
def test_every_run_keeps_its_own_verdict(result: ComparisonResult, statuses: Sequence[Status], words: str) -> None:
    assert words in verdict_of(having(result, pair(), statuses=statuses)).remark


def test_a_sentence_has_the_numbers_that_it_rests_on() -> None:
    assert plain(sentence(pair("worse"), 0.05, 2, Question())) == (
        "LSTM of cold against that of warm: squared error higher by 1.23 % of zero's, "
        "95 % interval +0.23 to +2.23 %; p = 0.012, adjusted 0.030."
    )
    assert sentence(pair("undefined"), 0.05, 2, Question()) == "LSTM of cold against that of warm: too few."


@pytest.mark.parametrize(("half_width", "digits"), [(0.02, 2), (0.0031, 2), (0.00031, 3), (0.000031, 4), (1e-9, 4)])
def test_an_interval_shows_two_digits_of_its_half_width(half_width: float, digits: int) -> None:
    assert digits_of([pair(low=-half_width, high=half_width)]) == digits


FINDINGS = [
    ([pair("better")], "The difference between LSTM of cold and of warm is significant"),
    (
        [pair("better"), pair()],
        "1 of 2 differences is significant, most clearly that between LSTM of cold",
    ),
    ([pair(), pair()], "2 of 2 intervals exclude 0, as chance among so many pairs may do"),
    ([pair(low=-0.1, high=0.1)], "Chance could have made the one difference"),
    ([pair("the same")], "There is no difference to test"),
]


@pytest.mark.parametrize(("found", "words"), FINDINGS)
def test_the_title_of_the_pairs_states_what_was_found(result: ComparisonResult, found: list[Pair], words: str) -> None:
    assert pairs_title(having(result, *found)).startswith(words)


def test_why_a_pair_cannot_be_tested_is_said(result: ComparisonResult) -> None:
    *_, note = pairs(having(result, pair("undefined")))
    assert "LSTM of cold and of warm: too few." in str(note)


def test_the_title_of_the_verdicts_counts_who_beats_zero(result: ComparisonResult) -> None:
    def title(*statuses: Status) -> str:
        return own_title(having(result, pair(), statuses=statuses).found.runs, "zero")

    assert title("no evidence", "worse") == "Neither run has shown a model that beats zero"
    assert title("better", "worse") == "Only cold has shown a model that beats zero"
    assert title("better", "better") == "Both runs have shown a model that beats zero"


def test_a_difference_is_attributed_to_one_setting_or_to_none(result: ComparisonResult) -> None:
    def title(*values: tuple[str, str], other_bars: bool = False, leak: bool = False) -> str:
        told = tuple(Setting(f"s{number}", value) for number, value in enumerate(values))
        runs = list(result.found.runs)
        runs[1] = replace(runs[1], bars="0" if other_bars else runs[0].bars, audited="leak" if leak else "passed")
        return fairness_title(replace(result, found=replace(result.found, settings=told, runs=tuple(runs))))

    assert title() == "The runs have the same settings and bars"
    assert title(("1", "2")) == "The runs differ in one setting alone, s0"
    assert (
        title(("1", "2"), ("3", "4")) == "The runs differ in 2 settings: no difference can be attributed to one of them"
    )
    assert title(("1", "2"), other_bars=True).startswith("The runs were fed with different bars")
    assert title(leak=True) == "A leak was found in warm: these results are unreliable"


def test_a_setting_that_only_brings_another_one_is_no_second_difference(result: ComparisonResult) -> None:
    told = Setting("features", ("a", "a, own")), Setting("plugins", ("", "mine"), implied=True)
    known = replace(result, found=replace(result.found, settings=told))
    assert fairness_title(known) == "The runs differ in one setting alone, features"
    item = settings_item(known)
    assert (item.tone, item.word, item.detail) == ("good", "1 difference", "features; plugins bring it")


def test_of_three_runs_those_that_differ_in_one_setting_are_named(result: ComparisonResult) -> None:
    runs = (*result.found.runs, replace(result.found.runs[0], name="wide"))
    told = Setting("start", ("a", "b", "a")), Setting("window", ("1", "1", "2"))
    three = replace(result, found=replace(result.found, settings=told, runs=runs))
    assert fairness_title(three) == "The runs differ in 2 settings, cold and warm and cold and wide in one alone"


def test_a_run_that_nobody_audited_is_named(result: ComparisonResult) -> None:
    runs = tuple(replace(run, audited="not audited") for run in result.found.runs[1:])
    item = audits_item(replace(result, found=replace(result.found, runs=(result.found.runs[0], *runs))))
    assert (item.tone, item.word, item.detail) == ("care", "1 not audited", "warm: run backtest audit")


def path(changes: Sequence[float]) -> LossPath:
    """A path that gains or loses this much in each of ten stretches, one step in each."""
    times = np.arange(10).astype("datetime64[h]").astype("datetime64[us]")
    values = np.cumsum(changes)
    return LossPath("cold:lstm", times, values, dict(enumerate(values.tolist())))


def test_the_title_of_the_paths_counts_stretches() -> None:
    gained = "LSTM of cold gained on LSTM of warm in"
    better, worse = pair("better"), pair("worse")
    assert path_title(better, path([-1.0] * 10)) == f"{gained} all 10 stretches of the time and ends ahead"
    back = path_title(better, path([-1.0] * 5 + [0.5] * 5))
    assert back == f"{gained} 5 of 10 stretches of the time, lost in 5 yet ends ahead"
    lucky = path_title(better, path([0.1] * 9 + [-2.0]))
    assert lucky == f"{gained} 1 of 10 stretches of the time, lost in 9 yet ends ahead"
    beaten = path_title(worse, path([1.0] * 10))
    assert beaten == "LSTM of cold lost to LSTM of warm in all 10 stretches of the time and ends behind"


def test_every_section_has_a_title_and_figures_have_words(result: ComparisonResult) -> None:
    blocks = {section.name: section.blocks for section in compose(result).sections}
    assert list(blocks) == [name for name in COMPARISON_SECTIONS if name not in ("horizons", "symbols")]
    assert all(isinstance(own[0], Heading) for name, own in blocks.items() if name != "verdict")
    drawn = [block for own in blocks.values() for block in own if isinstance(block, Figure)]
    assert {"pairs", "pair_paths", "forest", "cumulative_loss", "calibration"} <= {figure.name for figure in drawn}
    assert len({figure.name for figure in drawn}) == len(drawn)
    assert all(figure.alt and figure.caption and figure.numbers.rows for figure in drawn)


FILLED = [table.file for table in RUN_TABLES if table.name not in {"FITS", "STRATEGIES", "RANGES", "SYMBOLS"}]
"""The tables of a comparison that hold anything: nothing is fitted or traded, no range is known, of one symbol."""

PLAIN = {"cold": "cold", "warm": "warm"}


def crossing(svg: str) -> list[float]:
    """Widths of all level lines of a picture that are shorter than its axis."""
    paths = re.findall(r'd="M (\S+) (\S+) L (\S+) ([^ "]+)"', svg)
    level = [float(right) - float(left) for left, top, right, bottom in paths if top == bottom]
    return [width for width in level if width < max(level)]


def test_one_wild_pair_leaves_the_others_legible(result: ComparisonResult) -> None:
    wild = pair("worse", "ar", difference=300.0, low=200.0, high=400.0, group="other")
    found = [pair("better"), pair(model="gru"), wild]
    _, picture, *_ = pairs(having(result, *found))
    assert isinstance(picture, Figure)
    assert "Off the scale, at the arrows: AR of cold and of warm (+30,000\xa0%)." in picture.caption
    assert "+30,000\xa0%" in picture.svg
    assert sum(width > 20 for width in crossing(picture.svg)) == 2
    assert limit_in(found) == pytest.approx(12 * 0.0223)


def test_a_leading_pair_that_is_wild_itself_is_an_arrow(result: ComparisonResult) -> None:
    wild = pair("worse", "ar", difference=-300.0, low=-400.0, high=-200.0)
    _, picture, *_ = pairs(having(result, wild, pair()))
    assert isinstance(picture, Figure)
    assert "\N{MINUS SIGN}30,000\xa0%" in picture.svg
    assert sum(width > 20 for width in crossing(picture.svg)) == 1


def test_runs_with_long_names_are_lettered_and_the_caption_spells_them_out(result: ComparisonResult) -> None:
    names = {"cold": "quick-d2da98-cold", "warm": "quick-d2da98-warm"}
    runs = tuple(replace(run, name=names[run.name]) for run in result.found.runs)
    one = replace(pair(), run=names["cold"], other_run=names["warm"])
    _, picture, *_ = pairs(replace(result, found=replace(result.found, runs=runs, pairs=(one,))))
    assert isinstance(picture, Figure)
    assert re.findall(r">(of [^<]*)<", picture.svg) == ["of A", "of B"]
    assert "A: quick-d2da98-cold; B: quick-d2da98-warm." in picture.caption
    assert [column.spare for column in pairs_table(result).columns if column.label == "95 % interval"] == [False]
    assert middle("quick-d2da98-cold", 10) == "quic…-cold"
    assert len(set(lettered([f"a long name {n}" for n in range(60)], 8).values())) == 60


def test_the_forest_names_both_sides_and_marks_the_better_one() -> None:
    svg = pair_forest([pair("worse"), pair(model="gru")], PLAIN, 1.0, "axis", "words")
    names = re.findall(r"<text([^>]*)>([^<]*)</text>", svg)
    assert [text for _, text in names].count("of cold") == [text for _, text in names].count("of warm") == 2
    assert ["font-weight" in style for style, text in names if text == "LSTM"] == [False, True]
    assert not any("font-weight" in style for style, text in names if text == "GRU")


def test_settings_that_differ_are_shown_with_each_value(result: ComparisonResult) -> None:
    told = (Setting("train.start", ("cold", "")),)
    heading, table = settings(replace(result, found=replace(result.found, settings=told)))
    assert isinstance(heading, Heading)
    assert isinstance(table, Table)
    assert (heading.finding, table.rows) == ("The runs differ in train.start", (("train.start", "cold", "–"),))


def written(folder: Path) -> dict[Path, bytes]:
    """Bytes of every file of a comparison."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_written_twice_the_report_is_the_same_to_the_byte(folder: Path) -> None:
    before = written(folder)
    for name in ("report.html", "report.md", "figures/pairs.svg"):
        (folder / name).unlink()
    write(folder)
    assert written(folder) == before


def test_nothing_is_missing_or_undefined_in_the_text(folder: Path) -> None:
    text = (folder / "report.md").read_text("utf-8")
    assert not re.findall(r"\bnan\b|\bNone\b|\binf\b", text)
    assert max(map(len, written(folder).values())) < 500_000


def test_html_and_markdown_carry_the_same_numbers(folder: Path) -> None:
    number = re.compile(r"[+−]?\d[\d,]*(?:\.\d+)?(?:\xa0%)?")
    page = re.sub(r"<(style|svg|title).*?</\1>|<footer>.*", "", (folder / "report.html").read_text("utf-8"), flags=re.S)
    text = re.sub(r"<img[^>]*>", "", render((folder / "report.md").read_text("utf-8")))
    assert number.findall(Page(page).text) == number.findall(Page(text).text)


def skeleton(page: str) -> set[tuple[str, ...]]:
    """The elements of a page with the names of their attributes; how wide a text is has a say in its class."""
    return {tuple(name for name in element if name != "class") for element in Page(page).skeleton}


def stored_as_is(payload: str) -> bool:
    """Whether settings hold a payload to the letter: TOML knows no lone surrogates, and one kind of line break."""
    return storable(payload) and "\r" not in payload


def test_hostile_strings_are_shown_and_are_no_markup(hostile: Path, harmless: Path) -> None:
    text, plain_text = ((place / "report.html").read_text("utf-8") for place in (hostile, harmless))
    assert skeleton(text) == skeleton(plain_text)
    page = Page(text)
    links = [value for name, value in page.attributes if name == "href" and not value.startswith("#")]
    assert links == ["data:,", COMPARISON, VERDICT, *FILLED]
    assert all(flat(printable(payload)) in page.text for payload in PAYLOADS if stored_as_is(payload))
    for name in ("pairs", "pair_paths", "forest", "cumulative_loss"):
        pictures = [(place / "figures" / f"{name}.svg").read_text("utf-8") for place in (hostile, harmless)]
        assert skeleton(pictures[0]) == skeleton(pictures[1])


def test_hostile_strings_are_no_markup_in_markdown(hostile: Path, harmless: Path) -> None:
    texts = [(place / "report.md").read_text("utf-8").replace(APART, "") for place in (hostile, harmless)]
    pages = list(map(render, texts))
    assert skeleton(pages[0]) == skeleton(pages[1])
    links = {value for name, value in Page(pages[0]).attributes if name in {"href", "src"}}
    assert {COMPARISON, VERDICT, *FILLED} <= links
    assert all(link.startswith("figures/") for link in links - {COMPARISON, VERDICT, *FILLED})


def test_a_leak_comes_first(hostile: Path) -> None:
    said = verdict_of(read(hostile))
    assert (said.tone, said.headline[:28]) == ("bad", "Leak suspected: no number of")


@pytest.mark.parametrize("name", [COMPARISON, VERDICT, "scores.parquet"])
def test_a_damaged_comparison_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    content = (tmp_path / "copy" / name).read_bytes()
    (tmp_path / "copy" / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(RunError, match=rf"{name}: expected .*compare the runs again"):
        read(tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(RunError, match=r"found no comparison\.json|expected the file"):
        read(tmp_path / "copy")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_and_asks_for_nothing(hostile: Path, browser: Any, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    events: list[str] = []
    page.on("request", lambda request: events.append(request.url))
    page.on("dialog", lambda dialog: events.append(dialog.message))
    page.goto((hostile / "report.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert events == [(hostile / "report.html").as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
