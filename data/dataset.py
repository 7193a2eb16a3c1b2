"""The data of a run as one value: bars, interval, sessions and holes, outside series, SHA-256; computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import polars as pl

from backtest.data.durations import format_duration, parse_duration
from backtest.data.errors import ConfigError
from backtest.data.reading import bars as bar_files
from backtest.data.reading.checks import TRADED
from backtest.data.reading.formats import NOTHING
from backtest.data.reading.tables import FRAME
from backtest.data.realised import COVERAGE, realised_bars
from backtest.data.sessions import find_sessions, interval_of


@dataclass(frozen=True, slots=True)
class Finer:
    """The finer bars that the bars were made of: their `interval`, and whether closed hours count in a variance.

    `coverage` is the smallest share of those expected with which a bar has a variance.
    """

    interval: timedelta
    overnight: bool
    coverage: float


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Checked bars and everything that is derived from them alone, each computed once and handed on.

    Attributes
    ----------
    bars
        BARS, sorted by symbol and time.
    interval
        Time between two bars of an open market.
    always_open
        Whether the market of every instrument is open at all hours of the week.
    segments
        Number of each bar's stretch without a hole (n,), from 0 over all instruments.
    holes
        HOLES: symbol, the bars `after` and `before` which a hole lies, and how many bars are `missing`.
    sha256
        SHA-256 of the bars' content.
    source
        Where the bars came from: a file, a folder, a glob, a built-in name, or `data frame`.
    external
        Outside series that features read, by name; see `features.external`.
    finer
        What the bars were made of, see `realised`; None: they are those of the source.
    """

    bars: pl.DataFrame
    interval: timedelta
    always_open: bool
    segments: pl.Series
    holes: pl.DataFrame
    sha256: str
    source: str
    external: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    finer: Finer | None = None

    @classmethod
    def from_source(
        cls,
        source: str | Path,
        symbol: bar_files.Symbols = None,
        interval: str | None = None,
        columns: Mapping[str, str] = NOTHING,
    ) -> Self:
        """Read and check the bars of a file, a folder, a glob or a built-in name, with further `columns` of a file.

        `symbol` picks an instrument or several, `interval` such as `1h` is what the bars' spacing must be. Raises as
        `data.reading.bars.load_bars`, and ConfigError for bars of another interval.
        """
        return cls._of(bar_files.load_bars(source, symbol, columns=columns), str(source), interval)

    @classmethod
    def from_frame(
        cls,
        frame: object,
        symbol: bar_files.Symbols = None,
        interval: str | None = None,
        columns: Mapping[str, str] = NOTHING,
    ) -> Self:
        """Take over a polars or pandas data frame of bars, with the same layouts and checks as a file.

        The open times stand in a column such as `time`, or in the DatetimeIndex of a pandas frame. `symbol` names the
        instrument of a frame without a column `symbol`. Raises as `from_source`; messages name `data frame`.
        """
        return cls._of(bar_files.load_frame(frame, symbol, columns=columns), FRAME, interval)

    @classmethod
    def _of(cls, bars: pl.DataFrame, source: str, expected: str | None) -> Self:
        found = interval_of(bars)
        if expected and parse_duration(expected) != found:
            raise ConfigError(
                f"data.interval: expected bars of {expected} (got {format_duration(found)} in {source}): "
                f"take other bars, or add --set data.interval={format_duration(found)}"
            )
        sessions = find_sessions(bars, found)
        digest = bar_files.digest(bars)
        return cls(bars, found, sessions.always_open, sessions.segments, sessions.holes, digest, source)

    def realised(self, interval: timedelta, *, overnight: bool, coverage: float = COVERAGE) -> Self:
        """Return bars of `interval` made of these, each with its realised variance; see `data.realised`.

        Raises ConfigError where `interval` is no multiple of this one, TooFewBars where no two bars can be made.
        """
        bars = realised_bars(self.bars, self.interval, interval, overnight=overnight, coverage=coverage)
        found, digest = find_sessions(bars, interval), bar_files.digest(bars)
        made = replace(self, bars=bars, interval=interval, always_open=found.always_open, segments=found.segments)
        return replace(made, holes=found.holes, sha256=digest, finer=Finer(self.interval, overnight, coverage))

    def with_external(self, series: Mapping[str, pl.DataFrame]) -> Self:
        """Return the same data with the outside series that features read."""
        return replace(self, external=series)

    @property
    def traded_sha256(self) -> str:
        """SHA-256 of times, prices and volumes alone, without measures of bars."""
        traded = [name for name in self.bars.columns if name in TRADED]
        return self.sha256 if traded == self.bars.columns else bar_files.digest(self.bars.select(traded))

    @property
    def external_sums(self) -> dict[str, str]:
        """SHA-256 of the content of each outside series, by name, independent of its files."""
        return {
            name: bar_files.digest(frame.select(pl.all().name.prefix("_"))) for name, frame in self.external.items()
        }

    @property
    def symbols(self) -> list[str]:
        """The instruments, sorted."""
        return self.bars["symbol"].unique().sort().to_list()

    @property
    def bars_per_year(self) -> float:
        """Bars of an instrument in a year: those of 365 days where the market never closes, else its observed rate.

        Missing bars count, closed hours do not: some 252 daily bars in 365.25 days.
        """
        if self.always_open:
            return timedelta(days=365) / self.interval
        spans = self.bars.group_by("symbol").agg(steps=pl.len() - 1, span=pl.col("time").max() - pl.col("time").min())
        steps = int(spans["steps"].sum()) + int(self.holes["missing"].sum())
        return float(steps * (timedelta(days=365.25) / sum(spans["span"].to_list(), timedelta())))

    @property
    def start(self) -> datetime:
        """Open of the first bar."""
        first: datetime = self.bars["time"].min()  # type: ignore[assignment]
        return first

    @property
    def end(self) -> datetime:
        """Close of the last bar."""
        last: datetime = self.bars["time"].max()  # type: ignore[assignment]
        return last + self.interval
