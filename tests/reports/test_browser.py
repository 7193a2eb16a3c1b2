"""Tests of the report in a real browser: it fits a phone, can be read in every theme, asks for and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from backtest import reports
from backtest.reports import blocks
from backtest.reports.blocks import Document, Section
from backtest.reports.render.html import document_html
from tests.support.audits import leaky
from tests.support.fake_run import Plan, make
from tests.support.pages import render
from tests.support.poison import TURNS

pytestmark = pytest.mark.integration

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
LEAST_CONTRAST = 4.5
"""Of text to what is behind it, as WCAG 2 asks for."""

SMALLEST = 11.0
"""CSS pixels that letters in a figure have on a phone."""

LONG = tuple(f"{cell}_of_unusually_many_words_{cell}{number}" for number, cell in enumerate(["lstm", "gru", "tcn"] * 2))
STRESSED = Plan(
    name="a_very_long_name_of_a_run_without_a_single_space_in_it_as_a_script_may_make_them",
    networks=LONG,
    symbols=tuple(f"BINANCE:COIN{number}USDT-PERPETUAL" for number in range(12)),
    source="/home/somebody/projects/markets/archive/2026/hourly/of_all_the_coins_there_are/*.parquet",
    folds=14,
    test=40,
    audit=leaky(),
)
PLANS = {
    "usual": Plan(),
    "stressed": STRESSED,
    "no network": Plan(networks=(), folds=3, test=120, baselines=("zero", "naive")),
    "undefined": Plan(constant=("lstm",), undefined=True, folds=2, test=40),
}

HORIZONS = Plan(horizons=(1, 5, 22), signals=(0.03, 0.05, 0.5))

OPEN = "open => document.querySelectorAll('details').forEach(details => details.open = open)"
SKELETON = """() => [...document.querySelectorAll('*')]
    .map(element => [element.tagName, ...[...element.attributes].map(one => one.name).sort()].join(' ')).sort()"""
FAINT, CROWDED = ((Path(__file__).parent / name).read_text("utf-8") for name in ("contrast.js", "crowded.js"))
"""Functions that return the texts which are hard to read; their files say which."""

LETTERS = """() => [...document.querySelectorAll('svg text')].filter(text => text.textContent.trim()).map(text => {
    const matrix = text.getScreenCTM();
    return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(matrix.a, matrix.b);
})"""

Theme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    found = browser.new_page()
    yield found
    found.close()


@pytest.fixture(scope="module")
def hostile(hostile_runs: list[Path]) -> list[Path]:
    return [run / "report.html" for run in hostile_runs]


@pytest.fixture(scope="module")
def tame(harmless_run: Path) -> Path:
    return harmless_run / "report.html"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("plans")
    plans = PLANS | {"several horizons": HORIZONS}
    return {name: reports.write(make(folder, plan, name)) for name, plan in plans.items()}


def show(page: Any, path: Path, size: dict[str, int] = DESK, theme: Theme = "light", media: str = "screen") -> None:
    """Open a file as it looks to a reader, with all that unfolds unfolded."""
    page.set_viewport_size(size)
    page.emulate_media(media=media, color_scheme=theme)
    page.goto(path.as_uri())
    page.evaluate(OPEN, True)


@pytest.mark.parametrize("turn", TURNS)
def test_a_hostile_report_asks_for_nothing_and_runs_nothing(browser: Any, hostile: list[Path], turn: int) -> None:
    report, figures = hostile[turn], sorted((hostile[turn].parent / "figures").iterdir())
    markdown = report.with_name("rendered.html")
    markdown.write_text(f"<!doctype html><meta charset=utf-8>{render(report.with_suffix('.md').read_text('utf-8'))}")
    page, events = watched(browser)
    for path in (report, *figures, markdown):
        events.clear()
        show(page, path)
        drawn = {figure.as_uri() for figure in figures} if path == markdown else set()
        assert set(events) == {path.as_uri()} | drawn
    page.close()


def watched(browser: Any) -> tuple[Any, list[str]]:
    """Return a new page, and what it will ask for and say."""
    page, events = browser.new_page(), list[str]()

    def dismiss(dialog: Any) -> None:
        events.append(dialog.message)
        dialog.dismiss()

    page.on("request", lambda request: events.append(request.url))
    page.on("dialog", dismiss)
    page.on("console", lambda message: events.append(message.text))
    page.on("pageerror", lambda error: events.append(str(error)))
    return page, events


@pytest.mark.parametrize("turn", TURNS)
def test_the_browser_sees_the_elements_of_a_harmless_report(
    page: Any, hostile: list[Path], tame: Path, turn: int
) -> None:
    skeletons = []
    for path in (hostile[turn], tame):
        page.goto(path.as_uri())
        skeletons.append(page.evaluate(SKELETON))
    assert skeletons[0] == skeletons[1]


def test_without_javascript_the_page_is_the_same_to_the_pixel(browser: Any, written: dict[str, Path]) -> None:
    pictures = []
    for allowed in (True, False):
        context = browser.new_context(java_script_enabled=allowed, viewport=DESK)
        page = context.new_page()
        page.goto(written["usual"].as_uri())
        pictures.append(page.screenshot(full_page=True, animations="disabled"))
        context.close()
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("theme", get_args(Theme))
@pytest.mark.parametrize("name", [*PLANS, "several horizons", *map(str, TURNS)])
def test_a_phone_never_scrolls_sideways(
    page: Any, written: dict[str, Path], hostile: list[Path], name: str, theme: Theme
) -> None:
    show(page, written[name] if name in written else hostile[int(name)], PHONE, theme)
    for opened in (True, False):
        page.evaluate(OPEN, opened)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


VIEWS = list(product(["usual", "stressed", "several horizons"], get_args(Theme), ["screen", "print"]))
LONG_PAGE = {("several horizons", "light", "print"), ("several horizons", "dark", "screen")}
"""Views of the longest page that the other pages show in `make test`."""


@pytest.mark.parametrize(
    ("name", "theme", "media"),
    [pytest.param(*view, marks=[pytest.mark.slow] if view in LONG_PAGE else []) for view in VIEWS],
)
def test_every_text_stands_out_from_what_is_behind_it(
    page: Any, written: dict[str, Path], name: str, theme: Theme, media: str
) -> None:
    for size in (DESK, PHONE):
        show(page, written[name], size, theme, media)
        assert page.evaluate(FAINT, LEAST_CONTRAST) == []


@pytest.mark.parametrize("theme", get_args(Theme))
def test_every_tone_stands_out_from_what_is_behind_it(page: Any, tmp_path: Path, theme: Theme) -> None:
    tones = get_args(blocks.Tone)
    words = [blocks.Verdict(tone, "word", "headline", ("sentence",), "remark") for tone in tones]
    strip = blocks.Strip(tuple(blocks.Item(tone, "label", "word", "detail") for tone in tones))
    document = Document("title", "subtitle", "0", (Section("only", (*words, strip, blocks.Note("note"))),))
    path = tmp_path / "tones.html"
    path.write_text(document_html(document), "utf-8")
    for media in ("screen", "print"):
        show(page, path, DESK, theme, media)
        assert page.evaluate(FAINT, LEAST_CONTRAST) == []


@pytest.mark.parametrize("theme", get_args(Theme))
def test_a_figure_file_follows_the_theme_and_can_be_read_on_its_own(
    page: Any, written: dict[str, Path], theme: Theme
) -> None:
    for path in sorted((written["usual"].parent / "figures").iterdir()):
        show(page, path, DESK, theme)
        ground = page.evaluate("getComputedStyle(document.querySelector('rect')).fill")
        assert (brightness(ground) > 700) == (theme == "light")
        assert page.evaluate(FAINT, LEAST_CONTRAST) == []


def brightness(colour: str) -> int:
    """Sum of the channels of `rgb(r, g, b)`."""
    return sum(int(channel) for channel in colour.removeprefix("rgb(").removesuffix(")").split(","))


@pytest.mark.parametrize("name", ["usual", "stressed", "several horizons"])
def test_letters_in_figures_can_be_read_on_a_phone(page: Any, written: dict[str, Path], name: str) -> None:
    show(page, written[name], PHONE)
    assert min(page.evaluate(LETTERS)) >= SMALLEST


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", PLANS)
def test_no_text_in_a_figure_covers_another_or_is_cut_off(
    page: Any, written: dict[str, Path], name: str, size: dict[str, int]
) -> None:
    show(page, written[name], size)
    assert page.evaluate(CROWDED) == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_text_in_the_figure_of_all_horizons_covers_another(
    page: Any, written: dict[str, Path], size: dict[str, int]
) -> None:
    show(page, written["several horizons"].parent / "figures" / "horizons.svg", size)
    assert page.evaluate("document.querySelectorAll('text').length") > 6
    assert page.evaluate(CROWDED) == []
