"""The manifest of a run as types: how the run was made, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from backtest.data.realised import COVERAGE


@dataclass(frozen=True, slots=True)
class FinerBars:
    """What realised variances were made of: bars of `interval_seconds`, so many returns in each, and bars without.

    Those have less than `coverage` of the finer bars that they should.
    """

    interval_seconds: float
    overnight: bool
    fewest_returns: int
    median_returns: float
    bars_without: int
    coverage: float = COVERAGE


@dataclass(frozen=True, slots=True)
class SeriesCard:
    """An outside series: its source, the columns of values and how many of these are missing, and its span.

    `median_lag_seconds` and `longest_lag_seconds` lie between what a value is about and when it was known.
    `bars_without` have some value missing at their close, `bars_before` of them because none was known yet.
    """

    name: str
    source: str
    sha256: str
    columns: tuple[str, ...]
    rows: int
    missing: int
    start: datetime
    end: datetime
    median_lag_seconds: float
    longest_lag_seconds: float
    bars_without: int
    bars_before: int


@dataclass(frozen=True, slots=True)
class DataCard:
    """What the run was fed with; `bars_per_year` and `bars_sha256` are None in runs of earlier versions.

    `sha256` is that of everything that was read, `bars_sha256` that of times, prices and volumes alone, by which the
    ledger knows the bars: which of their measures is forecast is a choice like any other setting.
    """

    source: str
    sha256: str
    symbols: tuple[str, ...]
    bars: int
    start: datetime
    end: datetime
    interval_seconds: float
    always_open: bool
    gaps: int
    missing_bars: int
    longest_gap_bars: int
    zero_volume_bars: int | None
    rows_lost: int
    finer: FinerBars | None = None
    bars_per_year: float | None = None
    bars_sha256: str | None = None
    series: tuple[SeriesCard, ...] = ()

    @property
    def traded(self) -> str:
        """The hash by which the ledger knows the bars."""
        return self.bars_sha256 or self.sha256

    @property
    def interval(self) -> timedelta:
        """Length of a bar."""
        return timedelta(seconds=self.interval_seconds)


@dataclass(frozen=True, slots=True)
class Hardware:
    """The machine that the run was made on."""

    cpu: str
    cores: int
    device: str
    memory_gib: float


@dataclass(frozen=True, slots=True)
class Tasks:
    """Number of fits, the sum of the time they took, and how many ran side by side."""

    total: int
    seconds: float
    workers: int


@dataclass(frozen=True, slots=True)
class TuningCost:
    """Number of fits that tuning made, the chosen ones too, and the sum of the time they took."""

    fits: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """How the run was made, and the SHA-256 of every file that it wrote; `tuning` is None in earlier versions."""

    format: int
    name: str
    command: str
    started: datetime
    finished: datetime
    seconds: float
    config_sha256: str
    data: DataCard
    versions: dict[str, str]
    hardware: Hardware
    tasks: Tasks
    files: dict[str, str]
    tuning: TuningCost | None = None
