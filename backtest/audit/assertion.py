"""The audit for other people's tests: assert that a feature, or a whole walk, depends on nothing later than itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import polars as pl

from backtest.audit.asked import Feature, asked
from backtest.audit.causality import Effort, foresee, read_ahead
from backtest.audit.probe import Probe
from backtest.audit.published import Reading, read_early, stamped_early
from backtest.audit.search import Search
from backtest.audit.warmup import remember
from data.audit import Leak
from data.errors import ConfigError, LeakError
from data.gaps import interval_of
from data.schema import UTC_TIME
from reports.witness import leak_words

EFFORT = Effort(cuts=40, combs=400, bars=1_000)
STARTS, INSTANTS, CUTS = 16, 16, 12
FEWEST = 20
"""Rows of bars below which there is nothing to tell later ones from."""


def assert_causal(
    feature: Feature,
    bars: pl.DataFrame,
    *,
    lookback: int | None = None,
    tolerance: float = 0.0,
    external: Mapping[str, pl.DataFrame] | None = None,
    seed: int = 0,
) -> None:
    """Raise LeakError with the smallest witness unless a feature reads nothing but its own bar and earlier ones.

    `feature` is a name as in the settings (`"rolling_mean_24"`), an expression, a function that returns one or several
    by suffix, decorated with `@feature` or not, or a function of the bars that returns a column, or a table with
    `time`. What later bars hold is replaced by noise, by huge and tiny values and NaN, and cut off; earlier values must
    stay the same to the bit. With a `lookback`, in earlier bars, a later start may move no value beyond it by more than
    `tolerance`, in standard deviations of the feature; what `@feature` declares need not be repeated. `external` are
    series (`time`, `known_at`, values) that a function takes by name, after the bars, and that an expression reads as
    columns `name.column`: nothing may be read before it was published.

    `bars` stand sorted by symbol and time; a few hundred with something odd in them tell more than many smooth ones.
    Raises ConfigError for a feature that cannot be computed from them.
    """
    __tracebackhide__ = True  # a test that fails shows its own line, not ours
    _check(bars)
    question = asked(feature, bars, lookback, tolerance, external)
    probe = Probe.of(lambda changed: question.compute(changed, question.external), bars)
    memories = dict.fromkeys(probe.columns, question.memory) if question.memory else {}
    ahead = read_ahead(probe, memories, EFFORT, seed)
    _demand_proof(ahead)
    behind = remember(probe, {name: memories[name] for name in ahead.open if name in memories}, STARTS, seed)
    leaks = [*ahead.leaks.values(), *behind.leaks.values(), *stamped_early(question.external)]
    if question.external:
        reading = Reading(probe, question.external, lambda other: question.compute(bars, other), interval_of(bars))
        leaks += read_early(reading, INSTANTS, seed).leaks.values()
    _refuse(leaks)


def assert_sealed(walk: Callable[[pl.DataFrame], pl.DataFrame], bars: pl.DataFrame, *, seed: int = 0) -> None:
    """Raise LeakError with the smallest witness where a forecast moves when later bars are replaced.

    `walk` takes bars and returns forecasts: a table with the `time` of the last bar that each may know, `symbol` where
    there are several, and numbers. It may be any pipeline, of any library. Later bars are replaced and not cut off,
    so that folds counted from the end stay where they are; the same bars must give the same forecasts.
    Raises ConfigError for a walk that cannot be asked.
    """
    __tracebackhide__ = True
    _check(bars)
    forecasts: object = walk(bars)
    if not isinstance(forecasts, pl.DataFrame) or "time" not in forecasts.columns or forecasts.is_empty():
        got = forecasts.columns if isinstance(forecasts, pl.DataFrame) else type(forecasts).__name__
        raise ConfigError(f"walk: expected a table of forecasts with a column time (got {got}): return one")
    search = foresee(Probe(walk, bars, forecasts), CUTS, seed)
    _demand_proof(search)
    _refuse(search.leaks.values())


def _check(bars: pl.DataFrame) -> None:
    """ConfigError unless bars can be told apart and stand in order."""
    missing = [name for name in ("symbol", "time") if name not in bars.columns]
    if missing or bars.schema["time"] != UTC_TIME or bars.height < FEWEST:
        got = f"columns {', '.join(bars.columns)}, {bars.height} rows" + ("" if missing else f", {bars.schema['time']}")
        raise ConfigError(
            f"bars: expected at least {FEWEST} rows with symbol and time, {UTC_TIME} (got {got}): "
            "data.synthetic.make(500) returns some"
        )
    if not bars.select("symbol", "time").equals(bars.select("symbol", "time").sort("symbol", "time")):
        raise ConfigError('bars: expected rows sorted by symbol and time: bars.sort("symbol", "time") does it')


def _demand_proof(search: Search) -> None:
    """ConfigError where nothing could be computed from other values: that is no proof of anything."""
    if not search.proven and not search.leaks:
        raise ConfigError(
            f"{search.noun}: expected something that can be computed when later bars hold other values "
            f"({'; '.join(search.notes)}): let it"
        )


def _refuse(leaks: Iterable[Leak]) -> None:
    """LeakError where there is a leak."""
    __tracebackhide__ = True
    found = [leak_words(leak) for leak in leaks]
    if found:
        raise LeakError("\n".join(found))
