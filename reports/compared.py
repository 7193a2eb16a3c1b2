"""A comparison of runs as the report reads it: the evaluation of the virtual run, the runs and their paired tests."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from backtest.data.errors import RunError
from backtest.data.json_io import parse_json
from backtest.data.records.comparison import COMPARISON, Comparison, Pair
from backtest.data.records.reading import parse_record, printable_frame, printable_record
from backtest.data.records.verdict import Verdict
from backtest.data.result_tables import RUN_TABLES
from backtest.data.run_files import UNREADABLE, VERDICT, sha256
from backtest.data.schema import check
from backtest.reports.diagnostics import LossPath, loss_path
from backtest.reports.result import Result
from backtest.reports.validation import check_tables

AGAIN = "compare the runs again"


@dataclass(frozen=True, eq=False)
class ComparisonResult(Result):
    """A comparison: its models are named `run:model`, or by the model alone where all runs forecast the same."""

    found: Comparison

    @property
    def names_horizons(self) -> bool:
        """Whether a finding must say its horizon: a run has several, of which not all need be compared."""
        return any(len(run.horizons) > 1 for run in self.found.runs)

    @property
    def leading(self) -> tuple[Pair, ...]:
        """The pairs of candidates at all horizons; without any all pairs."""
        return tuple(pair for pair in self.found.pairs if pair.group != "other") or self.found.pairs

    @property
    def tested(self) -> tuple[Pair, ...]:
        """The pairs whose test is defined, at all horizons."""
        return tuple(pair for pair in self.found.pairs if pair.p_adjusted is not None)

    @property
    def leaky(self) -> tuple[str, ...]:
        """The runs in which a leak was found."""
        return tuple(run.name for run in self.found.runs if run.audited == "leak" or run.status == "leak suspected")

    @property
    def same_bars(self) -> bool:
        """Whether all runs were fed with the same bars."""
        return len({run.bars for run in self.found.runs}) == 1

    @cached_property
    def pair_paths(self) -> tuple[tuple[Pair, LossPath], ...]:
        """The leading pairs that differ at the horizon of the views, each with its cumulative loss difference.

        That is a share of the rival's total.
        """
        differing = [pair for pair in self.leading if pair.horizon == self.horizon and pair.difference is not None]
        against = self.rival, self.question.loss
        return tuple((pair, loss_path(self.origins, pair.names[0], *against, pair.names[1])) for pair in differing)


def read(folder: Path) -> ComparisonResult:
    """Return the comparison in `folder`; RunError where there is none or it is damaged, WrongSchema for another one."""
    path = folder / COMPARISON
    if not path.is_file():
        raise RunError(f"{folder}: expected a comparison (found no {COMPARISON}): run `backtest compare RUN RUN`")
    found = parse_record(Comparison, parse_json(path.read_bytes(), name=str(path), remedy=AGAIN), path)
    content = {name: checked(folder / name, found) for name in (*(table.file for table in RUN_TABLES), VERDICT)}
    verdict = Verdict.from_json(content.pop(VERDICT).decode())
    try:
        tables = {name: pl.read_parquet(io.BytesIO(table)) for name, table in content.items()}
    except UNREADABLE as error:
        raise RunError(f"{folder}: expected the tables of a comparison (got {error}): {AGAIN}") from error
    return from_tables(found, verdict, tables, folder)


def checked(path: Path, found: Comparison) -> bytes:
    """Return the content of a file; RunError where it is not the one that the record lists."""
    content = path.read_bytes() if path.is_file() else b""
    if sha256(content) != found.files.get(path.name):
        raise RunError(f"{path}: expected the file that {COMPARISON} lists: {AGAIN}")
    return content


def from_tables(
    found: Comparison, verdict: Verdict, tables: Mapping[str, pl.DataFrame], where: Path | str = "comparison"
) -> ComparisonResult:
    """Return a comparison from memory: the record, the verdict and RUN_TABLES by file; RunError or WrongSchema."""
    named = {table.name.lower(): printable_frame(check(tables[table.file], table)) for table in RUN_TABLES}
    check_tables(Path(where), named, verdict.question)
    return ComparisonResult(printable_record(verdict), named, printable_record(found))
