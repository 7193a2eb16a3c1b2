"""The audit for other people's tests: assert that a feature, or a whole walk, depends on nothing later than itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import polars as pl

from backtest.audit.asked import Feature, asked
from backtest.audit.causality import Effort, foresee, read_ahead
from backtest.audit.probe import Probe
from backtest.audit.published import Reading, read_early, stamped_early
from backtest.audit.warmup import remember
from backtest.terminal import told
from data.audit import Leak
from data.errors import LeakError
from data.gaps import interval_of

THOROUGH = Effort(cuts=40, combs=400)
FEW = 12
STARTS, INSTANTS = 16, 16


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
    question = asked(feature, bars, lookback, tolerance, external)
    probe = Probe.of(lambda changed: question.compute(changed, question.external), bars)
    memories = dict.fromkeys(probe.columns, question.memory) if question.memory else {}
    exact = {name: memory.lookback for name, memory in memories.items() if not memory.tolerance}
    ahead = read_ahead(probe, exact, THOROUGH, seed)
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
    """
    __tracebackhide__ = True
    _refuse(foresee(Probe.of(walk, bars), FEW, seed).leaks.values())


def _refuse(leaks: Iterable[Leak]) -> None:
    __tracebackhide__ = True
    found = [told(leak) for leak in leaks]
    if found:
        raise LeakError("\n".join(found))
