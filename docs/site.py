"""Hooks of the documentation site: pages made from the repository's own pages, its tables and its docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tests.support.notebooks import executed, markdown_of

ROOT = Path(__file__).parents[1]
PAGES = {
    "index.md": "README.md",
    "calibration.md": "CALIBRATION.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Pages of the site by the files of the repository that they are."""

LINKS = {source: page for page, source in PAGES.items()} | {
    "tutorial.py": "tutorial.md",
    "data/result_tables.py": "tables.md",
    "backtest/significance/__init__.py": "reference/significance.md",
}
"""Pages of the site by the files of the repository to which its pages link instead."""

ROOMS = {
    "data": "Tables, bars, run files, records and errors. The lowest layer: it imports none of the others.",
    "features": "Features and targets as Polars expressions.",
    "models": "Forecasters: networks, baselines, and the contract that every model keeps.",
    "walk": "Configuration, folds, fits and the run folder: from bars to forecasts.",
    "evaluation": "Losses, scores, tests, regimes, intervals and strategies: from forecasts to tables.",
    "verdict": "The rule of the verdict, and the adjustment for everything that was tried.",
    "audit": "The search for leaks.",
    "comparison": "Several runs on the rows that they share.",
    "forecast": "The next step after a run, with its interval.",
    "reports": "From a run folder to HTML and Markdown.",
}
"""Sub-packages with a page of the reference each."""

NAMES = {
    "Home": "index.md",
    "Tutorial": "tutorial.md",
    "Explanations": {
        "What the verdict takes into account": "verdict.md",
        "Forecasting volatility": "volatility.md",
        "Forecasting the direction": "direction.md",
        "Forecasting a level": "series.md",
        "Outside series": "outside.md",
        "How the audit works": "audit.md",
        "Error rates where the truth is known": "calibration.md",
        "Error rates of verdicts": "calibration-verdicts.md",
        "Many models, and what is detectable": "calibration-many.md",
        "Networks": "networks.md",
        "Speed and memory": "speed.md",
        "Questions and answers": "faq.md",
    },
    "Reference": {
        "Python": "reference/index.md",
        "Statistical tests": "significance.md",
        "Tables of a run": "tables.md",
        "Test functions": "reference/significance.md",
        **{room.capitalize(): f"reference/{room}.md" for room in ROOMS},
    },
    "Contributing": "contributing.md",
    "Changelog": "changelog.md",
}
"""The navigation."""


TABLES_PAGE = """# Tables of a run

A run folder holds every number as Parquet; `polars.read_parquet` reads each file. Times are instants in UTC with
microseconds, and `time` is the open of a bar. Returns are log returns. The columns have these names in every run.

!!! warning "FORECASTS holds each seed and their mean"
    A model with three seeds has four rows for each forecast: one for each seed, and one whose `seed` is null, the mean
    over seeds. The mean is the model's forecast, and what scores and tests are about. Filter before you average:
    `forecasts.filter(pl.col("seed").is_null())` gives the models' forecasts, `is_not_null()` those of single seeds.
    Models without randomness have the null row alone. SCORES follows the same rule, and there a null `fold` means all
    folds pooled.
"""

OPEN_ENDED = "| one for each feature | number | may be | named as in the settings; a target is `y_<target>_<horizon>` |"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here, and the navigation over all that exist."""
    made = {page: (ROOT / source).read_text("utf-8") for page, source in PAGES.items()}
    with TemporaryDirectory() as folder:
        made["tutorial.md"] = markdown_of(executed((ROOT / "docs" / "tutorial.py").read_text("utf-8"), Path(folder)))
    made |= {"tables.md": tables(), "reference/index.md": public_names("backtest", "Python")}
    made["reference/significance.md"] = public_names("backtest.significance", "Test functions")
    made |= {f"reference/{room}.md": modules_of(room, about) for room, about in ROOMS.items()}
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    config.nav = navigation(NAMES, {file.src_uri for file in files})
    return files


def navigation(names: dict[str, Any], pages: set[str]) -> list[dict[str, Any]]:
    """Return `names` in the form that mkdocs takes; raises FileNotFoundError for a page that does not exist."""
    entries: list[dict[str, Any]] = []
    for title, target in names.items():
        if isinstance(target, dict):
            entries.append({title: navigation(target, pages)})
            continue
        if target not in pages:
            raise FileNotFoundError(f"docs/site.py: expected a page {target} for {title!r}")
        entries.append({title: target})
    return entries


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Turn links to files of the repository into links to pages of the site."""
    return with_site_links(markdown)


