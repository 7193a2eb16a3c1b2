"""The documentation site: its examples run, its pages agree with the tables, and one release is named everywhere."""

from __future__ import annotations

import doctest
import re
import tomllib
from pathlib import Path

import pytest

from backtest import significance
from backtest.data.result_tables import RUN_TABLES

pytest.importorskip("mkdocs", reason="needs the group docs: pip install --group docs")

ROOT = Path(__file__).parents[1]


def test_the_examples_of_the_statistical_tests_run() -> None:
    page = str(ROOT / "docs" / "significance.md")
    result = doctest.testfile(page, module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 40
    assert result.failed == 0


def test_every_public_test_has_an_example() -> None:
    text = (ROOT / "docs" / "significance.md").read_text("utf-8")
    functions = [name for name in significance.__all__ if name.islower()]
    arithmetic = {"expected_maximum_sharpe", "long_run_variance", "mean_test", "moments_test"}  # parts of the tests
    assert [name for name in functions if f"{name}(" not in text and name not in arithmetic] == []


def test_the_data_dictionary_holds_every_column_and_explains_the_null_seed() -> None:
    from docs.site import tables

    page = tables()
    for table in RUN_TABLES:
        section = page.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == [column.name for column in table.columns]
    assert "seed` is null" in page


def test_pages_of_the_navigation_exist_and_a_missing_one_is_named() -> None:
    from docs.site import navigation

    assert navigation({"A": "a.md", "B": {"C": "c.md"}}, {"a.md", "c.md"}) == [{"A": "a.md"}, {"B": [{"C": "c.md"}]}]
    with pytest.raises(FileNotFoundError, match=r"expected a page a\.md for 'A'"):
        navigation({"A": "a.md"}, set())


def test_links_of_the_repository_hold_on_the_site() -> None:
    from docs.site import with_site_links

    assert with_site_links("[a](docs/audit.md#limits) [b](CALIBRATION.md) [c](../CONTRIBUTING.md)") == (
        "[a](audit.md#limits) [b](calibration.md) [c](contributing.md)"
    )
    assert with_site_links("[a](docs/tutorial.py) [b](../data/result_tables.py) [c](https://a.org/docs/b#c)") == (
        "[a](tutorial.md) [b](tables.md) [c](https://a.org/docs/b#c)"
    )


def test_examples_in_docstrings_become_code() -> None:
    from docs.site import fenced

    assert list(fenced(["Say it.", ">>> 1\n1"])) == ["Say it.", "```pycon\n>>> 1\n1\n```"]


def test_one_version_stands_in_the_project_the_citation_and_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.MULTILINE) == [version]
    released = re.findall(r"^## \[(.+?)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert released[0] == (version, re.findall(r'^date-released: "(.+)"$', citation, re.MULTILINE)[0])
