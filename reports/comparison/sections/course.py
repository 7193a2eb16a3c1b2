"""When the differences between the leading pairs came about."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

import numpy as np

from backtest.data.names import label
from backtest.data.records.comparison import Pair
from backtest.reports.blocks import Block, Figure, Heading, Table, table
from backtest.reports.comparison.figures.paths import paths as draw
from backtest.reports.comparison.result import STRETCHES, Course, Result, key_of
from backtest.reports.comparison.wording import capitalised, sides
from backtest.reports.formats import counted, listed, percent, whole

QUESTION = "When did the difference come about?"
MOST = 3

CAPTION = (
    "The squared error of the first less that of the second, added up over time, in per cent of zero's total. Where a "
    "line falls, the first forecast better; where it rises, the second. It ends at the difference. A steady slope is "
    "evidence; one sudden step is one event. The uprights part ten equal stretches of the time."
)


def course(result: Result) -> tuple[Block, ...]:
    """When did the difference come about? Squared-error difference of the leading pairs, added up over time."""
    courses = shown(result)
    if not courses:
        return ()
    title, names = finding(courses), names_of(courses)
    words = f"Line chart of the squared-error difference of {listed(list(names))}, added up over time. {title}."
    legend = (f"{name}: {' against '.join(sides(one.pair))}" for name, one in zip(names, courses, strict=True))
    rest = sum(key_of(pair) in result.courses for pair in result.leading) - len(courses)
    more = f" Left out: {counted(rest, 'pair')} with a larger p." if rest else ""
    caption = f"{CAPTION} {'; '.join(legend)}.{more}"
    return Heading(title, QUESTION), Figure(
        "course", draw(courses, names, words), words, caption, numbers(courses, names)
    )


def shown(result: Result) -> tuple[Course, ...]:
    """Return the courses of the leading pairs that differ, those with the smallest p-values where there are many."""
    known = [pair for pair in result.leading if key_of(pair) in result.courses]
    chosen = sorted(known, key=chance)[:MOST]
    return tuple(result.courses[key_of(pair)] for pair in known if pair in chosen)


def chance(pair: Pair) -> float:
    """Return the p-value of a pair, 1 where it is undefined."""
    return 1.0 if pair.p_value is None else pair.p_value


def names_of(courses: Sequence[Course]) -> tuple[str, ...]:
    """Return a short name for each line: the model where that tells them apart, a letter otherwise."""
    models = [label(one.pair.model) for one in courses]
    plain = len(set(models)) == len(models) and all(one.pair.model == one.pair.other_model for one in courses)
    return tuple(models if plain else ascii_uppercase[: len(models)])


def finding(courses: Sequence[Course]) -> str:
    """Return how steadily the clearest difference came about, and where its first side ends."""
    clearest = min(courses, key=lambda one: chance(one.pair))
    first, second = sides(clearest.pair)
    gained, lost = (int(np.sum(way * clearest.changes < 0)) for way in (1, -1))
    ahead = (clearest.pair.difference or 0) < 0
    verb, times, more = ("gained on", gained, lost) if gained else ("lost to", lost, 0)
    often = f"all {whole(STRETCHES)}" if times == STRETCHES else f"{whole(times)} of {whole(STRETCHES)}"
    end = f"{'and' if ahead == (gained > lost) else 'yet'} ends {'ahead' if ahead else 'behind'}"
    back = f", lost in {whole(more)}" if more else ""
    return capitalised(f"{first} {verb} {second} in {often} stretches of the time{back} {end}")


def numbers(courses: Sequence[Course], names: Sequence[str]) -> Table:
    """Return what each stretch of time added to every line, and where the lines end."""
    ends = np.linspace(courses[0].times[0].astype(np.int64), courses[0].times[-1].astype(np.int64), STRETCHES + 1)[1:]
    dates = np.datetime_as_string(ends.astype(np.int64).astype(courses[0].times.dtype), unit="D").tolist()
    rows = [(date, *(percent(one.changes[row], 3) for one in courses)) for row, date in enumerate(dates)]
    total = ("together", *(percent(one.values[-1], 3) for one in courses))
    return table(["Until", *names], [*rows, total], f"What each of {whole(STRETCHES)} equal stretches added.")
