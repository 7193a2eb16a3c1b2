"""The audit for other people's tests: assert that a feature, or a whole walk, depends on nothing later than itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import polars as pl

from backtest.audit.availability import SeriesReads, check_publication, check_stamps
from backtest.audit.counterexample import Search
from backtest.audit.feature_input import Feature, check_bars, feature_under_test
from backtest.audit.features import Effort, check_features, check_walk
from backtest.audit.lookback import check_lookback
from backtest.audit.recompute import Computation, Compute
from backtest.data.errors import BacktestError, ConfigError, LeakError
from backtest.data.reading.problems import plural
from backtest.data.records.audit import FEATURE_LEAKS, PERTURBATION_WORDS, Counterexample, Leak
from backtest.data.schema import UTC_TIME
from backtest.features.external import EXPIRES

THOROUGH = Effort(cuts=40, grids=400, bars=1_000)
STARTS, INSTANTS, CUTS = 16, 16, 12


def assert_causal(
    feature: Feature,
    bars: pl.DataFrame,
    *,
    lookback: int | None = None,
    tolerance: float = 0.0,
    external: Mapping[str, pl.DataFrame] | None = None,
    seed: int = 0,
) -> None:
    """Raise LeakError with the smallest counterexample unless a feature reads only its own bar and earlier ones.

    `feature` is a name as in the settings (`"rolling_mean_24"`), an expression, a function that returns one or several
    by suffix, decorated with `@feature` or not, or a function of the bars that returns a column, or a table with
    `time`. Later bars are replaced by noise, huge and tiny values and NaN, and removed; earlier values must stay the
    same to the bit. `lookback` is a number of earlier bars: a later start may then move no value beyond it by more than
    `tolerance`, in standard deviations of the feature. What `@feature` declares need not be repeated. `external` are
    series (`time`, `known_at`, values) that a function takes by name, after the bars, and that an expression reads as
    columns `name.column`: nothing may be read before it was published.

    `bars` must be sorted by symbol and time; a few hundred with something odd in them show more than many smooth ones.
    Raises ConfigError for a feature that cannot be computed from them.

    >>> import backtest as bt
    >>> import polars as pl
    >>> bars = bt.load_bars("synthetic:n=300")
    >>> bt.assert_causal(pl.col("close").log().diff(5), bars, lookback=5)
    >>> bt.assert_causal(pl.col("close") / pl.col("close").mean(), bars)
    Traceback (most recent call last):
    backtest.data.errors.LeakError: ...
    """
    __tracebackhide__ = True  # a failing test shows its own line
    tested = feature_under_test(feature, bars, lookback, tolerance, external)
    computation = _computation(lambda changed: tested.compute(changed, tested.external), bars, "feature")
    if any(EXPIRES.name in frame.columns for frame in tested.external.values()):
        computation = replace(computation, outside=frozenset(computation.columns))
    lookbacks = dict.fromkeys(computation.columns, tested.lookback) if tested.lookback else {}
    ahead = check_features(computation, lookbacks, THOROUGH, seed)
    _require_conclusive(ahead)
    causal = {name: lookbacks[name] for name in ahead.open if name in lookbacks}
    behind = check_lookback(computation, causal, STARTS, seed)
    leaks = [*ahead.leaks.values(), *behind.leaks.values(), *check_stamps(tested.external)]
    if tested.external:
        reads = SeriesReads(computation, tested.external, lambda other: tested.compute(bars, other), tested.interval)
        leaks += check_publication(reads, INSTANTS, seed).leaks.values()
    _raise_if_any(leaks)


def assert_sealed(walk: Callable[[pl.DataFrame], pl.DataFrame], bars: pl.DataFrame, *, seed: int = 0) -> None:
    """Raise LeakError with the smallest counterexample where a forecast moves when later bars are replaced.

    `walk` takes bars and returns forecasts: a table with the `time` of the last bar that each may know, `symbol` where
    there are several, and numbers. It may be any pipeline, of any library. Later bars are replaced and not removed, so
    that folds counted from the end stay where they are; the same bars must give the same forecasts. Raises ConfigError
    for a walk that cannot be computed from these bars.

    >>> import backtest as bt
    >>> import polars as pl
    >>> def last_return(bars: pl.DataFrame) -> pl.DataFrame:
    ...     return bars.select("time", forecast=pl.col("close").log().diff()).drop_nulls()
    >>> bt.assert_sealed(last_return, bt.load_bars("synthetic:n=300"))
    """
    __tracebackhide__ = True
    check_bars(bars)
    search = check_walk(_computation(walk, bars, "walk"), CUTS, seed)
    _require_conclusive(search)
    _raise_if_any(search.leaks.values())


def _computation(compute: Compute, bars: pl.DataFrame, what: str) -> Computation:
    """What is computed from all bars; ConfigError where it cannot be audited."""
    try:
        table: object = compute(bars)
    except BacktestError:
        raise
    except Exception as error:  # a user's code may raise anything
        raise ConfigError(f"{what}: cannot be computed from these bars: {type(error).__name__}: {error}") from error
    if not isinstance(table, pl.DataFrame) or table.schema.get("time") != UTC_TIME:
        got = dict(table.schema) if isinstance(table, pl.DataFrame) else type(table).__name__
        raise ConfigError(f"{what}: expected a table with time, {UTC_TIME}, and a value (got {got}): return one")
    computation = Computation(compute, bars, table)
    keys = computation.keys(table)
    if table.select(keys).is_duplicated().any():
        raise ConfigError(f"{what}: expected one row for each {', '.join(keys)} (got several): add a key column")
    empty = [name for name in computation.columns if table[name].null_count() == table.height]
    if empty or not computation.columns:
        names = ", ".join(empty) or "it"
        raise ConfigError(f"{what}: {names} has no value in {bars.height} bars: use more bars, or fix the feature")
    return computation


def _require_conclusive(search: Search) -> None:
    """ConfigError where nothing could be computed from other values, a warning where other data are read as well."""
    if search.conclusive or search.leaks:
        return
    if search.unaudited:
        names = ", ".join(search.unaudited)
        warnings.warn(
            f"assert_causal: {names} reads data by time that is not among the bars: this was not audited", stacklevel=3
        )
    else:
        errors = "; ".join(dict.fromkeys(note.error for note in search.notes if note.error))
        raise ConfigError(
            f"{search.kind}: expected values for perturbed bars ({errors}): make it accept perturbed bars"
        )


def _raise_if_any(leaks: Iterable[Leak]) -> None:
    """LeakError where there is a leak."""
    __tracebackhide__ = True
    found = [_message(leak) for leak in leaks]
    if found:
        raise LeakError("\n".join(found))


def _message(leak: Leak) -> str:
    """A leak in lines: what was found, the smallest counterexample, and what to do."""
    what, remedy = FEATURE_LEAKS[leak.code]
    kind = "external series" if leak.subject.kind == "series" else leak.subject.kind
    values = {
        **leak.numbers,
        "names": ", ".join(leak.names),
        "count": plural(int(leak.numbers.get("count", 0)), "value"),
    }
    lines = [f"{kind} {leak.subject.name} {what.format(**values)}"]
    if leak.counterexample:
        lines.append(f"  {_counterexample(leak.counterexample)}")
    return "\n".join([*lines, f"  what to do: {remedy}"])


def _counterexample(shown: Counterexample) -> str:
    """Which value of which bar reads what, how far ahead, and how that showed."""
    symbol = f" of {shown.symbol}" if shown.symbol else ""
    where = f"{shown.column}{symbol} at {_minute(shown.time)}"
    if not shown.reads:
        return f"{where}: claims to be known at {_minute(shown.known_at or shown.time)}"
    change = f"(with {PERTURBATION_WORDS[shown.perturbation]} there, the value changes)" if shown.perturbation else ""
    if shown.ahead is None:
        return f"{where} reads the value published at {_minute(shown.reads)} {change}"
    distance = f"{abs(shown.ahead)} bar{'' if abs(shown.ahead) == 1 else 's'} {'back' if shown.ahead < 0 else 'ahead'}"
    return f"{where} reads the bar of {_minute(shown.reads)}, {distance} {change}"


def _minute(time: str) -> str:
    """A time in ISO 8601 to the minute."""
    return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M}"
