"""Skill against the rival by volatility, hour of day and weekday: one panel for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backtest.data.names import label
from backtest.reports.figures.axes import percents, short
from backtest.reports.figures.canvas import INK, draw, name_axes, place, stems
from backtest.reports.render.svg import COLOURS
from backtest.reports.rows import Row

LINE = 130.0
NARROW = 8
"""Panels of at most this extent stand side by side."""

LETTER = 9.0
"""Points that a letter below the axes may take, on a phone too."""

LETTERS = {"weekday": 3}
"""How many letters of the names of parts are enough where there is little room."""

BEYOND = 3.0
"""An interval that reaches this many times farther than the typical one is cut off."""

APART, EDGE = 0.28, 0.6
"""Distance of two models, and of a part from the edge of its panel, where two parts are 1 apart."""


Panels = dict[str, list[Row]]


def regimes(
    rows: Sequence[Row], titles: Mapping[str, str], colours: Mapping[str, str], alpha: float, rival: str, alt: str
) -> str:
    """Return the figure of rows that have an interval; `heads` are the names of the panels by regime.

    A mark is filled where the adjusted p-value is at most `alpha`; an arrow tells that an interval is cut off.
    """
    lines, models = panel_rows(rows), list(dict.fromkeys(row.model for row in rows))
    height = 52 + LINE * len(lines)

    def plot(figure: Figure) -> None:
        place(figure, left=54, right=12, bottom=22, top=44)
        grid = figure.add_gridspec(len(lines), hspace=0.5)
        for line, panels in enumerate(lines):
            widths = [panel_width(own) for own in panels.values()]
            cells = grid[line].subgridspec(1, len(panels), width_ratios=widths, wspace=0.07)
            ends = limits(panels)
            for column, (name, own) in enumerate(panels.items()):
                axes = figure.add_subplot(cells[column])
                axes.set_title(titles[name], color=INK, pad=4)
                axes.tick_params(labelleft=column == 0)
                name_parts(axes, own)
                for number, model in enumerate(models):
                    shift = (number - (len(models) - 1) / 2) * APART
                    draw_model(axes, [row for row in own if row.model == model], shift, colours[model], alpha, ends)
                margin = 0.06 * (ends[1] - ends[0]) or 1.0
                axes.set_ylim(ends[0] - margin, ends[1] + margin)
                percents(axes, 4)
        name_axes(figure, f"Skill against {rival}")
        for number, model in enumerate(models):
            spot = 0.5 + 0.25 * number, 1 - 10 / height
            figure.text(*spot, short(label(model)), color=colours[model], weight="bold")

    return draw("regimes", alt, height, plot)


def panel_rows(rows: Sequence[Row]) -> list[Panels]:
    """Return the lines of panels: narrow ones two by two, which share a scale, then each of the others alone."""
    panels = {name: [row for row in rows if row.regime == name] for name in dict.fromkeys(row.regime for row in rows)}
    narrow = [name for name, own in panels.items() if panel_width(own) <= NARROW]
    pairs = [narrow[start : start + 2] for start in range(0, len(narrow), 2)]
    lines = [*pairs, *([name] for name in panels if name not in narrow)]
    return [{name: panels[name] for name in line} for line in lines]


def panel_width(rows: Sequence[Row]) -> int:
    """Return how wide a panel is beside others, in parts: a few need more room each for their names."""
    places: list[int] = [row.place for row in rows]
    return max(5, max(places) - min(places) + 2)


def limits(panels: Panels) -> tuple[float, float]:
    """Return how far down and up a line of panels goes: to the ends of all intervals but those far beyond most."""
    ends = [(row.skill_low, row.skill_high) for own in panels.values() for row in own]
    low, high = np.asarray(ends, dtype=float).T
    reach = BEYOND * float(np.median(np.maximum(np.abs(low), np.abs(high))))
    return max(-reach, min(0.0, float(low.min()))), min(reach, max(0.0, float(high.max())))


def is_cut(panels: Panels) -> bool:
    """Return whether a line of panels cuts an interval off."""
    low, high = limits(panels)
    rows = [row for own in panels.values() for row in own]
    return any((row.skill_low or 0.0) < low or (row.skill_high or 0.0) > high for row in rows)


def name_parts(axes: Axes, rows: Sequence[Row]) -> None:
    """Write the names of the parts below the axes, as many as there is room for, and draw the line."""
    names = {row.place: short(row.part[: LETTERS.get(row.regime)], 8) for row in rows}
    axes.set_xlim(min(names) - EDGE, max(names) + EDGE)
    room = axes.get_window_extent().width / (max(names) - min(names) + 2 * EDGE)
    ticks: list[int] = []
    for at in sorted(names):
        if not ticks or (at - ticks[-1]) * room >= LETTER * (len(names[ticks[-1]]) + len(names[at])) / 2:
            ticks.append(at)
    axes.set_xticks(ticks, [names[at] for at in ticks])
    axes.axhline(0, color=INK, linewidth=1)
    axes.spines.bottom.set_visible(False)


def draw_model(
    axes: Axes, rows: Sequence[Row], shift: float, colour: str, alpha: float, ends: tuple[float, float]
) -> None:
    """Draw the skills and intervals of one model as far as they lie within `ends`."""
    names = ("place", "skill", "skill_low", "skill_high")
    x, skill, low, high = np.asarray([[getattr(row, name) for row in rows] for name in names], dtype=float)
    significant = np.asarray([row.p_adjusted is not None and row.p_adjusted <= alpha for row in rows], dtype=bool)
    inside = (skill >= ends[0]) & (skill <= ends[1])
    size = 4.4
    axes.plot(*stems(x + shift, np.maximum(low, ends[0]), np.minimum(high, ends[1])), color=colour, linewidth=1.4)
    for chosen, fill in ((significant & inside, colour), (~significant & inside, COLOURS["paper"].light)):
        axes.plot(x[chosen] + shift, skill[chosen], "o", color=colour, markerfacecolor=fill, markersize=size)
    for beyond, end, arrow in ((low < ends[0], ends[0], "v"), (high > ends[1], ends[1], "^")):
        axes.plot(x[beyond] + shift, np.full(beyond.sum(), end), arrow, color=colour, markersize=size)
