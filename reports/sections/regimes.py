"""Whether the skill depends on the regime: by volatility, hour of day and weekday."""

from __future__ import annotations

from collections.abc import Sequence

from backtest.data.names import label
from backtest.data.result_tables import REGIMES
from backtest.reports.blocks import Block, Column, Details, Figure, Group, Heading, Table, Text
from backtest.reports.figures.canvas import colours
from backtest.reports.figures.regimes import is_cut, panel_rows
from backtest.reports.figures.regimes import regimes as draw
from backtest.reports.formats import (
    MISSING,
    counted,
    exponent_of,
    interval,
    listed,
    p_value,
    percent,
    power,
    scaled,
    skill_digits,
    whole,
)
from backtest.reports.result import Result
from backtest.reports.rows import Row
from backtest.reports.wording.question import words_of_loss
from backtest.reports.wording.regimes import model_rows, regime_text, regimes_title, significant_parts

QUESTION = "Where does it work?"
MOST_MODELS = 2
"""Models in the figure."""

MOST_ROWS = 400
"""Rows of the table; where there would be more, it holds the candidates alone, as many as fit."""

CAPTION = (
    "Each mark is the skill of a model within one group of its forecasts, with its 95 % confidence interval: above the"
    " line its {loss} is lower than that of {rival}."
)

TABLE_CAPTION = (
    "p: two-sided {test} test on {losses} against {rival}; the adjusted p allows for all groups and models "
    "(Holm) except the references."
)


def regimes(result: Result) -> tuple[Block, ...]:
    """Where does it work? Skill against the rival by volatility, hour of day and weekday."""
    models = [score.model for score in result.candidates or result.rivals[:1]]
    if not models:
        return (Heading(result.fill("There is no model to compare with {rival}"), QUESTION),)
    title, *more = (
        regimes_title(result, model) for model in models if model == models[0] or significant_parts(result, model)
    )
    texts = [Text(" ".join(f"{sentence}." for sentence in more))] if more else []
    drawn = [row for model in models[:MOST_MODELS] for row in model_rows(result, model) if row.skill_low is not None]
    if not drawn:
        details = [Details("The numbers", (regimes_table(result),))] if result.rows(REGIMES) else []
        return Heading(title, QUESTION), *texts, *details
    titles = {regime: regime_text(regime).title for regime in dict.fromkeys(row.regime for row in drawn)}
    names = listed([label(model) for model in dict.fromkeys(row.model for row in drawn)])
    panels = listed([panel.lower() for panel in titles])
    alt = f"Skill of {names} against {result.rival_name} with 95 % intervals by {panels}. {title}."
    svg = draw(drawn, titles, colours(result), result.verdict.alpha, result.rival_name, alt)
    return (
        Heading(title, QUESTION),
        *texts,
        Figure("regimes", svg, alt, figure_caption(result, drawn), regimes_table(result)),
    )


def figure_caption(result: Result, drawn: Sequence[Row]) -> str:
    """Return how to read the figure, how the groups are formed, and what is not in the figure."""
    explanations = dict.fromkeys(regime_text(row.regime).note for row in drawn)
    chance = (
        f"Of {counted(len(drawn), 'interval')}, about 1 in 20 would miss the line by chance alone, so the adjusted p "
        f"decides: filled marks have one of at most {result.verdict.alpha:.4g}, rings a larger one."
    )
    lines, models = panel_rows(drawn), {row.model for row in drawn}
    notes = {
        "Each row of panels has its own scale.": len(lines) > 1,
        "Arrows mark intervals that extend beyond the figure.": any(map(is_cut, lines)),
        "Groups without an interval are only in the table.": any(
            row.model in models and row.skill_low is None for row in result.rows(REGIMES)
        ),
    }
    return " ".join(
        [
            of_loss(result, CAPTION),
            *filter(None, explanations),
            chance,
            *(note for note, holds in notes.items() if holds),
        ]
    )


def of_loss(result: Result, text: str) -> str:
    """Return a caption in which the loss is the one that groups are compared by."""
    words = words_of_loss(result.steady_loss)
    return result.fill(text.replace("{losses}", words.several).replace("{loss}", words.one))


def regimes_table(result: Result) -> Table:
    """Return every group of every model, the candidates first."""
    shown, absent = models_in_table(result)
    exponent = exponent_of(row.rival_loss for row in result.rows(REGIMES))
    unit, titles = power(exponent), ["Forecasts", "Skill", "95 % interval", "p", "p adjusted"]
    mean = words_of_loss(result.steady_loss).mean
    columns = [Column("Group", number=False, wraps=True)]
    columns += [Column(panel) for panel in [*titles, f"{mean}{unit}", f"{mean} of {result.rival_name}{unit}"]]
    noted = any(row.note for model in shown for row in model_rows(result, model))
    if noted:
        columns.append(Column("Note", number=False, wraps=True))
    groups = [
        Group(
            tuple(cells(row, exponent, result.verdict.alpha)[: len(columns)] for row in model_rows(result, model)),
            label(model),
        )
        for model in shown
    ]
    return Table(
        tuple(columns), tuple(group for group in groups if group.rows), of_loss(result, TABLE_CAPTION) + absent
    )


def models_in_table(result: Result) -> tuple[list[str], str]:
    """Return the models whose groups fit into the table, and a sentence about those that do not."""
    models = list(dict.fromkeys(score.model for score in (*result.candidates, *result.rivals)))
    if len(result.rows(REGIMES)) <= MOST_ROWS:
        return models, ""
    rows = len(model_rows(result, models[0]))
    shown = models[: min(max(1, MOST_ROWS // max(1, rows)), len(result.candidates) or 1)]
    return shown, f" The numbers of {counted(len(models) - len(shown), 'more model')} are in {REGIMES.file}."


def cells(row: Row, exponent: int, alpha: float) -> tuple[str, ...]:
    """Return one row of the table."""
    low, high = row.skill_low, row.skill_high
    return (
        f"{row.part}{regime_text(row.regime).after}",
        whole(row.n),
        percent(row.skill, skill_digits(row.skill)),
        interval(low, high, skill_digits(low, high)),
        p_value(row.p_value, alpha),
        p_value(row.p_adjusted, alpha),
        scaled(row.loss, exponent),
        scaled(row.rival_loss, exponent),
        row.note or MISSING,
    )
