"""The report of a run as a whole: composed from its sections, written as HTML, Markdown and figures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from backtest.data.errors import RunError
from backtest.data.names import label
from backtest.data.run_files import write_bytes
from backtest.reports.blocks import Document, Figure, Heading, Section, walk
from backtest.reports.formats import date, listed
from backtest.reports.render.html import document_html
from backtest.reports.render.markdown import to_markdown
from backtest.reports.render.svg import standalone
from backtest.reports.run import RunResult, read
from backtest.reports.sections import SECTIONS

SUSPECT = "Leak suspected, results unreliable: "
"""What the title of every result begins with where the audit found a leak."""

NO_RESULT = ("verdict", "validity", "data", "method", "glossary")
"""Sections that a leak takes nothing from; all others are marked."""


def write(run: RunResult | Path, folder: Path | None = None) -> Path:
    """Write `report.html`, `report.md` and `figures/*.svg` of a run into `folder` and return the path of the HTML.

    `run` is a run in memory or the folder of a finished one, which is the default for `folder`. The same run gives
    the same bytes. Raises RunError, WrongSchema or UnpairedForecasts where the run cannot be read.
    """
    if isinstance(run, Path):
        folder = folder or run
        run = read(run)
    if folder is None:
        raise RunError("report: expected a folder to write the report of a run in memory to (got none): name one")
    return put(compose(run), folder)


def to_html(run: RunResult) -> str:
    """Return the report of a run as one HTML page, with its figures inside."""
    return document_html(compose(run))


def put(document: Document, folder: Path) -> Path:
    """Write `report.html`, `report.md` and `figures/*.svg` of a document into a folder and return the HTML's path."""
    if (folder / "figures").is_symlink():
        raise RunError(f"{folder / 'figures'}: expected a folder (got a link): remove the link")
    for figure in figures(document):
        write_bytes(folder / "figures" / f"{figure.name}.svg", standalone(figure.svg).encode())
    write_bytes(folder / "report.md", to_markdown(document).encode())
    write_bytes(folder / "report.html", document_html(document).encode())
    return folder / "report.html"


def figures(document: Document) -> tuple[Figure, ...]:
    """Return the figures of a document."""
    every = (block for section in document.sections for block in walk(section.blocks))
    return tuple(block for block in every if isinstance(block, Figure))


def compose(result: RunResult, names: Collection[str] = tuple(SECTIONS)) -> Document:
    """Return the report of a run, or the sections `names` of it; each title of a result tells of a suspected leak."""
    card = result.manifest.data
    ends = result.folds[0].test_start, result.folds[-1].test_end - card.interval
    first, last = map(date, ends)
    sections = tuple(Section(name, section(result)) for name, section in SECTIONS.items() if name in names)
    if result.verdict.status == "leak suspected":
        sections = marked(sections, NO_RESULT)
    return Document(
        title=title(result),
        subtitle=f"Run {result.manifest.name}, walked forward from {first} to {last}",
        version=result.manifest.versions.get("beatzero", ""),
        sections=sections,
    )


def title(result: RunResult) -> str:
    """Return which models were tried on which symbols, such as `GRU and LSTM on SP500`."""
    models = [label(score.model) for score in result.candidates] or ["Baselines"]
    return f"{listed(models, 3)} on {listed(result.manifest.data.symbols, 3)}"


def marked(sections: Sequence[Section], exceptions: Collection[str]) -> tuple[Section, ...]:
    """Return sections whose titles say that a leak is suspected, but for those named as exceptions."""
    return tuple(section if section.name in exceptions else suspected(section) for section in sections)


def suspected(section: Section) -> Section:
    """Return a section whose title says that a leak is suspected."""
    blocks = (
        replace(block, finding=SUSPECT + block.finding) if isinstance(block, Heading) else block
        for block in section.blocks
    )
    return replace(section, blocks=tuple(blocks))
