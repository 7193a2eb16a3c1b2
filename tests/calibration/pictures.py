"""The figures of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backtest.reports.figures.axes import percents
from backtest.reports.figures.canvas import MUTED, RULE, SERIES, draw, name_axes, place, stems
from backtest.reports.formats import whole
from backtest.reports.render.svg import standalone
from tests.calibration.findings import LEVEL, POWER, Findings, Planted, Rate

ROW, LEGEND = 21.0, 62.0
SPREAD = 0.26
TICKS = (1, 2, 5, 10, 20, 50, 100)


def sizes(findings: Findings, lengths: Sequence[int]) -> str:
    """Every size as a dot, a row for each test and a line in it for each number of forecasts; right ones are shaded.

    The axis is logarithmic, so that half and double of what is promised are equally far from it; less than the first
    of TICKS stands at it.
    """
    tests = findings.sizes
    rates = [rate for cells in tests.values() for rate in cells.values()]
    error = rates[0].error(LEVEL)

    def paint(figure: Figure) -> None:
        place(figure, left=176, right=12, bottom=34, top=22)
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.axvspan(100 * (LEVEL - 2 * error), 100 * (LEVEL + 2 * error), color=RULE, linewidth=0)
        for line, n in enumerate(lengths):
            dots = [
                (max(100 * rate.share, TICKS[0]), row + SPREAD * (line - (len(lengths) - 1) / 2))
                for row, cells in enumerate(tests.values())
                for (_, _, length), rate in cells.items()
                if length == n and rate.measured
            ]
            axes.plot(*zip(*dots, strict=True), "o", color=SERIES[line], markersize=2.6, clip_on=False)
            _name(axes, f"n = {whole(n)}", SERIES[line], LEGEND * (len(lengths) - 1 - line))
        axes.set_yticks(range(len(tests)), list(tests))
        axes.set_ylim(len(tests) - 0.5, -0.5)
        axes.set_xticks(TICKS, [f"{tick}" for tick in TICKS])
        axes.set_xticks([], minor=True)
        axes.set_xlim(TICKS[0], next(tick for tick in TICKS if tick >= 100 * max(rate.share for rate in rates)))
        axes.grid(visible=False)
        name_axes(figure, "", "Rejected at the level of 5 %, in per cent")

    alt = "Rates of rejection of true null hypotheses by test, each dot one world, horizon and number of forecasts"
    return standalone(draw("sizes", alt, 60 + ROW * len(tests), paint))


def power(planted: Mapping[str, Mapping[float, Planted]]) -> str:
    """Share of "better" by mean skill over mean detectable skill, with its 95 % interval; a line for each walk."""

    def paint(figure: Figure) -> None:
        place(figure, left=44, right=12, bottom=34, top=26)
        axes = figure.subplots()
        axes.axhline(POWER, color=MUTED, linewidth=0.9, dashes=(4, 3))
        axes.axvline(1, color=MUTED, linewidth=0.9, dashes=(4, 3))
        for line, (walk, signals) in enumerate(planted.items()):
            x = np.asarray(
                [skill / detectable for skill, detectable, _ in (worlds.means for worlds in signals.values())]
            )
            rates = [Rate(sum(worlds.better), len(worlds.better)) for worlds in signals.values()]
            low, high = np.asarray([rate.interval for rate in rates]).T
            axes.plot(*stems(x, low, high), color=SERIES[line], linewidth=1)
            axes.plot(x, [rate.share for rate in rates], "o-", color=SERIES[line], markersize=3.6, clip_on=False)
            _name(axes, walk, SERIES[line], 2 * LEGEND * (len(planted) - 1 - line))
        axes.set_ylim(0, 1)
        percents(axes)
        name_axes(figure, 'Verdicts "better"', "Mean skill over mean detectable skill")

    alt = "Share of verdicts that find a planted signal, by its size relative to what the report calls detectable"
    return standalone(draw("power", alt, 240, paint))


def _name(axes: Axes, name: str, colour: str, left: float) -> None:
    """Write the name of a colour above the axes, so many points from their right end."""
    axes.annotate(
        name, (1, 1), (-left, 6), color=colour, ha="right", xycoords="axes fraction", textcoords="offset points"
    )
