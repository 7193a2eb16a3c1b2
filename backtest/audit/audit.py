"""The audit of a whole walk: its five levels, quick or full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import polars as pl

from backtest.audit.causality import Effort, read_ahead
from backtest.audit.knowledge import time_of_knowledge
from backtest.audit.placebo import NAME as PLACEBO
from backtest.audit.placebo import placebo
from backtest.audit.seal import Sample, seal_of_the_fold
from backtest.audit.search import Search
from backtest.audit.subject import Subject
from backtest.audit.warmup import remember
from data.audit import Audit, Depth, Level
from reports.formats import counted

CAUSALITY, WARM_UP = "causality of features", "warm-up"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything an audit does; `bars` are those, the newest, whose features are searched."""

    bars: int
    effort: Effort
    starts: int
    instants: int
    sample: Sample
    with_placebo: bool


PLANS: dict[Depth, Plan] = {
    "quick": Plan(10_000, Effort(cuts=12, combs=16), 8, 6, Sample(1, 1, epochs=1), with_placebo=False),
    "full": Plan(20_000, Effort(cuts=40, combs=400), 24, 24, Sample(None, 3, epochs=2), with_placebo=True),
}


def audit(subject: Subject, depth: Depth, key: str = "", watch: Callable[[Level], None] = lambda level: None) -> Audit:
    """Audit a walk; `watch` is told of each level when it is done, `key` says what the audit is of."""
    levels = []
    for level in _levels(subject, PLANS[depth]):
        watch(level)
        levels.append(level)
    return Audit(depth, key, tuple(levels))


def _levels(subject: Subject, plan: Plan) -> Iterator[Level]:
    """The levels, one after another."""
    bars, notes = newest(subject.prepared.bars, plan.bars)
    probe = subject.probe(bars)
    memories = subject.memories()
    lookbacks = {name: memory.lookback for name, memory in memories.items() if not memory.tolerance}
    ahead = read_ahead(probe, lookbacks, plan.effort)
    yield _of_search(1, CAUSALITY, ahead, notes)
    still = {name: memories[name] for name in ahead.open if name in memories}
    yield _of_search(2, WARM_UP, remember(probe, still, plan.starts), notes)
    yield time_of_knowledge(subject, probe, plan.instants)
    subject = replace(subject, held=tuple(name for name in ahead.leaks if name in subject.prepared.features.columns))
    yield seal_of_the_fold(subject, plan.sample)
    if plan.with_placebo:
        yield placebo(subject, plan.sample)
    else:
        yield Level(5, PLACEBO, "only in the full audit", done=False)


def newest(bars: pl.DataFrame, most: int) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The newest bars, `most` at most of each instrument, and a note where there are more."""
    kept = bars.filter(pl.col("time") >= bars["time"].unique().sort().tail(most)[0])
    if kept.height == bars.height:
        return bars, ()
    return kept, (f"searched the newest {kept.height:,} of {bars.height:,} bars",)


def _of_search(number: int, name: str, found: Search, notes: tuple[str, ...]) -> Level:
    """A level from a search among features."""
    columns = len(found.probe.columns)
    checked = (
        f"{counted(columns, 'feature')}, {counted(found.probe.bars.height, 'bar')}, {counted(found.tried, 'trial')}"
    )
    leaks = tuple(found.leaks.values())
    return Level(number, name, checked, leaks, (*notes, *found.notes))
