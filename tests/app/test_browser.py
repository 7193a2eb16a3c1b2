"""The app in a real browser: a person's path through it, and hostile strings that stay strings."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from backtest import reports
from backtest.data.records.audit import Counterexample, Leak, Subject
from backtest.forecast.next_step import next_steps
from backtest.reports.wording.verdict import headline
from tests.support.app_page import plain
from tests.support.audits import leaky
from tests.support.fake_run import Plan, make
from tests.support.poison import poison

pytestmark = pytest.mark.integration

pytest.importorskip("streamlit", reason="needs streamlit: pip install 'beatzero[app]'")

ROOT = Path(__file__).parents[2]
BROKEN = b"time,open,high,low,close,volume\n2024-01-01,1,2,0.5,-1,3\n2024-01-02,1,2,0.5,1,3\n"
PATIENCE = 60.0
"""Seconds for anything to appear: a busy machine is no failure."""


@dataclass
class Visit:
    """A page in the browser, and everything that it asked for or popped up."""

    page: Any
    address: str
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    @property
    def strayed(self) -> list[str]:
        """What it asked for elsewhere."""
        own = (self.address, self.address.replace("http", "ws"), "data:", "blob:")
        return [url for url in self.asked if not url.startswith(own)]

    def text(self) -> str:
        """What can be read on the page."""
        return plain(self.page.locator("body").inner_text())


@pytest.fixture(scope="module")
def home(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with a finished run, and one in which every string is hostile."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(small_home, folder, dirs_exist_ok=True)
    leaks = [
        Leak("reads_later_bars", Subject("feature", f"f{n}"), Counterexample(f"c{n}", f"y{n}", f"t{n}", f"r{n}", 1))
        for n in range(20)
    ]
    plan = Plan(folds=3, test=84, symbols=("A", "B"), audit=leaky(*leaks), networks=("lstm", "gru"))
    poison(make(folder / "runs", plan, name="hostile"))
    return folder


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """The app, started as a user starts it, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"BACKTEST_HOME": str(home), "STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_HEADLESS": "true"}
    command = [sys.executable, "-m", "backtest", "app", str(home / "runs" / "small")]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | settings) as server:  # noqa: S603
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    """Return as soon as the server answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(address, timeout=1):  # noqa: S310
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the app did not start")


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": 1280, "height": 1200})
    page.set_default_timeout(1_000 * PATIENCE)
    visit = Visit(page, address)
    page.on("request", lambda request: visit.asked.append(request.url))
    page.on("websocket", lambda connection: visit.asked.append(connection.url))
    page.on("dialog", lambda dialog: visit.dialogs.append(dialog.message))
    page.goto(address)
    page.get_by_text("walked forward from").wait_for()
    yield visit
    page.close()


def pick(page: Any, name: str, option: str) -> None:
    """Open a list of the sidebar and take one of its options."""
    page.get_by_test_id("stSelectbox").filter(has_text=name).get_by_role("combobox").click()
    page.get_by_role("option", name=option, exact=True).click()


def test_a_visitor_can_use_every_control(visit: Visit, home: Path) -> None:
    page, verdict = visit.page, reports.read(home / "runs" / "small").verdict
    page.get_by_text(headline(verdict)).wait_for()
    page.get_by_text("LSTM, mean over 2 seeds, for the close at").wait_for()
    pick(page, "Model", "ridge")
    page.get_by_text("ridge, one fit, for the close at").wait_for()
    step = next(step for step in next_steps(home / "runs" / "small")[0] if step.model == "ridge")
    close = page.get_by_test_id("stMetric").filter(has_text="Next close")
    close.filter(has_text=f"{step.next_value:,.2f}").wait_for()
    page.get_by_text("intervals covered").first.wait_for()
    page.get_by_role("tab", name="Replay").click()
    page.get_by_text("in fold 3:").wait_for()
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_text("in fold 2:").wait_for()
    page.get_by_text("An upload").click()
    page.locator("input[type=file]").set_input_files({"name": "mine.csv", "mimeType": "text/csv", "buffer": BROKEN})
    page.get_by_role("tab", name="Forecast").click()
    page.get_by_text("mine.csv: close: price not above zero in 1 row, first in row 1, line 2").wait_for()
    assert headline(verdict) in visit.text(), "the verdict stays on top"
    assert visit.strayed == visit.dialogs == []


def test_the_price_chart_has_tooltips(visit: Visit) -> None:
    page = visit.page
    page.get_by_text("coverage so far", exact=False).first.wait_for()
    chart = page.get_by_role("tabpanel").first.get_by_test_id("stVegaLiteChart")
    chart.locator("canvas, svg").first.wait_for()
    box = chart.bounding_box()
    for step in range(40):
        page.mouse.move(box["x"] + box["width"] - 6 - step, box["y"] + box["height"] * (0.2 + 0.015 * step))
        if page.locator("#vg-tooltip-element.visible").count():
            return
    pytest.fail("no tooltip")


def test_hostile_strings_are_shown_as_text(visit: Visit, home: Path) -> None:
    page, result = visit.page, reports.read(home / "runs" / "hostile")
    pick(page, "Run", "hostile")
    page.get_by_text("Leak suspected").first.wait_for()
    page.get_by_text("No forecast").first.wait_for()
    page.get_by_test_id("stSelectbox").filter(has_text="Model").get_by_role("combobox").click()
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Escape")
    seen = ""
    for tab in ("Replay", "Folds", "All models", "Leak audit"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        seen += visit.text()
    assert result.audit is not None
    payloads = {leak.subject.name for leak in result.audit.leaks}
    shown = [leak.counterexample for leak in result.audit.leaks if leak.counterexample]
    payloads |= {text for one in shown for text in (one.column, one.symbol, one.time, one.reads or "")}
    assert len(payloads) > 50
    assert [payload for payload in payloads if flat(payload) not in flat(seen)] == []
    assert visit.strayed == visit.dialogs == []
    assert not page.locator("[data-testid=stMain] :is(a[href*='x.test'], img, iframe, script, .katex)").count()


def flat(text: str) -> str:
    """Return a text without its spaces, which a browser collapses."""
    return "".join(plain(text).split())
