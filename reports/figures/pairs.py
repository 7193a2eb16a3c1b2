"""Differences of pairs of models with their intervals, one row for each pair, both names beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backtest.data.names import label
from backtest.data.records.comparison import Pair
from backtest.reports.figures.axes import percents
from backtest.reports.figures.canvas import INK, MUTED, SERIES, draw, name_axes, place
from backtest.reports.figures.forest import axis_limits, draw_row
from backtest.reports.result import Score
from backtest.reports.wording.comparison import middle

PITCH = 44.0
SIDE = 116
"""Points on either side for the names alone, in the large letters of a phone."""

LONGEST = 10
"""Characters of a model's name; the table spells it out."""


def pair_forest(pairs: Sequence[Pair], runs: Mapping[str, str], limit: float, axis: str, alt: str) -> str:
    """Return the figure: the first of each pair stands at the left, and its dot left of 0 where it is better.

    `runs` has what each run is called in it; differences beyond the limit are an arrow with their number.
    """
    height = 62 + PITCH * len(pairs)
    gains = [gain_of(pair) for pair in pairs]

    def plot(figure: Figure) -> None:
        axes = figure.add_subplot()
        place(figure, left=SIDE, right=SIDE, bottom=36, top=26)
        axes.set_ylim(len(pairs) - 0.5, -0.5)
        axes.set_xlim(axis_limits(gains, limit))
        axes.axvline(0, color=INK, linewidth=1)
        for row, (pair, gain) in enumerate(zip(pairs, gains, strict=True)):
            draw_row(axes, row, gain, SERIES[0] if pair.finding in {"better", "worse"} else MUTED, limit)
            write_name(axes, row, pair.model, runs[pair.run], left=True, bold=pair.finding == "better")
            write_name(axes, row, pair.other_model, runs[pair.other_run], left=False, bold=pair.finding == "worse")
        axes.set_yticks([])
        axes.grid(visible=True, axis="x")
        percents(axes, 3, across=True)
        figure.text(0, 1 - 10 / height, "← this one better", color=MUTED)
        figure.text(1, 1 - 10 / height, "this one better →", color=MUTED, ha="right")
        name_axes(figure, "", axis)

    return draw("pairs", alt, height, plot)


def gain_of(pair: Pair) -> Score:
    """Return the difference of a pair as the forest plot draws a skill: what the first gains on the second."""
    gain, low, high = (None if end is None else -end for end in (pair.difference, pair.high, pair.low))
    return Score(
        model=pair.names[0],
        loss=None,
        other_loss=None,
        skill=gain,
        skill_low=low,
        skill_high=high,
        other_skill=None,
        p_value=pair.p_value,
        folds_won=None,
        note=pair.note,
    )


def write_name(axes: Axes, row: int, model: str, run: str, *, left: bool, bold: bool) -> None:
    """Write a model and its run at one side of a row."""
    at, shift = ((0, row), -SIDE) if left else ((1, row), SIDE)
    for text, height, colour in ((middle(label(model), LONGEST), 4, INK), (f"of {run}", -14, MUTED)):
        axes.annotate(
            text,
            at,
            (shift, height),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="left" if left else "right",
            color=colour,
            weight="bold" if bold and colour == INK else "normal",
            annotation_clip=False,
        )
