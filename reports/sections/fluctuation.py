"""The fluctuation test as text and table: whether one period carried the result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import numpy as np

from backtest.data.names import label
from backtest.data.result_tables import FLUCTUATION
from backtest.reports.blocks import Table, table
from backtest.reports.diagnostics import FluctuationPath, fluctuation_paths
from backtest.reports.formats import decimal, listed, percent, season, whole
from backtest.reports.result import Fold, Result
from backtest.reports.sections.parts import binned, binned_note

MOST_PATHS = 5
MOST_SPELLS = 2
"""Periods that a sentence names."""


def selected_paths(result: Result) -> tuple[FluctuationPath, ...]:
    """Return the paths of the candidates, the best first; without candidates that of the best other model."""
    paths = {path.model: path for path in fluctuation_paths(result.frame(FLUCTUATION))}
    ranked = [score.model for score in (result.candidates or result.rivals) if score.model in paths]
    return tuple(paths[model] for model in ranked[: MOST_PATHS if result.candidates else 1])


def fluctuation_sentence(paths: Sequence[FluctuationPath], folds: Sequence[Fold]) -> str:
    """Return which models left the band, and when, the better ones first."""
    tested = folds[-1].test_end - folds[0].test_start
    spells = []
    for side, word in ((-1, "better"), (1, "worse")):
        for path in paths:
            outside = side * path.values > path.band
            when = (
                "throughout" if outside.all() else f"around {spell_dates(path, side, tested)}" if outside.any() else ""
            )
            spells += [f"{label(path.model)} was {word} than zero {when}"] if when else []
    if not spells:
        verb = "stays" if len(paths) == 1 else "stay"
        return f"No period stands out: {listed([label(path.model) for path in paths])} {verb} within the 95 % band."
    more = [f"and {whole(len(spells) - MOST_SPELLS)} more"] if len(spells) > MOST_SPELLS else []
    opening = "One period stands out" if len(spells) == 1 else "Some periods stand out"
    return f"{opening}: {'; '.join([*spells[:MOST_SPELLS], *more])}."


def spell_dates(path: FluctuationPath, side: int, tested: timedelta) -> str:
    """Return when a path was farthest outside of its band, from leaving it to coming back."""
    values = side * path.values
    inside = np.flatnonzero(values <= path.band)
    farthest = int(np.argmax(values))
    place = int(np.searchsorted(inside, farthest))
    first = inside[place - 1] + 1 if place else 0
    last = inside[place] - 1 if place < len(inside) else len(values) - 1
    ends = (season(moment, span=tested) for moment in path.times[[first, last]].astype("datetime64[us]").tolist())
    return " to ".join(dict.fromkeys(ends))


def fluctuation_caption(paths: Sequence[FluctuationPath], folds: Sequence[Fold]) -> str:
    """Return how to read the lower panel, with the width of the window."""
    tested_seconds = (folds[-1].test_end - folds[0].test_start).total_seconds()
    window = 1 - float((paths[0].times[-1] - paths[0].times[0]) / np.timedelta64(1, "s")) / tested_seconds
    return (
        "Lower panel: the mean loss difference in a rolling window of about "
        f"{percent(window, 0, signed=False)} of the test period, in standard errors (fluctuation test of Giacomini and "
        "Rossi). Without any difference in skill a path stays within the grey band throughout with 95 % probability; "
        "a period outside it stands out. A model with steady skill stays below 0 throughout."
    )


def fluctuation_table(paths: Sequence[FluctuationPath]) -> Table:
    """Return the values of all paths at some of the dates that they share, and the band."""
    heights = [dict(zip(path.times.tolist(), path.values.tolist(), strict=True)) for path in paths]
    shared = [moment for moment in heights[0] if all(moment in path for path in heights)]
    labels = ["Window centre", *(label(path.model) for path in paths), "Band"]
    unit: Literal["D", "m"] = "D" if (paths[0].times == paths[0].times.astype("datetime64[D]")).all() else "m"
    texts = dict(zip(paths[0].times.tolist(), np.datetime_as_string(paths[0].times, unit=unit).tolist(), strict=True))
    rows = [
        (texts[moment].replace("T", " "), *(decimal(path[moment], 2) for path in heights), decimal(paths[0].band, 2))
        for moment in binned(shared)
    ]
    extremes = (f"{label(path.model)} {decimal(extreme_value(path), 2)}" for path in paths)
    note = f"Extreme values: {listed(list(extremes))}.{binned_note(shared, 'dates')}"
    return table(labels, rows, note)


def extreme_value(path: FluctuationPath) -> float:
    """Return the value of a path that is farthest from 0, with its sign."""
    return float(path.values[np.argmax(np.abs(path.values))])
