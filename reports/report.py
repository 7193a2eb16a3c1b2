"""The report of a run as a whole: composed from its sections, written as HTML, Markdown and figures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from backtest.data.errors import RunError
from backtest.data.names import label
from backtest.data.records.comparison import COMPARISON
from backtest.data.run_files import write_bytes
from backtest.reports.blocks import Document, Figure, Heading, Section, walk
from backtest.reports.compared import ComparisonResult
from backtest.reports.compared import read as read_comparison
from backtest.reports.formats import bars, counted, date, listed
from backtest.reports.render.html import document_html
from backtest.reports.render.markdown import to_markdown
from backtest.reports.render.svg import standalone
from backtest.reports.run import RunResult, read
from backtest.reports.sections import COMPARISON_SECTIONS, SECTIONS
from backtest.reports.wording.comparison import spelt
from backtest.reports.wording.verdict import suspicion

NO_RESULT = ("verdict", "validity", "fairness", "own", "settings", "data", "method", "glossary")
"""Sections that stay valid after a leak; all others are marked."""


def write(result: RunResult | ComparisonResult | Path, folder: Path | None = None) -> Path:
    """Write `report.html`, `report.md` and `figures/*.svg` into `folder` and return the path of the HTML.

    `result` is a run or a comparison in memory, or the folder of one, which is the default for `folder`. The same
    result gives the same bytes. Raises RunError, WrongSchema or UnpairedForecasts where it cannot be read.
    """
    if isinstance(result, Path):
        folder = folder or result
        result = read_comparison(result) if (result / COMPARISON).is_file() else read(result)
    if folder is None:
        raise RunError("report: expected a folder to write the report of a run in memory to (got none): name one")
    return put(compose(result), folder)


def to_html(result: RunResult | ComparisonResult) -> str:
    """Return the report of a run or a comparison as one HTML page, with its figures inside."""
    return document_html(compose(result))


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


def compose(result: RunResult | ComparisonResult, names: Collection[str] | None = None) -> Document:
    """Return a report, or the sections `names` of it; each title of a result tells of a suspected leak.

    Sections of a comparison without anything to say are left out.
    """
    if isinstance(result, ComparisonResult):
        sections = {name: section(result) for name, section in COMPARISON_SECTIONS.items() if wanted(name, names)}
        title, subtitle, version = comparison_title(result), comparison_subtitle(result), result.found.version
    else:
        sections = {name: section(result) for name, section in SECTIONS.items() if wanted(name, names)}
        title, subtitle, version = run_title(result), run_subtitle(result), result.manifest.versions.get("beatzero", "")
    every = tuple(Section(name, blocks) for name, blocks in sections.items() if blocks)
    every = marked(every, NO_RESULT, suspicion(result.verdict))
    return Document(title=title, subtitle=subtitle, version=version, sections=every)


def wanted(name: str, names: Collection[str] | None) -> bool:
    """Return whether a section is asked for."""
    return names is None or name in names


def run_title(result: RunResult) -> str:
    """Return which models were tried on which symbols, such as `GRU and LSTM on SP500`."""
    models = [label(score.model) for score in result.candidates] or ["Baselines"]
    return f"{listed(models, 3)} on {listed(result.manifest.data.symbols, 3)}"


def run_subtitle(result: RunResult) -> str:
    """Return the name of a run and the time that it covers."""
    first, last = result.folds[0].test_start, result.folds[-1].test_end - result.manifest.data.interval
    ahead = f", {bars(result.horizons)} ahead" if len(result.horizons) > 1 else ""
    return f"Run {result.manifest.name}, walked forward from {date(first)} to {date(last)}{ahead}"


def comparison_title(result: ComparisonResult) -> str:
    """Return which runs are compared."""
    names = [run.name for run in result.found.runs]
    return " against ".join(names) if len(names) == 2 else f"{listed(names, 6)} compared"


def comparison_subtitle(result: ComparisonResult) -> str:
    """Return what a comparison is about."""
    found = result.found
    first, last = spelt(found.first, date), spelt(found.last, date)
    ahead = f", {bars(found.horizons)} ahead" if result.names_horizons else ""
    return f"{listed(found.symbols, 4)}, {counted(found.rows, 'forecast')} in common, {first} to {last}{ahead}"


def marked(sections: Sequence[Section], exceptions: Collection[str], mark: str) -> tuple[Section, ...]:
    """Return sections whose titles begin with what is suspected, but for those named as exceptions."""
    return tuple(section if section.name in exceptions else suspected(section, mark) for section in sections)


def suspected(section: Section, mark: str) -> Section:
    """Return a section whose title begins with what is suspected."""
    blocks = (
        replace(block, finding=mark + block.finding) if isinstance(block, Heading) else block
        for block in section.blocks
    )
    return replace(section, blocks=tuple(blocks))
