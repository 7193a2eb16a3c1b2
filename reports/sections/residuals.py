"""Autocorrelation of the forecast errors, and empirical coverage of the prediction intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backtest.data.names import Scale, label
from backtest.reports.blocks import Block, Figure, Heading, Table, Text, binned, binned_note, table
from backtest.reports.diagnostics import Residuals, autocorrelations
from backtest.reports.figures.canvas import colours
from backtest.reports.figures.residuals import coverage as draw_coverage
from backtest.reports.figures.residuals import residuals as draw_residuals
from backtest.reports.formats import MISSING, counted, day, decimal, level, listed, p_value, percent, whole
from backtest.reports.result import Fold, Result
from backtest.reports.rows import Row
from backtest.reports.wording.question import axis_unit

QUESTION = "Are the errors predictable, and is the coverage right?"
MOST_LAGS = 3
"""Lags that a title names."""

TOLERANCE = 0.01
"""A coverage this close to the nominal level is as intended."""

CAPTION = (
    "Upper panel: autocorrelation of the errors by lag; lower panel: of their absolute values. Without "
    "autocorrelation, 19 of 20 values lie within the grey band, which allows for changing volatility. Values outside "
    "it in the upper panel mean that past errors help to predict the next one; large values in the lower panel that "
    "large errors follow large ones."
)
COVERAGE_CAPTION = (
    "Each step is one fold: the share of its outcomes within the prediction interval. Its half-width is the matching "
    "quantile of all absolute errors known before the fold began (split conformal prediction), so the first fold has "
    "none. Below the dashed line, the nominal level, the intervals were too narrow, as when volatility rises; above "
    "it, too wide."
)
WITHOUT_INTERVALS: dict[Scale, str] = {
    "probability": (
        "There are no prediction intervals: an outcome is 1 or 0, and the forecast, its probability, says all that "
        "there is to say of it."
    ),
    "variance": (
        "There are no prediction intervals: the errors of a variance grow with it, so that no width taken from earlier "
        "errors fits calm and wild times."
    ),
}
WITHOUT = "There are no prediction intervals: for this target they have no meaning."
NO_INTERVALS = (
    "There are no prediction intervals: they are computed from the errors of earlier folds, which are too few."
)


def residuals(result: Result) -> tuple[Block, ...]:
    """Are the errors predictable, and is the coverage right? Autocorrelation of errors, coverage by fold."""
    all_residuals = residuals_of(result)
    shown = next(one for one in all_residuals if one.model == shown_model(result))
    title, model, colour = residuals_title(result, shown), label(shown.model), colours(result)[shown.model]
    blocks: list[Block] = [Heading(title, QUESTION)]
    if len(shown.lags):
        alt = f"Autocorrelation of the errors of {model} and of their absolute values by lag, with 95 % bands. {title}."
        figure = Figure(
            "residuals", draw_residuals(shown, colour, alt), alt, CAPTION, autocorrelation_table(shown, all_residuals)
        )
        blocks += [
            Text(f"{error_sentence(shown, result.verdict.alpha)} {size_sentence(shown, result.verdict.alpha)}"),
            figure,
        ]
    levels = coverage_by_level(result.coverages, shown.model)
    if levels:
        alt = f"Coverage of the intervals of {model} in each fold, for each level. {title}."
        svg = draw_coverage(levels, result.folds, colour, alt)
        figure = Figure("coverage", svg, alt, COVERAGE_CAPTION, coverage_table(levels, result.folds))
        blocks += [Text(coverage_sentence(levels[0])), figure]
    else:
        target = result.question.about
        blocks.append(Text(NO_INTERVALS if target.intervals else WITHOUT_INTERVALS.get(target.scale, WITHOUT)))
    return (*blocks, residuals_table(all_residuals, result))


def residuals_of(result: Result) -> tuple[Residuals, ...]:
    """Return the autocorrelations of the errors of the rival and of every candidate."""
    models = [score.model for score in result.scores if score.status or score.model == result.rival]
    return autocorrelations(result.origins, models, result.horizon)


def shown_model(result: Result) -> str:
    """Return the name of the model that the section is about: the leading candidate, or the rival."""
    return result.candidates[0].model if result.candidates else result.rival


def residuals_title(result: Result, shown: Residuals) -> str:
    """Return whether the errors are autocorrelated, and the coverage of the widest intervals."""
    model, p = label(shown.model), shown.errors.p_value
    pooled = [row for row in result.coverages if row.model == shown.model and row.fold is None]
    coverage = f"; its {coverage_clause(max(pooled, key=lambda row: row.level))}" if pooled else ""
    if not len(shown.lags):
        return f"There are too few errors of {model} to test for autocorrelation{coverage}"
    if p is None:
        return f"The errors of {model} are constant{coverage}"
    if p >= result.verdict.alpha:
        return f"The errors of {model} show no significant autocorrelation{coverage}"
    return f"The errors of {model} are autocorrelated{lag_clause(shown)}{coverage}"


def coverage_clause(row: Row) -> str:
    """Return whether the coverage is as intended.

    Intervals were too wide or too narrow if their coverage is off by more than TOLERANCE and by more than twice its
    binomial standard error.
    """
    promised, off = level(row.level), row.share - row.level
    coverage = f"covered {percent(row.share, 1, signed=False)} of {counted(row.n, 'outcome')}"
    if abs(off) <= TOLERANCE:
        return f"{promised} intervals {coverage}, as intended"
    if abs(off) <= 2 * np.sqrt(row.level * (1 - row.level) / row.n):
        return f"{promised} intervals {coverage}, within sampling error"
    return f"{promised} intervals were too {'wide' if off > 0 else 'narrow'}: they {coverage}"


def lag_clause(shown: Residuals) -> str:
    """Return the lags that are farthest outside the band; nothing if none is outside."""
    strengths = shown.errors.strengths
    farthest = [place for place in np.argsort(-strengths, kind="stable").tolist()[:MOST_LAGS] if strengths[place] > 1]
    lags = [whole(int(shown.lags[place])) for place in sorted(farthest)]
    return f", most strongly at lag{'s' if len(lags) > 1 else ''} {listed(lags)}" if lags else ""


def error_sentence(shown: Residuals, alpha: float) -> str:
    """Return what the autocorrelations of the errors show jointly."""
    p, model, lags, left = shown.errors.p_value, label(shown.model), len(shown.lags), shown.errors.outside
    step = int(shown.lags[0])
    apart = f" Outcomes over {whole(step)} bars overlap, so only one forecast in {whole(step)} is used."
    if p is None:
        return f"All errors of {model} are equal."
    text = (
        f"Past errors of {model} carry information about the next one that its forecasts do not use"
        if p < alpha
        else f"The errors of {model} show no significant autocorrelation"
    )
    chance = decimal(0.05 * lags, 2).rstrip("0").rstrip(".")
    return (
        f"{text}: {whole(left) if left else 'none'} of {counted(lags, 'lag')} {'are' if left > 1 else 'is'} outside "
        f"the band ({chance} expected by chance), the largest autocorrelation is "
        f"{decimal(float(np.abs(shown.errors.values).max()), 3)}, and the joint p-value is {p_value(p, alpha)}."
        f"{apart if step > 1 else ''}"
    )


def size_sentence(shown: Residuals, alpha: float) -> str:
    """Return what the autocorrelations of the absolute errors show."""
    p, place = shown.sizes.p_value, int(shown.sizes.strengths.argmax())
    if p is None:
        return "Their absolute values are all equal."
    if p >= alpha:
        return "Their absolute values show no significant autocorrelation."
    most = float(shown.sizes.values[place])
    kind = "large" if most > 0 else "small"
    return (
        f"Their absolute values are autocorrelated, most clearly at lag {whole(int(shown.lags[place]))} "
        f"({decimal(most, 2)}): {kind} errors follow large ones, which no forecast of a mean can remove."
    )


def coverage_sentence(rows: Sequence[Row]) -> str:
    """Return the folds with the lowest and the highest coverage of one level."""
    promised = level(rows[0].level)
    folds: dict[str, list[int | None]] = {}
    for row in sorted(rows, key=lambda row: row.share):
        folds.setdefault(percent(row.share, 1, signed=False), []).append(row.fold)
    ends = [
        f"{share} ({counted(len(those), 'fold') if len(those) > 1 else f'fold {those[0]}'})"
        for share, those in folds.items()
    ]
    if len(ends) > 1:
        return f"By fold, the {promised} intervals covered from {ends[0]} to {ends[-1]} of the outcomes."
    (share,) = folds
    return f"The {promised} intervals covered " + (f"{share} in every fold." if len(rows) > 1 else f"{ends[0]}.")


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
    labels = [
        "Lag",
        label(shown.model),
        "95 % band",
        "Absolute errors",
        "95 % band",
        *(label(one.model) for one in others),
    ]
    series = [shown.errors.values, shown.errors.band, shown.sizes.values, shown.sizes.band]
    columns = [column.tolist() for column in (shown.lags, *series, *(one.errors.values for one in others))]
    rows = [(whole(lag), *(decimal(value, 3) for value in values)) for lag, *values in zip(*columns, strict=True)]
    return table(labels, rows, "The bands are symmetric around 0.")


def coverage_table(levels: Sequence[Sequence[Row]], folds: Sequence[Fold]) -> Table:
    """Return the coverage of the intervals of every level in each fold."""
    labels = ["Fold", "Test from", "Forecasts", *(f"{level(rows[0].level)} coverage" for rows in levels)]
    found = [{row.fold: row for row in rows} for rows in levels]
    shown = [fold for fold in folds if any(fold.number in rows for rows in found)]
    rows = []
    for fold in binned(shown):
        own = [rows.get(fold.number) for rows in found]
        shares = (percent(row.share if row else None, 1, signed=False) for row in own)
        rows.append((whole(fold.number), day(fold.test_start), whole(fold.n_test), *shares))
    return table(labels, rows, f"Folds with too few earlier errors are left out.{binned_note(shown)}", words=2)


def residuals_table(all_residuals: Sequence[Residuals], result: Result) -> Table:
    """Return for every model the joint test of its errors' autocorrelations, and the coverage of its intervals."""
    levels = sorted({row.level for row in result.coverages}, reverse=True)
    found = {(row.model, row.level): row for row in result.coverages if row.fold is None}
    labels = ["Model", "Lags outside", "p", *(f"{level(share)} coverage" for share in levels)]
    unit = axis_unit(result.question, (row.half_width for row in found.values()))
    labels += [f"{level(share)} half-width, {unit.short}" for share in levels[:1]]
    rows = []
    for one in all_residuals:
        own = [found.get((one.model, share)) for share in levels]
        shares = (percent(row.share if row else None, 1, signed=False) for row in own)
        widths = (f"\N{PLUS-MINUS SIGN}{decimal(row.half_width / unit.size, 1)}" if row else MISSING for row in own[:1])
        count = f"{whole(one.errors.outside)} of {whole(len(one.lags))}"
        rows.append((label(one.model), count, p_value(one.errors.p_value, result.verdict.alpha), *shares, *widths))
    return table(
        labels, rows, P_CAPTION + (f"{WIDTH_CAPTION} in {unit.name}. {unit.meaning}".rstrip() if levels else "")
    )


P_CAPTION = "p: joint test that all autocorrelations are 0."
WIDTH_CAPTION = " Coverage: share of all outcomes within the intervals. Half-width: mean over all forecasts,"
