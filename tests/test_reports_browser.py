"""Tests of the report in a real browser: it fits a phone, follows the theme, asks for nothing and runs nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

import reports
from tests.audits import leaky
from tests.fake_run import Plan, make
from tests.poison import PAYLOADS, poison

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")

CHROMIUM = shutil.which("chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield running
        running.close()


@pytest.fixture(scope="module")
def page_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    hostile = Plan(networks=PAYLOADS[:3], symbols=PAYLOADS[3:5], source=PAYLOADS[3], name=PAYLOADS[0], folds=3, test=60)
    run = make(tmp_path_factory.mktemp("browser"), replace(hostile, audit=leaky()))
    return reports.write(poison(run)).as_uri()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_and_keeps_to_itself(
    browser: Any, page_address: str, width: int, theme: Literal["light", "dark"]
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
    events: list[str] = []
    page.on("request", lambda request: events.append(request.url))
    page.on("dialog", lambda dialog: events.append(dialog.message))
    page.on("console", lambda message: events.append(message.text))
    page.goto(page_address)
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert events == [page_address]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    axis = page.evaluate("getComputedStyle(document.querySelector('figure svg text')).fill")
    assert (brightness(ground) > brightness(axis)) == (theme == "light")
    page.close()


def brightness(colour: str) -> int:
    """Sum of the channels of `rgb(r, g, b)`."""
    return sum(int(channel) for channel in colour.removeprefix("rgb(").removesuffix(")").split(","))


def test_a_figure_file_follows_the_theme_on_its_own(browser: Any, tmp_path: Path) -> None:
    run = make(tmp_path, Plan(folds=3, test=60))
    reports.write(run)
    grounds = []
    for theme in ("light", "dark"):
        page = browser.new_page(color_scheme=theme)
        page.goto((run / "figures" / "course.svg").as_uri())
        grounds.append(brightness(page.evaluate("getComputedStyle(document.querySelector('rect')).fill")))
        page.close()
    assert grounds[0] > 700 > 100 > grounds[1]
