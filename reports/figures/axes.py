"""The axes of the figures: round dates and numbers, and names written where they belong instead of a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from backtest.data.names import label
from backtest.reports.figures.canvas import MUTED, WIDTH, Floats
from backtest.reports.formats import MINUS

MONTHS = (3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000)
HOURS = (1, 3, 6, 12, 24, 48, 96, 168, 336, 504, 720, 1_080, 1_440)
EPOCH = np.datetime64("1970-01-01", "h")
LEAD = 9.0
"""Points between the end of a line and its name."""

LINE = 16.0
"""Points from one name to the next."""

WIDTH_OF_NAME = 5.95
"""Heights of letters that the name of a model may be wide beside a figure, on a phone too."""

Times = NDArray[np.datetime64]


def days(times: Times) -> Floats:
    """Return times as days since 1970."""
    return times.astype("datetime64[us]").astype(np.float64) / 86_400e6


def time_axis(axes: Axes, start: float, end: float) -> None:
    """Mark a time axis, in days since 1970, with a few round dates: years, months, days or hours."""
    axes.set_xlim(start, end)
    dates, unit = round_dates(start, end)
    labels = np.datetime_as_string(dates, unit=unit)
    if unit == "m":
        labels = np.asarray([label[len("2020-") :].replace("T", " ") for label in labels])
    ticks = days(dates)
    margin = (end - start) / WIDTH * max(0, 4 * len(labels[0]) - 12)
    inside = (ticks >= start) & (ticks <= end - margin)
    axes.set_xticks(ticks[inside], labels[inside].tolist())


def round_dates(start: float, end: float) -> tuple[Times, Literal["Y", "M", "D", "m"]]:
    """Return round dates that cover a stretch of time in days since 1970, and how exactly they must be written."""
    months = (end - start) / 30.44
    if months > 5:
        step = next(step for step in MONTHS if months / step <= 5)
        first = int(np.datetime64(round(start), "D").astype("datetime64[M]").astype(int)) // step * step
        numbers = np.arange(first, first + months + 2 * step, step).astype(int)
        return numbers.astype("datetime64[M]"), "M" if step % 12 else "Y"
    step = next(step for step in HOURS if (end - start) * 24 / step <= 3.4)
    numbers = np.arange(start * 24 // step, end * 24 // step + 1).astype(int) * step
    return EPOCH + numbers * np.timedelta64(1, "h"), "m" if step % 24 else "D"


def name_ends(axes: Axes, ends: Sequence[tuple[float, str, str]], stops: Mapping[str, float] | None = None) -> None:
    """Write (height, name, colour) of every line at its right end, moved apart as little as needed to stay readable.

    A thin stroke leads from the end of the line to its name; `stops` has where lines end that do not reach the edge.
    """
    if not ends:
        return
    ordered = sorted(ends)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    width, height = axes.get_window_extent().width, axes.get_window_extent().height
    ranks = np.arange(len(ordered)) * LINE
    tips = np.asarray([min(max(end[0], low), high) - low for end in ordered]) / (high - low)
    spots = isotonic_regression(tips * height - ranks).x.clip(0, max(0.0, height - ranks[-1])) + ranks
    for tip, spot, (_, name, colour) in zip(tips, spots, ordered, strict=True):
        stop = ((stops or {}).get(name, right) - left) / (right - left)
        stroke = [stop, 1 + LEAD / width], [tip, spot / height]
        axes.plot(*stroke, transform=axes.transAxes, clip_on=False, color=colour, linewidth=0.6)
        axes.annotate(
            short(name),
            (1, spot / height),
            (LEAD + 2, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=colour,
            annotation_clip=False,
        )


def limit_of(sizes: Sequence[float], most: float) -> float:
    """Return how far a picture reaches from 0: as far as it must, but not beyond `most` times the first size.

    The sizes are those of the models, the leading one first: nothing much larger is to make its own invisible.
    """
    first = next((size for size in sizes if size), 0.0)
    return min(max(sizes, default=0.0), most * first)


def reach(values: Floats, limit: float) -> tuple[float, float]:
    """Return the ends of an axis that shows 0 and all values within the limit, with a margin where nothing is cut."""
    ends = np.asarray([min(0.0, values.min()), max(0.0, values.max())])
    low, high = ends.clip(-limit, limit)
    margin = 0.06 * (high - low) or 1e-6
    low, high = np.where(np.abs(ends) > limit, (low, high), (low - margin, high + margin))
    return float(low), float(high)


def mark_cuts(axes: Axes, x: Floats, y: Floats, colour: str) -> None:
    """Mark points that lie outside of the picture, above or below, with triangles at its edge."""
    low, high = axes.get_ylim()
    look: dict[str, Any] = {"color": colour, "markersize": 5.5, "clip_on": False, "zorder": 5}
    for beyond, edge, sign in ((y > high, 1, "^"), (y < low, 0, "v")):
        if beyond.any():
            at = axes.get_xaxis_transform()
            axes.plot(x[beyond], np.full(int(beyond.sum()), edge), sign, transform=at, **look)


def panel_title(axes: Axes, text: str) -> None:
    """Write what the height of a panel means above it, from the left edge of the sheet on."""
    axes.annotate(
        text, (0, 1), (0, 8), xycoords=("figure fraction", "axes fraction"), textcoords="offset points", color=MUTED
    )


def name_panel(axes: Axes, model: str, colour: str, more: str = "") -> None:
    """Write a model's name, and what else tells this panel from its neighbours, above the axes."""
    axes.annotate(
        ", ".join(filter(None, [short(label(model)), more])),
        (0, 1),
        (0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        color=colour,
        weight="bold",
    )


def percents(axes: Axes, intervals: int = 5, *, across: bool = False) -> None:
    """Mark the height of the axes, or its width, in per cent with a few round numbers; the data are shares."""
    axis = axes.xaxis if across else axes.yaxis
    axis.set_major_locator(MaxNLocator(intervals, steps=[1, 2, 2.5, 5, 10], min_n_ticks=2))
    axis.set_major_formatter(lambda value, _: f"{100 * value:.4g}\N{NO-BREAK SPACE}%".replace("-", MINUS))


def plain_numbers(*axes: Axis) -> None:
    """Mark axes with a few round numbers."""
    for axis in axes:
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], min_n_ticks=2))
        axis.set_major_formatter(lambda value, _: f"{value:.4g}".replace("-", MINUS))


def short(name: str, most: int = 11) -> str:
    """Return a name that fits into a figure; the tables spell it out.

    A model of a run loses the word between them first, then the middle of the run's name: LSTM of quick-cold becomes
    LSTM/qu…ld; it is shorter where letters are wide.
    """
    model, of, run = name.partition(" of ")
    if len(name) <= most or not of or len(model) > most - 4:
        return name if len(name) <= most else name[: most - 1] + "…"
    names = [run, *(run[: (room - 1) // 2] + "…" + run[len(run) - room // 2 :] for room in range(most, 1, -1))]
    return next(
        (shown for one in names if width_of(shown := f"{model}/{one}") <= WIDTH_OF_NAME), f"{model}/{names[-1]}"
    )


def width_of(name: str) -> float:
    """Return about how wide a name is, in heights of its letters."""
    return sum(1.0 if letter in "mwMW…" else 0.36 if letter in "fijlrt/. " else 0.63 for letter in name)
