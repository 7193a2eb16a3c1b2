"""Every public name has an example in its docstring, and the example gives what it says."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import backtest as bt
from tests.support.selection import quick_or_slow

pytestmark = pytest.mark.integration

OBJECTS: dict[str, object] = {"backtest": bt} | {
    name: getattr(bt, name) for name in bt.__all__ if name != "__version__"
}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.usefixtures("open_tables")
@pytest.mark.parametrize("name", quick_or_slow(OBJECTS, OBJECTS.keys() - {"Comparison", "Run"}))
def test_every_public_name_has_an_example_that_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tests = doctest.DocTestFinder(recurse=False).find(OBJECTS[name], name, module=False, globs={"__name__": "__main__"})
    examples = [test for test in tests if test.examples]
    assert examples, f"{name}: its docstring has no example"
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    said: list[str] = []
    for test in examples:
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)
    assert list(tmp_path.iterdir()) == []
