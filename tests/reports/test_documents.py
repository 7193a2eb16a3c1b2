"""Tests of the written report: one file that asks for nothing, every string escaped, HTML and Markdown in agreement."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from backtest import reports
from backtest.reports import blocks
from backtest.reports.blocks import Document, Section
from backtest.reports.render.html import document_html
from backtest.reports.render.markdown import APART, WRITERS, escaped, to_markdown
from tests.support.audits import leaky
from tests.support.fake_run import Plan, make


class Page(HTMLParser):
    """Elements, attributes and visible text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.hidden = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.hidden += tag in {"style", "title", "svg"}

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in {"style", "title", "svg"}

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text += f"{data} "


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = make(tmp_path_factory.mktemp("documents"), Plan(folds=4, test=100, audit=leaky()))
    reports.write(found)
    return found


def written(run: Path) -> dict[str, bytes]:
    """Bytes of every file of the report by name."""
    paths = [run / "report.html", run / "report.md", *(run / "figures").iterdir()]
    return {path.name: path.read_bytes() for path in paths}


def test_built_twice_the_report_is_the_same_to_the_byte(run: Path) -> None:
    before = written(run)
    for path in (run / "figures").iterdir():
        path.unlink()
    assert reports.write(run) == run / "report.html"
    assert written(run) == before


def test_another_process_in_another_place_writes_the_same_bytes(run: Path) -> None:
    before = written(run)
    code = f"import sys, pathlib\nfrom backtest import reports\nreports.write(pathlib.Path({str(run)!r}))\n"
    code += "assert 'torch' not in sys.modules"
    place = {"LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=run, env=os.environ | place)  # noqa: S603
    assert written(run) == before


def test_the_page_asks_for_nothing_and_runs_nothing(run: Path) -> None:
    page = Page((run / "report.html").read_text("utf-8"))
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "form", "base", "video", "audio", "source"}
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("content", policy) in page.attributes
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in {"src", "srcset", "action"}]
    links = [value for name, value in page.attributes if name in {"href", "xlink:href"}]
    files = {path.name for path in run.iterdir()}
    assert [link for link in links if not link.startswith("#") and link != "data:," and link not in files] == []


NUMBER = re.compile(r"[+−]?\d[\d,]*(?:\.\d+)?(?:\xa0%)?")


def test_html_and_markdown_carry_the_same_numbers_in_the_same_order(run: Path) -> None:
    page = Page((run / "report.html").read_text("utf-8"))
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|figures/\w+\.svg|\]\(\w+\.\w+\)", "", (run / "report.md").read_text("utf-8"))
    shown = page.text[: page.text.rindex("Written by")]
    assert NUMBER.findall(shown.replace("-", "")) == NUMBER.findall(text.replace("-", "").replace("\\", ""))


@given(st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=60))
def test_escaped_text_reads_the_same_after_markdown(text: str) -> None:
    words = re.sub(r"\s+", " ", text).strip()
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(escaped(words))
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    children = [child for token in tokens for child in token.children or []]
    assert {child.type for child in children} <= {"text", "text_special", "html_inline"}
    assert {child.content for child in children if child.type == "html_inline"} <= {APART}
    assert "".join(child.content for child in children if child.content != APART) == words


def test_code_cannot_leave_its_fence() -> None:
    code = blocks.Code("x = 1\n````\n<b>\n```", "settings")
    tokens = MarkdownIt("commonmark").parse(WRITERS[blocks.Code](code))
    assert [token.content for token in tokens if token.type == "fence"] == [code.text + "\n"]


TONES: tuple[blocks.Tone, ...] = get_args(blocks.Tone)
SAMPLES: list[tuple[blocks.Block, str]] = [
    (blocks.Heading("alpha", "beta"), "alpha beta"),
    (blocks.Verdict("mute", "alpha", "beta", ("gamma", "delta"), "epsilon"), "alpha beta gamma delta epsilon"),
    *((blocks.Verdict(tone, "alpha", "beta", ()), "alpha beta") for tone in TONES),
    *((blocks.Strip((blocks.Item(tone, "alpha", "beta", "gamma"),)), "alpha beta gamma") for tone in TONES),
    (blocks.Text("alpha"), "alpha"),
    (blocks.Note("alpha"), "alpha"),
    (blocks.table(["alpha", "beta"], [("gamma", "8.0")], "delta"), "alpha beta gamma 8.0 delta"),
    (blocks.Figure("f", "<svg></svg>", "alt", "alpha", blocks.table(["beta"], [("gamma",)])), "alpha beta gamma"),
    (blocks.Facts((("alpha", "beta"),)), "alpha beta"),
    (blocks.Code("alpha", "beta"), "alpha beta"),
    (blocks.Files((("folds.parquet", "alpha"),)), "folds.parquet alpha"),
    (blocks.Details("alpha", (blocks.Code("beta", "gamma"),)), "alpha beta gamma"),
    (blocks.Details("alpha", (blocks.Note("beta"), blocks.table(["gamma"], [("delta",)]))), "alpha beta gamma delta"),
    (blocks.Details("alpha", (blocks.Details("beta", (blocks.Text("gamma"),)),)), "alpha beta gamma"),
]


@pytest.mark.parametrize(("block", "words"), SAMPLES)
def test_every_kind_of_block_is_written_in_full(block: blocks.Block, words: str) -> None:
    document = Document("title", "subtitle", "0", (Section("only", (block,)),))
    assert set(words.split()) <= set(Page(document_html(document)).text.split())
    assert all(word in to_markdown(document) for word in words.split())


def test_there_is_a_sample_of_every_kind_of_block() -> None:
    assert {type(block) for block, _ in SAMPLES} == set(get_args(blocks.Block)) == set(WRITERS)


@pytest.mark.slow
def test_a_run_of_500_folds_and_50_000_rows_stays_below_one_and_a_half_megabytes(tmp_path: Path) -> None:
    found = make(tmp_path, Plan(folds=500, test=100, seeds=1, epochs=3, baselines=("zero", "naive", "mean")))
    assert reports.write(found).stat().st_size < 1_500_000
    assert max(path.stat().st_size for path in (found / "figures").iterdir()) < 150_000
