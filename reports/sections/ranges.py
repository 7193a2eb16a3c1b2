"""Whether the inputs and the forecasts of the test periods stayed within what training had seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from backtest.data.names import label
from backtest.data.result_tables import RANGES
from backtest.reports.blocks import Block, Column, Group, Heading, Table, Text
from backtest.reports.formats import MINUS, bars, counted, listed, percent, shortened, whole
from backtest.reports.rows import Row
from backtest.reports.run import RunResult

QUESTION = "Did the inputs stay within what training had seen?"
MOST = 20
"""Inputs and models that are listed, those that were outside most often."""


def ranges(result: RunResult) -> tuple[Block, ...]:
    """Did the inputs stay within what training had seen? Values outside of it by input, forecasts by model."""
    inputs = by_subject(result.rows(RANGES, horizon=None), lambda row: row.feature)
    several = len(result.horizons) > 1
    made = [row for horizon in result.horizons for row in result.rows(RANGES, horizon=horizon)]
    forecasts = by_subject(
        made,
        lambda row: label(row.model) + (f" at {bars([row.horizon])}" if several else ""),
    )
    filtered = [row for row in made if row.replaced is not None]
    zeros = sum(row.replaced or 0 for _, rows in inputs for row in rows)
    counts = bool(filtered or zeros)
    groups = [
        Group(tuple(summary(name, rows, counts=counts) for name, rows in found[:MOST]), title)
        for title, found in ((INPUTS, inputs), (FORECASTS, forecasts))
        if found
    ]
    sentences = [EXPLANATION, *([zeros_clause(zeros)] if zeros else []), *([] if forecasts else [NO_FORECAST])]
    sentences += [replacements(filtered)] if filtered else []
    columns = tuple(column for column in COLUMNS if counts or column is not REPLACED)
    return (
        Heading(ranges_title(inputs), QUESTION),
        Text(" ".join(sentences)),
        *([Table(columns, tuple(groups), CAPTION)] if groups else []),
    )


INPUTS, FORECASTS = "Inputs", "Forecasts, against the outcomes of training"
REPLACED = Column("Replaced")
COLUMNS = (
    Column("Input or model", number=False),
    Column("Outside"),
    Column("Of all"),
    REPLACED,
    Column("Worst fold"),
    Column("Outside there"),
    Column("Training range there", number=False),
    Column("Range in its test period", number=False, spare=True),
)
EXPLANATION = (
    "Beyond what training has seen a forecast is an extrapolation, which nothing in the data supports. Counted is the "
    "newest bar of every forecast, input by input, against the smallest and the largest value of the training period."
)
NO_FORECAST = "No forecast was at or beyond the smallest or the largest outcome of its training period."
CAPTION = (
    f"Those that were outside most often, at most {MOST}. Forecasts of every seed; one at the border of the range of "
    "the training outcomes counts as outside."
)


def by_subject(rows: Iterable[Row], subject: Callable[[Row], str]) -> list[tuple[str, list[Row]]]:
    """Return the folds of each input or model that was ever outside or replaced, the one most often outside first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(subject(row), []).append(row)
    outside = [(name, own) for name, own in found.items() if any(row.outside or row.replaced for row in own)]
    return sorted(outside, key=lambda pair: -share_of(pair[1]))


def share_of(rows: Sequence[Row]) -> float:
    """Return which share of the values of all folds was outside."""
    return float(sum(row.outside for row in rows) / sum(row.n for row in rows))


def worst(rows: Sequence[Row]) -> Row:
    """Return the fold with the largest share of values outside, the first of several."""
    return max(rows, key=lambda row: row.outside / row.n if row.n else 0.0)


def zeros_clause(count: int) -> str:
    """Return how many inputs were the logarithm of zero, and what stands for it."""
    were = "was" if count == 1 else "were"
    return f"{counted(count, 'input')} {were} the logarithm of zero, for which the smallest value of training stands."


def replacements(rows: Sequence[Row]) -> str:
    """Return how many forecasts of variances were replaced, of `rows` that count them, and by what."""
    count, n = (sum(getattr(row, name) for row in rows) for name in ("replaced", "n"))
    how_many = f"{whole(count)} of {whole(n)} forecasts were" if count else "No forecast was"
    return (
        f"{how_many} replaced: above the largest variance that training, validation and its own window "
        "show a forecast becomes that one, below the smallest the mean of its window."
    )


def summary(name: str, rows: Sequence[Row], *, counts: bool) -> tuple[str, ...]:
    """Return the row of one input or model, with what was replaced in runs that count it."""
    one = worst(rows)
    shares = percent(share_of(rows), 1, signed=False), percent(one.outside / one.n, 1, signed=False)
    ends = (f"{short(low)} to {short(high)}" for low, high in ((one.low, one.high), (one.lowest, one.highest)))
    replaced = [row.replaced for row in rows if row.replaced is not None]
    stands = (whole(sum(replaced)) if replaced else "",) if counts else ()
    return name, whole(sum(row.outside for row in rows)), shares[0], *stands, whole(one.fold), shares[1], *ends


def short(value: float) -> str:
    """Return a value of any size with three digits."""
    return shortened(f"{value:.3g}").replace("-", MINUS)


def ranges_title(inputs: Sequence[tuple[str, list[Row]]]) -> str:
    """Return which input left its training range most, and where."""
    if not inputs:
        return "Every input of the test periods was within the range that training had seen"
    name, one = max(((name, worst(rows)) for name, rows in inputs), key=lambda pair: pair[1].outside / pair[1].n)
    share = percent(one.outside / one.n, 0 if one.outside > 0.1 * one.n else 1, signed=False)
    others = [other for other, _ in inputs if other != name]
    less = f"; less so {listed(others, 3)}" if others else ""
    return f"{name} was outside of its training range in {share} of the forecasts of fold {one.fold}{less}"
