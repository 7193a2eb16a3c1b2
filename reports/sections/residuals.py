"""Whether anything is left in the errors, and the empirical coverage of the forecast intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backtest.data.names import PRIMARY, label
from backtest.reports.blocks import Block, Figure, Heading, Table, Text, table
from backtest.reports.diagnostics import Residuals, autocorrelations
from backtest.reports.figures.calibration import BASIS_POINT
from backtest.reports.figures.residuals import coverage as draw_coverage
from backtest.reports.figures.residuals import residuals as draw_residuals
from backtest.reports.formats import MISSING, counted, day, decimal, level, listed, p_value, percent, whole
from backtest.reports.rows import Row
from backtest.reports.run import Fold, RunResult
from backtest.reports.sections.parts import binned, binned_note, colours

QUESTION = "Is anything left in the errors, and do the intervals hold?"
MOST_LAGS = 3
"""Lags that a title names."""

TOLERANCE = 0.01
"""Intervals that hold a share no farther than this from what they promise are as good as promised."""

CAPTION = (
    "Each stroke: how much the errors resemble those that many bars earlier; below, the same for their sizes, without "
    "the sign. Where errors have no memory, 19 of 20 strokes end within the grey band, which allows for calm and wild "
    "times. Strokes beyond it above: past errors tell something about the next one. Tall strokes below: large errors "
    "follow large ones."
)
COVERAGE_CAPTION = (
    "Each step is one fold: the share of its outcomes that lay within the forecast plus or minus a width. The width is "
    "made to hold that share of all errors known before the fold began (split conformal prediction), so the first fold "
    "has none. Below its dashed line an interval was too narrow, as when wild times follow calm ones; above, too wide."
)
NO_INTERVALS = "There are no intervals: they are made from the errors of earlier folds, and no fold has enough of them."


def residuals(result: RunResult) -> tuple[Block, ...]:
    """Is anything left in the errors, and do the intervals hold? Autocorrelation of errors, coverage by fold."""
    all_residuals = residuals_of(result)
    shown = next(one for one in all_residuals if one.model == shown_model(result))
    title, model, colour = residuals_title(result, shown), label(shown.model), colours(result)[shown.model]
    blocks: list[Block] = [Heading(title, QUESTION)]
    if len(shown.lags):
        alt = f"Autocorrelation of the errors of {model} by lag, and of their sizes, each with a 95 % band. {title}."
        figure = Figure(
            "residuals", draw_residuals(shown, colour, alt), alt, CAPTION, autocorrelation_table(shown, all_residuals)
        )
        blocks += [
            Text(f"{error_sentence(shown, result.verdict.alpha)} {size_sentence(shown, result.verdict.alpha)}"),
            figure,
        ]
    levels = coverage_by_level(result.coverages, shown.model)
    if levels:
        alt = f"Share of the outcomes within the intervals of {model} in each fold, for each level. {title}."
        svg = draw_coverage(levels, result.folds, colour, alt)
        figure = Figure("coverage", svg, alt, COVERAGE_CAPTION, coverage_table(levels, result.folds))
        blocks += [Text(coverage_sentence(levels[0])), figure]
    else:
        blocks.append(Text(NO_INTERVALS))
    return (*blocks, residuals_table(all_residuals, result))


def residuals_of(result: RunResult) -> tuple[Residuals, ...]:
    """Return the autocorrelations of the errors of zero and of every candidate."""
    models = [score.model for score in result.scores if score.status or score.model == PRIMARY["baseline"]]
    return autocorrelations(result.origins, models, result.horizon)


def shown_model(result: RunResult) -> str:
    """Return the name of the model that the section is about: the leading candidate, or zero."""
    return result.candidates[0].model if result.candidates else PRIMARY["baseline"]


def residuals_title(result: RunResult, shown: Residuals) -> str:
    """Return whether the errors are correlated, and how many outcomes the widest intervals held."""
    model, p = label(shown.model), shown.errors.p_value
    pooled = [row for row in result.coverages if row.model == shown.model and row.fold is None]
    coverage = f"; its {coverage_clause(max(pooled, key=lambda row: row.level))}" if pooled else ""
    if not len(shown.lags):
        return f"There are too few errors of {model} to look for a pattern in them{coverage}"
    if p is None:
        return f"The errors of {model} are always the same{coverage}"
    if p >= result.verdict.alpha:
        return f"The errors of {model} show no memory in their direction, as far as can be seen{coverage}"
    return f"The errors of {model} are still correlated{lag_clause(shown)}{coverage}"


def coverage_clause(row: Row) -> str:
    """Return whether intervals kept their promise.

    They were too wide or too narrow if the share that they held is more than OFF away from it, and more than twice its
    binomial standard error.
    """
    promised, off = level(row.level), row.share - row.level
    coverage = f"held {percent(row.share, 1, signed=False)} of {counted(row.n, 'outcome')}"
    if abs(off) <= TOLERANCE:
        return f"{promised} intervals {coverage}, as promised"
    if abs(off) <= 2 * np.sqrt(row.level * (1 - row.level) / row.n):
        return f"{promised} intervals {coverage}, which chance allows for"
    return f"{promised} intervals were too {'wide' if off > 0 else 'narrow'}: they {coverage}"


def lag_clause(shown: Residuals) -> str:
    """Return at which lags the errors are farthest outside of the band; nothing where they are so only together."""
    strengths = shown.errors.strengths
    farthest = [place for place in np.argsort(-strengths, kind="stable").tolist()[:MOST_LAGS] if strengths[place] > 1]
    lags = [whole(int(shown.lags[place])) for place in sorted(farthest)]
    return f", most at lag{'s' if len(lags) > 1 else ''} {listed(lags)}" if lags else ""


def error_sentence(shown: Residuals, alpha: float) -> str:
    """Return what the autocorrelations of the errors say together."""
    p, model, lags, left = shown.errors.p_value, label(shown.model), len(shown.lags), shown.errors.outside
    step = int(shown.lags[0])
    apart = f" Outcomes over {whole(step)} bars overlap, so only one forecast in {whole(step)} is counted."
    if p is None:
        return f"All errors of {model} are the same."
    text = (
        f"Past errors of {model} tell something about the next one that its forecasts do not use"
        if p < alpha
        else f"Past errors of {model} tell nothing about the next one, as far as can be seen"
    )
    chance = decimal(0.05 * lags, 2).rstrip("0").rstrip(".")
    return (
        f"{text}: {whole(left) if left else 'none'} of {counted(lags, 'lag')} {'leave' if left > 1 else 'leaves'} the "
        f"band (chance alone would make it {chance}), the largest autocorrelation is "
        f"{decimal(float(np.abs(shown.errors.values).max()), 3)}, and p over all lags is {p_value(p, alpha)}."
        f"{apart if step > 1 else ''}"
    )


def size_sentence(shown: Residuals, alpha: float) -> str:
    """Return what the autocorrelations of the sizes say."""
    p, place = shown.sizes.p_value, int(shown.sizes.strengths.argmax())
    if p is None:
        return "Their sizes are all the same."
    if p >= alpha:
        return "Their sizes show no memory, as far as can be seen."
    most = float(shown.sizes.values[place])
    kind = "large" if most > 0 else "small"
    return (
        f"Their sizes have a memory, clearest at lag {whole(int(shown.lags[place]))} ({decimal(most, 2)}): {kind} "
        "errors follow large ones, which no forecast of the mean return can take out."
    )


def coverage_sentence(rows: Sequence[Row]) -> str:
    """Return in which folds the intervals of one level held the fewest and the most of the outcomes."""
    promised = level(rows[0].level)
    folds: dict[str, list[int | None]] = {}
    for row in sorted(rows, key=lambda row: row.share):
        folds.setdefault(percent(row.share, 1, signed=False), []).append(row.fold)
    ends = [
        f"{share} in {counted(len(those), 'fold') if len(those) > 1 else f'fold {those[0]}'}"
        for share, those in folds.items()
    ]
    if len(ends) > 1:
        return f"Fold by fold the {promised} intervals held from {ends[0]} to {ends[-1]}."
    (share,) = folds
    return f"The {promised} intervals held " + (f"{share} in every fold." if len(rows) > 1 else f"{ends[0]}.")


def coverage_by_level(coverages: Sequence[Row], model: str) -> list[list[Row]]:
    """Return the coverage of a model in each fold, level by level from the widest interval on."""
    levels: dict[float, list[Row]] = {}
    for row in coverages:
        if row.model == model and row.fold is not None:
            levels.setdefault(row.level, []).append(row)
    return [levels[share] for share in sorted(levels, reverse=True)]


def autocorrelation_table(shown: Residuals, all_residuals: Sequence[Residuals]) -> Table:
    """Return the autocorrelations of the model that is shown, and of the errors of the others."""
    others = [one for one in all_residuals if one is not shown]
    labels = ["Lag", label(shown.model), "95 % band", "Its sizes", "95 % band", *(label(one.model) for one in others)]
    series = [shown.errors.values, shown.errors.band, shown.sizes.values, shown.sizes.band]
    columns = [column.tolist() for column in (shown.lags, *series, *(one.errors.values for one in others))]
    rows = [(whole(lag), *(decimal(value, 3) for value in values)) for lag, *values in zip(*columns, strict=True)]
    return table(labels, rows, "A band reaches as far below 0 as above.")


def coverage_table(levels: Sequence[Sequence[Row]], folds: Sequence[Fold]) -> Table:
    """Return the share of the outcomes that the intervals of every level held in each fold."""
    labels = ["Fold", "Test from", "Forecasts", *(f"{level(rows[0].level)} held" for rows in levels)]
    found = [{row.fold: row for row in rows} for rows in levels]
    shown = [fold for fold in folds if any(fold.number in rows for rows in found)]
    rows = []
    for fold in binned(shown):
        own = [rows.get(fold.number) for rows in found]
        shares = (percent(row.share if row else None, 1, signed=False) for row in own)
        rows.append((whole(fold.number), day(fold.test_start), whole(fold.n_test), *shares))
    return table(
        labels, rows, f"Folds before which too few errors were known are left out.{binned_note(shown)}", words=2
    )


def residuals_table(all_residuals: Sequence[Residuals], result: RunResult) -> Table:
    """Return for every model the p-value of its errors' autocorrelations, and how often its intervals held."""
    levels = sorted({row.level for row in result.coverages}, reverse=True)
    found = {(row.model, row.level): row for row in result.coverages if row.fold is None}
    labels = ["Model", "Lags outside", "p", *(f"{level(share)} held" for share in levels)]
    labels += [f"Width of {level(share)}, bp" for share in levels[:1]]
    rows = []
    for one in all_residuals:
        own = [found.get((one.model, share)) for share in levels]
        shares = (percent(row.share if row else None, 1, signed=False) for row in own)
        widths = (
            f"\N{PLUS-MINUS SIGN}{decimal(row.half_width / BASIS_POINT, 1)}" if row else MISSING for row in own[:1]
        )
        count = f"{whole(one.errors.outside)} of {whole(len(one.lags))}"
        rows.append((label(one.model), count, p_value(one.errors.p_value, result.verdict.alpha), *shares, *widths))
    return table(labels, rows, TABLE_CAPTION)


TABLE_CAPTION = (
    "Zero's errors are the outcomes themselves: what a model takes out of them it has learned, what it adds is its "
    "own. p: how often errors without a memory would have autocorrelations this large, all lags together. Held: share "
    "of all outcomes within the intervals; width: their mean, on either side of the forecast, in basis points of log "
    "return."
)
