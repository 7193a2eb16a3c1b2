"""The audit for other people's tests: assert that a feature, or a whole walk, depends on nothing later than itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping

import polars as pl

from backtest.audit.feature_input import Feature, check_bars, feature_under_test
from backtest.audit.features import Effort, check_features, check_walk
from backtest.audit.lookback import check_lookback
from backtest.audit.publication import Reading, check_publication, check_stamps
from backtest.audit.recompute import Computation, Compute
from backtest.audit.search import Search
from backtest.data.errors import BacktestError, ConfigError, LeakError
from backtest.data.records.audit import Leak
from backtest.data.schema import UTC_TIME
from backtest.reports.wording.audit import leak_words

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
    """Raise LeakError with the smallest counterexample unless a feature reads nothing but its own bar and earlier ones.

    `feature` is a name as in the settings (`"rolling_mean_24"`), an expression, a function that returns one or several
    by suffix, decorated with `@feature` or not, or a function of the bars that returns a column, or a table with
    `time`. What later bars hold is replaced by noise, by huge and tiny values and NaN, and cut off; earlier values must
    stay the same to the bit. With a `lookback`, in earlier bars, a later start may move no value beyond it by more than
    `tolerance`, in standard deviations of the feature; what `@feature` declares need not be repeated. `external` are
    series (`time`, `known_at`, values) that a function takes by name, after the bars, and that an expression reads as
    columns `name.column`: nothing may be read before it was published.

    `bars` stand sorted by symbol and time; a few hundred with something odd in them tell more than many smooth ones.
    Raises ConfigError for a feature that cannot be computed from them.

    >>> import backtest as bt
    >>> import polars as pl
    >>> bars = bt.load_bars("synthetic:n=300")
    >>> bt.assert_causal(pl.col("close").log().diff(5), bars, lookback=5)
    >>> bt.assert_causal(pl.col("close") / pl.col("close").mean(), bars)
    Traceback (most recent call last):
    backtest.data.errors.LeakError: ...
    """
    __tracebackhide__ = True  # a test that fails shows its own line, not ours
    question = feature_under_test(feature, bars, lookback, tolerance, external)
    computation = _computation(lambda changed: question.compute(changed, question.external), bars, "feature")
    lookbacks = dict.fromkeys(computation.columns, question.lookback) if question.lookback else {}
    ahead = check_features(computation, lookbacks, THOROUGH, seed)
    _demand_proof(ahead)
    behind = check_lookback(
        computation, {name: lookbacks[name] for name in ahead.open if name in lookbacks}, STARTS, seed
    )
    leaks = [*ahead.leaks.values(), *behind.leaks.values(), *check_stamps(question.external)]
    if question.external:
        reading = Reading(
            computation, question.external, lambda other: question.compute(bars, other), question.interval
        )
        leaks += check_publication(reading, INSTANTS, seed).leaks.values()
    _refuse(leaks)


def assert_sealed(walk: Callable[[pl.DataFrame], pl.DataFrame], bars: pl.DataFrame, *, seed: int = 0) -> None:
    """Raise LeakError with the smallest counterexample where a forecast moves when later bars are replaced.

    `walk` takes bars and returns forecasts: a table with the `time` of the last bar that each may know, `symbol` where
    there are several, and numbers. It may be any pipeline, of any library. Later bars are replaced and not cut off,
    so that folds counted from the end stay where they are; the same bars must give the same forecasts.
    Raises ConfigError for a walk that cannot be asked.

    >>> import backtest as bt
    >>> import polars as pl
    >>> def last_return(bars: pl.DataFrame) -> pl.DataFrame:
    ...     return bars.select("time", forecast=pl.col("close").log().diff()).drop_nulls()
    >>> bt.assert_sealed(last_return, bt.load_bars("synthetic:n=300"))
    """
    __tracebackhide__ = True
    check_bars(bars)
    search = check_walk(_computation(walk, bars, "walk"), CUTS, seed)
    _demand_proof(search)
    _refuse(search.leaks.values())


def _computation(compute: Compute, bars: pl.DataFrame, what: str) -> Computation:
    """What is computed from all bars; ConfigError where that is nothing to be audited."""
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
        raise ConfigError(
            f"{what}: expected one row for each {', '.join(keys)} (got several): say what tells them apart"
        )
    empty = [name for name in computation.columns if table[name].null_count() == table.height]
    if empty or not computation.columns:
        names = ", ".join(empty) or "it"
        raise ConfigError(f"{what}: {names} has no value in {bars.height} bars: give it more of them, or mend it")
    return computation


def _demand_proof(search: Search) -> None:
    """ConfigError where nothing could be computed from other values, a warning where something else is read as well."""
    if search.proven or search.leaks:
        return
    notes = "; ".join(search.notes)
    if search.unaudited:
        warnings.warn(f"assert_causal: {notes}", stacklevel=3)
    else:
        raise ConfigError(
            f"{search.noun}: expected something that can be computed from later bars of other values ({notes}): let it"
        )


def _refuse(leaks: Iterable[Leak]) -> None:
    """LeakError where there is a leak."""
    __tracebackhide__ = True
    found = [leak_words(leak) for leak in leaks]
    if found:
        raise LeakError("\n".join(found))
