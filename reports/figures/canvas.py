"""The sheet that every figure is drawn on: house style and margins."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from backtest.reports.render.svg import COLOURS, FONT_SIZE, tidy
from backtest.reports.result import Result

WIDTH = 480
POINTS = 2 * WIDTH
"""Of a line that are drawn: more would not be seen."""

INK, MUTED, RULE = COLOURS["ink"].light, COLOURS["muted"].light, COLOURS["rule"].light
SERIES = tuple(COLOURS[name].light for name in ("blue", "vermilion", "green", "purple", "amber"))
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.6), (1.4, 1.4), (7, 1.6, 1.4, 1.6), (3, 1.2, 1.2, 1.2, 1.2, 1.2))
"""Strokes and gaps in line widths: what tells lines apart for those who cannot by colour; the first is solid."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "beatzero",
    "text.parse_math": False,
    "path.simplify": False,
    "font.family": "DejaVu Sans",
    "font.size": FONT_SIZE,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.titlesize": FONT_SIZE,
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "figure.dpi": 72,
    "lines.solid_capstyle": "butt",
}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pen:
    """How the lines of a model are drawn; the width is in points."""

    colour: str
    dashes: tuple[float, ...] = ()
    width: float = 1.5

    @property
    def style(self) -> dict[str, Any]:
        """The same as arguments of `Axes.plot`."""
        line = (0, self.dashes) if self.dashes else "solid"
        return {"color": self.colour, "linewidth": self.width, "linestyle": line}


def draw(name: str, alt: str, height: float, plot: Callable[[Figure], None]) -> str:
    """Return the SVG element of a figure that `plot` fills; its ids begin with `name`, `height` is in points.

    The reader's matplotlibrc, the clock and the locale have no say: the same numbers give the same bytes.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the reader's own fonts set the text
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        FigureCanvasSVG(figure)
        plot(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return tidy(out.getvalue(), name, alt)


def place(figure: Figure, left: float, right: float, bottom: float, top: float, **grid: float) -> None:
    """Set the margins around the axes in points."""
    width, height = figure.get_size_inches() * 72
    figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height, **grid)


def stems(x: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return one line that draws a stroke from low to high at every x: one path, however many strokes."""
    gap = np.full(len(x), np.nan)
    return np.column_stack([x, x, x]).ravel(), np.column_stack([low, high, gap]).ravel()


def name_axes(figure: Figure, height: str, width: str = "") -> None:
    """Write what the height of the figure means at its top left, and what its width means at its bottom right."""
    points = figure.get_size_inches()[1] * 72
    figure.text(0, 1 - 10 / points, height, color=MUTED)
    figure.text(1 - 12 / WIDTH, 3 / points, width, color=MUTED, ha="right")


def pens(result: Result) -> dict[str, Pen]:
    """Return how every model is drawn: candidates by colour and dashes of their own, baselines thin and grey.

    A model keeps its pen at every horizon.
    """
    leading = result if result.only is None else replace(result, only=None)
    found = {score.model: Pen(MUTED, width=0.9) for score in result.scores}
    for number, score in enumerate(leading.candidates):
        cycle, place = divmod(number, len(SERIES))
        found[score.model] = Pen(SERIES[place], DASHES[(place + cycle) % len(DASHES)])
    return found


def colours(result: Result) -> dict[str, str]:
    """Return a colour for every model: candidates have one each as long as there are enough, baselines are grey."""
    return {model: pen.colour for model, pen in pens(result).items()}
