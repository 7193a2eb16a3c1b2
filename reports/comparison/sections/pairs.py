"""Every pair with its difference, interval and p-values: a picture and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backtest.data.names import label
from backtest.data.records.comparison import Finding, Pair
from backtest.data.records.comparison import Group as Kind
from backtest.reports.blocks import Block, Column, Figure, Group, Heading, Note, Table, table
from backtest.reports.comparison.figures.forest import drawn_ends, forest
from backtest.reports.comparison.result import Result
from backtest.reports.comparison.wording import both, digits_of, lettered, of
from backtest.reports.figures.axes import limit_of
from backtest.reports.formats import counted, interval, listed, p_value, percent, whole
from backtest.reports.summary import digits

QUESTION = "Which differences are larger than their error?"
MOST = 24
"""Pairs in the picture."""

OFF_SCALE = 12
"""A difference this many times as large as the farthest end of the middle leading pair is not drawn to scale."""

ROOM = 10
"""Characters of the name of a run that leave room for the interval in a narrow table."""

LONGEST = 8
"""Characters of the name of a run that fit beside the picture."""

CAPTION = (
    "Each dot is the squared error of the model on the left less that of the model on the right, in per cent of "
    "zero's; left of 0 the left one is better. The line is the 95 % interval: all differences that these forecasts do "
    "not rule out. Where it holds 0, chance could have made the difference. Blue: still a difference when all pairs "
    "are allowed for."
)

TABLE = (
    "Difference: squared error of the first run's model less that of the second's, in per cent of zero's, on the "
    "common rows; below 0 the first is better. Better: by the adjusted p; neither, where no difference shows. p: how "
    "often chance alone would make two equally good models differ at least as much (Diebold-Mariano, two-sided, "
    "fixed-b). Adjusted (Holm), it allows for every pair that was tested"
)

LABELS: dict[Kind, str] = {
    "question": "Models that the runs were made for",
    "best": "The best of each run",
    "other": "Other models",
}

OUTCOMES: dict[Finding, str] = {
    "better": "first",
    "worse": "second",
    "no difference": "neither",
    "the same": "the same",
    "undefined": "untested",
}


def pairs(result: Result) -> tuple[Block, ...]:
    """Which differences are larger than their error? A forest plot of all pairs, and the table with their p-values."""
    drawn = [pair for pair in result.tested if pair.low is not None][:MOST]
    heading, below = Heading(finding(result), QUESTION), (pairs_table(result), *untested(result))
    if not drawn:
        return heading, *below
    words = f"Dots with intervals for the differences of {counted(len(drawn), 'pair')}. {heading.finding}."
    rest = len(result.tested) - len(drawn)
    limit, runs = limit_in(drawn), lettered([run.name for run in result.found.runs], LONGEST)
    more = [f"{counted(rest, 'more pair')} in the table."] if rest else []
    caption = " ".join([CAPTION, *legend(drawn, runs), *cut(drawn, limit), *more])
    return heading, Figure("forest", forest(drawn, runs, limit, words), words, caption, numbers(drawn)), *below


def limit_in(drawn: Sequence[Pair]) -> float:
    """Return how far the picture reaches from 0: of the leading pairs, the one in the middle is to be legible."""
    leading = sorted(map(extent, [pair for pair in drawn if pair.group != "other"] or drawn))
    return limit_of([leading[(len(leading) - 1) // 2], *map(extent, drawn)], OFF_SCALE)


def extent(pair: Pair) -> float:
    """Return how far a difference and its interval reach from 0."""
    return max(map(abs, drawn_ends(pair)))


def legend(drawn: Sequence[Pair], runs: Mapping[str, str]) -> list[str]:
    """Return which letter stands for which run, if letters do."""
    there = {run for pair in drawn for run in (pair.run, pair.other_run)}
    said = [f"{letter}: {run}" for run, letter in runs.items() if run != letter and run in there]
    return [f"{'; '.join(said)}."] if said else []


def cut(drawn: Sequence[Pair], limit: float) -> list[str]:
    """Return what is not drawn to scale."""
    far = [pair for pair in drawn if abs(pair.difference or 0.0) > limit]
    points = [f"{both(pair)} ({percent(pair.difference, digits(pair.difference))})" for pair in far]
    said = [f"Off the scale, at the arrows: {listed(points)}."] if far else []
    if any(extent(pair) > limit for pair in drawn if pair not in far):
        said.append("A line with an arrow goes on beyond the edge.")
    return said


def finding(result: Result) -> str:
    """Return how many differences are larger than chance would make them."""
    tested = result.tested
    if not tested:
        return "There is no difference to test"
    differing = of(tested, "better", "worse")
    every = counted(len(tested), "difference")
    if differing:
        clear = both(min(differing, key=lambda pair: pair.p_value or 0.0))
        if len(tested) == 1:
            return f"The difference between {clear} is larger than chance makes"
        many = f"{whole(len(differing))} of {every} {'is' if len(differing) == 1 else 'are'} larger than chance makes"
        return f"{many}, most clearly that between {clear}"
    outside = sum(pair.low is not None and pair.high is not None and pair.low * pair.high > 0 for pair in tested)
    if outside:
        leave = "leaves" if outside == 1 else "leave"
        return f"{whole(outside)} of {counted(len(tested), 'interval')} {leave} 0, as chance among so many pairs may do"
    return f"Chance could have made {'the one difference' if len(tested) == 1 else f'each of the {every}'}"


def untested(result: Result) -> tuple[Block, ...]:
    """Return why some pairs cannot be tested, if there are any."""
    notes = [f"{both(pair)}: {pair.note}." for pair in of(result.found.pairs, "undefined")]
    return (Note(" ".join(notes)),) if notes else ()


def numbers(drawn: Sequence[Pair]) -> Table:
    """Return what the picture shows."""
    digits = digits_of(drawn)
    rows = [(*named(pair), percent(pair.difference, digits), interval(pair.low, pair.high, digits)) for pair in drawn]
    return table(["Model", "First", "Second", "Difference", "95 % interval"], rows, words=3)


def pairs_table(result: Result) -> Table:
    """Return the table of all pairs, by what kind of pair they are; the terminal shows it, too."""
    found, digits = result.found, digits_of(result.tested)
    columns = (
        Column("Model", number=False),
        Column("First", number=False),
        Column("Second", number=False),
        Column("Difference"),
        Column("95 % interval", spare=max(len(run.name) for run in found.runs) > ROOM),
        Column("p", spare=True),
        Column("p adjusted"),
        Column("p, absolute errors", spare=True),
        Column("Better", number=False),
    )

    def cells(pair: Pair) -> tuple[str, ...]:
        """Return one row."""
        p_values = (p_value(value, found.alpha) for value in (pair.p_value, pair.p_adjusted, pair.p_absolute))
        shown = percent(pair.difference, digits), interval(pair.low, pair.high, digits)
        return *named(pair), *shown, *p_values, OUTCOMES[pair.finding]

    groups = [Group(tuple(cells(pair) for pair in found.pairs if pair.group == kind), LABELS[kind]) for kind in LABELS]
    picked = max((pair.picked_from for pair in found.pairs), default=1) > 1
    more = "; for a pair of the best, also for the pairs that it was picked from." if picked else "."
    return Table(columns, tuple(group for group in groups if group.rows), TABLE + more)


def named(pair: Pair) -> tuple[str, str, str]:
    """Return the model of a pair and its two runs; of a pair of the best both models."""
    models = dict.fromkeys((label(pair.model), label(pair.other_model)))
    return " and ".join(models), pair.run, pair.other_run
