"""Tests of reports on hostile runs: whatever a run folder says is shown as it is said, and is never markup."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from backtest.data.names import label
from backtest.data.records.reading import printable
from backtest.data.result_tables import RUN_TABLES
from backtest.reports.figures.axes import short
from tests.support.pages import Page, Skeleton, flat, render
from tests.support.payloads import PAYLOADS
from tests.support.poison import ALWAYS, LOOKED_UP, TURNS, document_of, storable

ELEMENTS = {
    *("html", "head", "meta", "title", "link", "style", "body", "header", "main", "nav", "section", "footer", "div"),
    *("h1", "h2", "h3", "p", "ul", "ol", "li", "dl", "dt", "dd", "a", "strong", "em", "span", "pre", "code", "aside"),
    *("table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "details", "summary", "blockquote", "small"),
    *("svg", "g", "path", "circle", "text", "defs", "use", "clippath", "rect", "img", "abbr", "dfn", "sub", "sup"),
}
UNSEEN = {"kind", "svg", "tone", "name"}
"""Parts of a document that are no text."""

LOADING = {"src", "srcset", "action", "formaction", "data", "ping", "poster", "background", "style", "srcdoc", "nonce"}
LINKS = re.compile(r"#[\w-]+|data:,|[\w-]+\.(parquet|json|toml|md)|figures/\w+\.svg")


@dataclass(frozen=True)
class Report:
    """The report of one run as its readers get it, and every string that it was made from."""

    folder: Path
    html: Page
    markdown: Page
    said: tuple[str, ...]

    def pictures(self) -> dict[str, ET.Element]:
        """Every figure by name, parsed as XML."""
        found = sorted((self.folder / "figures").iterdir())
        return {path.stem: ET.parse(path).getroot() for path in found}  # noqa: S314 -- the test is that this is safe


def strings(value: Any) -> Iterator[str]:
    """Yield every string of a document that a reader shall see."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from strings(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from () if field.name in UNSEEN else strings(getattr(value, field.name))


def report_of(run: Path) -> Report:
    """Read the report of a run."""
    page = (run / "report.html").read_text("utf-8")
    markdown = Page(render((run / "report.md").read_text("utf-8")))
    return Report(run, Page(page), markdown, tuple(dict.fromkeys(strings(document_of(run)))))


@pytest.fixture(scope="module")
def hostile(hostile_runs: list[Path]) -> list[Report]:
    return [report_of(run) for run in hostile_runs]


@pytest.fixture(scope="module")
def tame(harmless_run: Path) -> Report:
    return report_of(harmless_run)


def test_there_are_a_hundred_payloads_that_a_reader_can_tell_apart() -> None:
    assert len({printable(payload) for payload in PAYLOADS}) == len(PAYLOADS) >= 100


def test_every_column_of_strings_is_poisoned(hostile_runs: list[Path]) -> None:
    for table in RUN_TABLES:
        frame = pl.read_parquet(hostile_runs[0] / table.file)
        for column in (each for each in table.columns if each.name in frame.columns):  # some are optional
            if column.dtype == pl.String and column.name not in LOOKED_UP:
                found = set(frame[column.name].drop_nulls()) - ALWAYS
                assert found <= set(PAYLOADS), f"{table.name}.{column.name}"


def test_a_harmless_report_holds_only_elements_that_run_and_load_nothing(tame: Report) -> None:
    for page in (tame.html, tame.markdown):
        assert {tag for tag, *_ in page.skeleton} <= ELEMENTS
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        links = {value for name, value in page.attributes if name in {"href", "src"}}
        assert not [link for link in links if not LINKS.fullmatch(link)]
    assert not LOADING & {name for name, _ in tame.html.attributes}
    more = {(name, value) for name, value in tame.markdown.attributes if name in LOADING - {"src"}}
    assert more <= {("style", "text-align:right")}


@pytest.mark.parametrize("turn", TURNS)
def test_hostile_strings_add_no_element_and_no_attribute_to_the_page(
    hostile: list[Report], tame: Report, turn: int
) -> None:
    assert hostile[turn].html.skeleton == tame.html.skeleton
    assert links_of(hostile[turn].html) == links_of(tame.html)


@pytest.mark.parametrize("turn", TURNS)
def test_hostile_strings_add_no_element_link_or_picture_to_the_markdown(
    hostile: list[Report], tame: Report, turn: int
) -> None:
    assert hostile[turn].markdown.skeleton == tame.markdown.skeleton
    assert links_of(hostile[turn].markdown) == links_of(tame.markdown)


def links_of(page: Page) -> Counter[str]:
    """Return where a page links to, and what it would load."""
    return Counter(value for name, value in page.attributes if name in {"href", "src", "class", "id", "clip-path"})


@pytest.mark.parametrize("turn", TURNS)
def test_no_address_is_left_that_github_makes_a_link_of(hostile: list[Report], turn: int) -> None:
    source = re.sub(r"(?ms)^(`{3,})$.*?^\1$|^!\[.*?$", "", (hostile[turn].folder / "report.md").read_text("utf-8"))
    assert re.findall(r"[\w.+-]\\?@\w|\w://|www\.", source) == []


@pytest.mark.parametrize("turn", TURNS)
def test_hostile_strings_add_no_element_and_no_attribute_to_a_figure(
    hostile: list[Report], tame: Report, turn: int
) -> None:
    pictures, harmless = hostile[turn].pictures(), tame.pictures()
    assert list(pictures) == list(harmless)
    for name, picture in pictures.items():
        assert skeleton(picture) == skeleton(harmless[name]), name
        assert not [key for element in picture.iter() for key in element.attrib if key.startswith("on")]


def skeleton(picture: ET.Element) -> Skeleton:
    return Counter((element.tag, *sorted(element.attrib)) for element in picture.iter())


@pytest.mark.parametrize("turn", TURNS)
def test_all_that_is_said_is_shown_as_it_is_said(hostile: list[Report], turn: int) -> None:
    report = hostile[turn]
    for page in (report.html, report.markdown):
        shown = f"{page.text} {page.values}"
        assert [said for said in report.said if flat(said) not in shown] == []


def test_every_payload_gets_into_text_attributes_markdown_and_figures(hostile: list[Report]) -> None:
    texts = " ".join(report.html.text for report in hostile)
    values = " ".join(report.html.values for report in hostile)
    markdown = " ".join(report.markdown.text for report in hostile)
    drawn = {flat(text) for report in hostile for picture in report.pictures().values() for text in picture.itertext()}
    for name in map(label, map(printable, filter(storable, PAYLOADS))):
        assert flat(name) in texts
        assert flat(name) in values
        assert flat(name) in markdown
        assert flat(short(name)) in drawn


def test_a_lone_surrogate_is_shown_as_a_sign_that_cannot_be_shown(hostile: list[Report]) -> None:
    lone = [flat(printable(payload)) for payload in PAYLOADS if not storable(payload)]
    assert lone
    assert all(any(payload in report.html.text for report in hostile) for payload in lone)
