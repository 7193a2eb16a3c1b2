"""Every pair of models of a comparison: the differences with their intervals and p-values, and when they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from string import ascii_uppercase

from backtest.data.names import label
from backtest.data.records.comparison import Finding, Pair
from backtest.data.records.comparison import Group as Kind
from backtest.reports.blocks import Block, Column, Figure, Group, Heading, Note, Table, table
from backtest.reports.compared import ComparisonResult
from backtest.reports.diagnostics import LossPath
from backtest.reports.figures.axes import limit_of
from backtest.reports.figures.canvas import DASHES, SERIES, Pen
from backtest.reports.figures.cumulative_loss import cumulative_loss as draw_paths
from backtest.reports.figures.pairs import pair_forest
from backtest.reports.formats import counted, day, interval, listed, p_value, percent, skill_digits, whole
from backtest.reports.sections.by_horizon import by_horizon
from backtest.reports.sections.cumulative_loss import fold_changes, largest_difference
from backtest.reports.wording.comparison import both, digits_of, lettered, of, sides, where
from backtest.reports.wording.question import capital, words_of_loss

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
    "Each dot is the {loss} of the model on the left less that of the model on the right, in per cent of that of "
    "{rival}; left of 0 the left one is better. The line is the 95 % interval: all differences that these forecasts do "
    "not rule out. Where it holds 0, chance could have made the difference. Blue: still a difference when all pairs "
    "are allowed for."
)

TABLE = (
    "Difference: {loss} of the first run's model less that of the second's, in per cent of that of {rival}, on the "
    "common rows; below 0 the first is better. Better: by the adjusted p; neither, where no difference shows. p: how "
    "often chance alone would make two equally good models differ at least as much ({test}, two-sided, "
    "fixed-b). Adjusted (Holm), it is corrected for every pair that was tested"
)

DETECTABLE = (
    "Detectable: the smallest difference that the adjusted test shows in 80 % of cases, if no other pair differs."
)
OTHER_LOSS = "The p of the other loss is not adjusted."

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


def pairs(result: ComparisonResult) -> tuple[Block, ...]:
    """Which differences are larger than their error? A forest plot of all pairs, and the table with their p-values."""
    return *by_horizon(picture)(result), pairs_table(result), *untested(result)


def picture(result: ComparisonResult) -> tuple[Block, ...]:
    """Return the finding on the pairs at one horizon, and their forest plot if any has an interval."""
    tested, heading = tested_here(result), Heading(pairs_title(result), QUESTION)
    drawn = [pair for pair in tested if pair.low is not None][:MOST]
    if not drawn:
        return (heading,)
    words = f"Dots with intervals for the differences of {counted(len(drawn), 'pair')}. {heading.finding}."
    rest = len(tested) - len(drawn)
    axis = capital(result.fill("{loss}, left less right, % of that of {rival}"))
    limit, runs = limit_in(drawn), lettered([run.name for run in result.found.runs], LONGEST)
    more = [f"{counted(rest, 'more pair')} in the table."] if rest else []
    caption = " ".join([result.fill(CAPTION), *legend(drawn, runs), *cut(drawn, limit), *more])
    svg = pair_forest(drawn, runs, limit, axis, words)
    return heading, Figure("pairs", svg, words, caption, intervals(drawn))


def tested_here(result: ComparisonResult) -> list[Pair]:
    """Return the pairs whose test is defined at the horizon of the views."""
    return [pair for pair in result.tested if pair.horizon == result.horizon]


def limit_in(drawn: Sequence[Pair]) -> float:
    """Return how far the picture reaches from 0: of the leading pairs, the one in the middle is to be legible."""
    leading = sorted(map(extent, [pair for pair in drawn if pair.group != "other"] or drawn))
    return limit_of([leading[(len(leading) - 1) // 2], *map(extent, drawn)], OFF_SCALE)


def extent(pair: Pair) -> float:
    """Return how far a difference and its interval reach from 0."""
    return max(abs(end or 0.0) for end in (pair.difference, pair.low, pair.high))


def legend(drawn: Sequence[Pair], runs: Mapping[str, str]) -> list[str]:
    """Return which letter stands for which run, if letters do."""
    there = {run for pair in drawn for run in (pair.run, pair.other_run)}
    entries = [f"{letter}: {run}" for run, letter in runs.items() if run != letter and run in there]
    return [f"{'; '.join(entries)}."] if entries else []


def cut(drawn: Sequence[Pair], limit: float) -> list[str]:
    """Return what is not drawn to scale."""
    far = [pair for pair in drawn if abs(pair.difference or 0.0) > limit]
    points = [f"{both(pair)} ({percent(pair.difference, skill_digits(pair.difference))})" for pair in far]
    sentences = [f"Off the scale, at the arrows: {listed(points)}."] if far else []
    if any(extent(pair) > limit for pair in drawn if pair not in far):
        sentences.append("A line with an arrow goes on beyond the edge.")
    return sentences


def pairs_title(result: ComparisonResult) -> str:
    """Return how many differences are significant."""
    tested = tested_here(result)
    if not tested:
        return "There is no difference to test"
    differing = of(tested, "better", "worse")
    every = counted(len(tested), "difference")
    if differing:
        clear = both(min(differing, key=lambda pair: pair.p_value or 0.0))
        if len(tested) == 1:
            return f"The difference between {clear} is significant"
        many = f"{whole(len(differing))} of {every} {'is' if len(differing) == 1 else 'are'} significant"
        return f"{many}, most clearly that between {clear}"
    outside = sum(pair.low is not None and pair.high is not None and pair.low * pair.high > 0 for pair in tested)
    if outside:
        verb = "excludes" if outside == 1 else "exclude"
        return f"{whole(outside)} of {counted(len(tested), 'interval')} {verb} 0, as chance among so many pairs may do"
    return f"Chance could have made {'the one difference' if len(tested) == 1 else f'each of the {every}'}"


def untested(result: ComparisonResult) -> tuple[Block, ...]:
    """Return why some pairs cannot be tested, if there are any."""
    named = result.names_horizons
    found = of(result.found.pairs, "undefined")
    notes = [f"{both(pair)}{where([pair], named=named)}: {pair.note}." for pair in found]
    return (Note(" ".join(notes)),) if notes else ()


def intervals(drawn: Sequence[Pair]) -> Table:
    """Return what the picture shows."""
    places = digits_of(drawn)
    rows = [(*named(pair), percent(pair.difference, places), interval(pair.low, pair.high, places)) for pair in drawn]
    return table(["Model", "First", "Second", "Difference", "95 % interval"], rows, words=3)


def pairs_table(result: ComparisonResult) -> Table:
    """Return the table of all pairs, by what kind of pair they are; the terminal shows it, too."""
    found, alpha, places = result.found, result.verdict.alpha, digits_of(result.tested)
    columns = (
        Column("Model", number=False),
        Column("First", number=False),
        Column("Second", number=False),
        *([Column("Bars ahead")] if result.names_horizons else []),
        Column("Difference"),
        Column("95 % interval", spare=max(len(run.name) for run in found.runs) > ROOM),
        Column("p", spare=True),
        Column("p adjusted"),
        Column("Detectable", spare=True),
        *(Column(f"p, {words_of_loss(loss).several}", spare=True) for loss in result.question.losses[1:2]),
        Column("Better", number=False),
    )

    def cells(pair: Pair) -> tuple[str, ...]:
        """Return one row."""
        others = [pair.p_other_loss] if len(result.question.losses) > 1 else []
        p_values = [p_value(value, alpha) for value in (pair.p_value, pair.p_adjusted, *others)]
        p_values.insert(2, percent(pair.detectable, places, signed=False))
        shown = percent(pair.difference, places), interval(pair.low, pair.high, places)
        ahead = [whole(pair.horizon)] if result.names_horizons else []
        return *named(pair), *ahead, *shown, *p_values, OUTCOMES[pair.finding]

    groups = [Group(tuple(cells(pair) for pair in found.pairs if pair.group == kind), LABELS[kind]) for kind in LABELS]
    everywhere = " at every horizon" if result.names_horizons else ""
    picked = max((pair.picked_from for pair in found.pairs), default=1) > 1
    more = "; for a pair of the best, also for the pairs that it was picked from." if picked else "."
    other = f" {OTHER_LOSS}" if len(result.question.losses) > 1 else ""
    caption = f"{result.fill(TABLE)}{everywhere}{more} {DETECTABLE}{other}"
    return Table(columns, tuple(group for group in groups if group.rows), caption)


def named(pair: Pair) -> tuple[str, str, str]:
    """Return the model of a pair and its two runs; of a pair of the best both models."""
    models = dict.fromkeys((label(pair.model), label(pair.other_model)))
    return " and ".join(models), pair.run, pair.other_run


WHEN = "When did the difference come about?"
PATHS = 3
"""Pairs whose path is drawn."""

PATH_CAPTION = (
    "The {loss} of the first less that of the second, added up over time, in per cent of the total of {rival}. Where a "
    "line falls, the first forecast better; where it rises, the second. It ends at the difference. A steady slope is "
    "evidence; one sudden step is one event. Uprights mark ten equal stretches of the common times."
)


def pair_paths(result: ComparisonResult) -> tuple[Block, ...]:
    """When did the difference come about? Squared-error difference of the leading pairs, added up over time."""
    clearest = sorted(result.pair_paths, key=lambda one: chance(one[0]))[:PATHS]
    if not clearest:
        return ()
    names = path_names([pair for pair, _ in clearest])
    shown = [replace(path, model=name) for name, (_, path) in zip(names, clearest, strict=True)]
    title = path_title(*clearest[0])
    words = f"Line chart of the difference in {result.loss_name} of {listed(names)}, added up over time. {title}."
    legend = (f"{name}: {' against '.join(sides(pair))}" for name, (pair, _) in zip(names, clearest, strict=True))
    rest = len(result.pair_paths) - len(clearest)
    more = f" Left out: {counted(rest, 'pair')} with a larger p." if rest else ""
    pens = {name: Pen(colour, dashes) for name, colour, dashes in zip(names, SERIES, DASHES, strict=False)}
    limit = max(map(largest_difference, shown))
    svg = draw_paths(
        shown, (), result.folds, pens, limit, words, name="pair_paths", loss=result.loss_name, rival="second"
    )
    caption = f"{result.fill(PATH_CAPTION)} {'; '.join(legend)}.{more}"
    return Heading(title, WHEN), Figure("pair_paths", svg, words, caption, stretches(result, shown))


def chance(pair: Pair) -> float:
    """Return the p-value of a pair, 1 where it is undefined."""
    return 1.0 if pair.p_value is None else pair.p_value


def path_names(leading: Sequence[Pair]) -> list[str]:
    """Return a short name for each line: the model if that distinguishes them, a letter otherwise."""
    models = [label(pair.model) for pair in leading]
    plain = len(set(models)) == len(models) and all(pair.model == pair.other_model for pair in leading)
    return models if plain else list(ascii_uppercase[: len(models)])


def path_title(pair: Pair, path: LossPath) -> str:
    """Return how steadily a difference came about, and where its first side ends."""
    first, second = sides(pair)
    changes = list(fold_changes(path).values())
    gained, lost = sum(change < 0 for change in changes), sum(change > 0 for change in changes)
    ahead = (pair.difference or 0) < 0
    verb, times, more = ("gained on", gained, lost) if gained else ("lost to", lost, 0)
    often = f"all {whole(len(changes))}" if times == len(changes) else f"{whole(times)} of {whole(len(changes))}"
    end = f"{'and' if ahead == (gained > lost) else 'yet'} ends {'ahead' if ahead else 'behind'}"
    back = f", lost in {whole(more)}" if more else ""
    return capital(f"{first} {verb} {second} in {often} stretches of the time{back} {end}")


def stretches(result: ComparisonResult, paths: Sequence[LossPath]) -> Table:
    """Return what each stretch of time added to every line, and where the lines end."""
    changes = [fold_changes(path) for path in paths]
    rows = [(day(fold.test_end), *(percent(own.get(fold.number), 3) for own in changes)) for fold in result.folds]
    total = ("together", *(percent(float(path.values[-1]), 3) for path in paths))
    caption = f"What each of {whole(len(result.folds))} equal stretches added."
    return table(["Until", *(path.model for path in paths)], [*rows, total], caption)