def with_site_links(text: str) -> str:
    """Return Markdown whose links hold on the site."""

    def on_site(link: re.Match[str]) -> str:
        path = link[1].removeprefix("../").removeprefix("docs/")
        return f"]({LINKS.get(path, path)}"

    return re.sub(r"\]\(([^)#\s]+)", on_site, text)


def tables() -> str:
    """Return the data dictionary: every table that a run folder holds, and those that cross a package border."""
    from backtest.data import result_tables, schema

    named = [table for table in vars(result_tables).values() if isinstance(table, schema.Schema)]
    others = [table for table in named if table not in result_tables.RUN_TABLES]
    lines = [TABLES_PAGE]
    for table in (*result_tables.RUN_TABLES, *others, schema.FEATURES, schema.BARS):
        place = "Not kept: every source of bars is turned into it" if table is schema.BARS else f"File: `{table.file}`"
        lines += [f"## {table.name}", "", f"{sentence(table.meaning)} {place}.", ""]
        lines += ["| column | type | null | meaning |", "|---|---|---|---|"]
        for column in table.columns:
            null = "may be" if column.nullable else ""
            name = f"`{column.name}`" + (" (optional)" if column.optional else "")
            lines.append(f"| {name} | {type_name(column.dtype)} | {null} | {column.meaning.replace('|', 'or')} |")
        if table.open_ended:
            lines.append(OPEN_ENDED)
        lines.append("")
    return "\n".join(lines)


def sentence(text: str) -> str:
    """Return a phrase as a sentence."""
    return text[0].upper() + text[1:] + "."


def type_name(dtype: object) -> str:
    """Return a Polars type as a reader knows it."""
    return "instant, UTC" if "Datetime" in str(dtype) else str(dtype)


def public_names(package: str, title: str) -> str:
    """Return a page with every public name of a package, where it is defined: functions, classes, errors."""
    module = import_module(package)
    lines = [f"# {title}", "", (module.__doc__ or "").split("\n\n", 1)[0], ""]
    things = {name: getattr(module, name) for name in module.__all__}
    for name, thing in sorted(things.items(), key=lambda item: kind(item[1])):
        if getattr(thing, "__module__", "").startswith("backtest"):
            lines += [f"::: {thing.__module__}.{name}", ""]
    return "\n".join(lines)


def kind(thing: object) -> int:
    """Return 0 for a function, 1 for a class, 2 for an error."""
    return isinstance(thing, type) + (isinstance(thing, type) and issubclass(thing, Exception))


def modules_of(room: str, about: str) -> str:
    """Return a page with every public name of the modules of a sub-package."""
    folder = ROOT / "backtest" / room
    lines = [f"# backtest.{room}", "", about, ""]
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] != "__init__":
            lines += [f"::: {'.'.join(parts)}", "    options: {skip_local_inventory: true}", ""]
    return "\n".join(lines)


class Examples(griffe.Extension):
    """Shows examples in docstrings as code: without it Markdown takes `>>>` for a quotation."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Put a fence around each paragraph that is an interpreter session."""
        if obj.docstring:
            obj.docstring.value = "\n\n".join(fenced(re.split(r"\n{2,}", obj.docstring.value)))


def fenced(paragraphs: Iterable[str]) -> Iterable[str]:
    """Yield paragraphs, those that begin with `>>>` as code."""
    for paragraph in paragraphs:
        yield f"```pycon\n{paragraph}\n```" if paragraph.lstrip().startswith(">>>") else paragraph
