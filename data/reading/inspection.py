"""What `backtest data check` tells about bars: what they are, their holes and oddities, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from backtest.data import sessions
from backtest.data.durations import format_duration
from backtest.data.errors import DataError
from backtest.data.reading.checks import further_columns
from backtest.data.reading.formats import PRICES
from backtest.data.reading.problems import format_time, plural
from backtest.data.schema import BARS

SHOWN = 5
OPTIONAL = [column.name for column in BARS.columns if column.optional]


class Hole(NamedTuple):
    """Bars missing between two neighbours, where the market was open."""

    after: datetime
    before: datetime
    missing: int


class Move(NamedTuple):
    """A bar's change against the close before: -0.18 is a fall by 18 %."""

    time: datetime
    change: float


@dataclass(frozen=True, slots=True)
class SeriesCheck:
    """The bars of one instrument; those with unusable prices and repeated ones are not counted.

    `unknown` counts the nulls of each optional column that has both nulls and values, `ranges` holds the smallest and
    the largest value of each further column. `zero_volume` is None where there is no volume.
    """

    symbol: str
    rows: int
    first: datetime
    last: datetime
    interval: timedelta
    always_open: bool
    holes: tuple[Hole, ...]
    zero_volume: int | None
    moves: tuple[Move, ...]
    unknown: dict[str, int]
    ranges: dict[str, tuple[float, float]]

    @property
    def missing(self) -> int:
        """Bars missing in all holes."""
        return sum(hole.missing for hole in self.holes)

    @property
    def longest(self) -> int:
        """Bars missing in the longest hole."""
        return max((hole.missing for hole in self.holes), default=0)

    def lines(self) -> list[str]:
        """The findings as text."""
        market = "always open" if self.always_open else "closes"
        holes = "none"
        if self.holes:
            holes = f"{len(self.holes):,}, {plural(self.missing, 'bar')} missing, longest {self.longest:,}"
        first = [
            f"after {format_time(hole.after)}, {plural(hole.missing, 'bar')} missing" for hole in self.holes[:SHOWN]
        ]
        if len(self.holes) > SHOWN:
            first.append(f"and {len(self.holes) - SHOWN:,} more")
        moves = [f"{move.change:+.1%} at {format_time(move.time)}" for move in self.moves]
        return [
            self.symbol,
            *_entry("bars", f"{self.rows:,}, from {format_time(self.first)} to {format_time(self.last)}"),
            *_entry("interval", f"{format_duration(self.interval)}, the market {'is ' * self.always_open}{market}"),
            *_entry("holes", holes, *first),
            *_entry("no volume", *([] if self.zero_volume is None else [plural(self.zero_volume, "bar")])),
            *_entry("big moves", *moves),
            *_entry("columns", *(f"{name} from {low:g} to {high:g}" for name, (low, high) in self.ranges.items())),
            *_entry("not known", *(f"{name} in {plural(count, 'bar')}" for name, count in self.unknown.items())),
        ]


@dataclass(frozen=True, slots=True)
class BarsCheck:
    """All findings about a source; `files` pairs each file with the format it was recognised as.

    `digest` is the SHA-256 of the bars, None where there are problems: then `load` refuses them.
    """

    source: str
    files: tuple[tuple[str, str], ...]
    series: tuple[SeriesCheck, ...]
    problems: tuple[DataError, ...]
    digest: str | None

    def lines(self) -> list[str]:
        """The findings as text, a line each."""
        found = [line for series in self.series for line in (*series.lines(), "")]
        names = [f"{form}" if file == self.source else f"{form}: {file}" for file, form in self.files]
        more = [f"and {len(names) - SHOWN:,} more"] if len(names) > SHOWN else []
        verdict = _entry("sha256", self.digest or "") if not self.problems else []
        numbered = [f"  {number}. {problem.message}" for number, problem in enumerate(self.problems, start=1)]
        total = f"{plural(len(self.problems), 'problem')}: these bars cannot be used" if numbered else "no problem"
        return [self.source, *_entry("format", *names[:SHOWN], *more), "", *found, total, *verdict, *numbered]


def summarise_bars(
    source: str,
    files: tuple[tuple[str, str], ...],
    bars: pl.DataFrame,
    problems: tuple[DataError, ...],
    digest: str | None,
) -> BarsCheck:
    """Look at `bars`, sorted by symbol and time; where there are `problems`, at those of their rows that are usable."""
    if problems:
        prices = [name for name in PRICES if name in bars.columns]
        sound = pl.all_horizontal(pl.lit(True), *(pl.col(name).is_finite() & (pl.col(name) > 0) for name in prices))
        bars = bars.filter(sound).unique(["symbol", "time"], keep="first", maintain_order=True)
    series = (_inspect_series(each) for each in bars.partition_by("symbol", maintain_order=True) if each.height > 1)
    return BarsCheck(source, files, tuple(series), problems, digest)


def _inspect_series(bars: pl.DataFrame) -> SeriesCheck:
    """Look at the bars of one instrument."""
    interval = sessions.interval_of(bars)
    found = sessions.find_sessions(bars, interval)
    holes = found.holes
    moves: tuple[Move, ...] = ()
    if "close" in bars.columns:
        changes = pl.DataFrame({"time": bars["time"], "change": bars["close"] / bars["close"].shift() - 1})
        within = changes.filter(~pl.col("time").is_in(holes["before"].implode())).drop_nulls()
        moves = tuple(Move(*row) for row in within.top_k(SHOWN, by=pl.col("change").abs()).iter_rows())
    further = further_columns(bars)
    nulls = {name: bars[name].null_count() for name in (*OPTIONAL, *further) if name in bars.columns}
    ranges = {name: bars.select(pl.col(name).min(), high=pl.col(name).max()).row(0) for name in further}
    return SeriesCheck(
        symbol=bars["symbol"][0],
        rows=bars.height,
        first=bars["time"][0],
        last=bars["time"][-1],
        interval=interval,
        always_open=found.always_open,
        holes=tuple(Hole(*row) for row in holes.select("after", "before", "missing").iter_rows()),
        zero_volume=int((bars["volume"] == 0).sum()) if "volume" in bars.columns and "close" in bars.columns else None,
        moves=moves,
        unknown={name: count for name, count in nulls.items() if 0 < count < bars.height},
        ranges={name: (low, high) for name, (low, high) in ranges.items() if low is not None},
    )


def _entry(name: str, *texts: str) -> list[str]:
    """Return a name and its texts in two columns, nothing if there are no texts."""
    return [f"  {name if not number else '':<14}{text}" for number, text in enumerate(texts)]
