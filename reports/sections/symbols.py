"""On which symbols a model is better, and whether one of them alone carries the result."""

from __future__ import annotations

from backtest.data.names import label
from backtest.data.result_tables import SYMBOLS
from backtest.reports.blocks import Block, Column, Group, Heading, Table
from backtest.reports.formats import (
    MISSING,
    exponent_of,
    interval,
    p_value,
    percent,
    power,
    scaled,
    skill_digits,
    whole,
)
from backtest.reports.result import Result
from backtest.reports.rows import Row
from backtest.reports.sections.other_tests import ranked_models
from backtest.reports.wording.question import capital, words_of_loss

QUESTION = "On which symbols does it work?"
MOST_MODELS = 5
MOST_ROWS = 400
"""Rows of the table; where there would be more, the models with the smallest losses alone are in it."""

CAPTION = (
    "p: one-sided {test} test on {losses} of being better than {rival} on this symbol; the adjusted p allows for all "
    "symbols and models (Holm) except the references. Without it: skill and p of all other symbols, their losses "
    "averaged at each time; that p is not adjusted. Where p is small with all symbols and large without one, that one "
    "carries the result."
)


def symbols(result: Result) -> tuple[Block, ...]:
    """On which symbols does it work? Skill on each symbol and without it; nothing where there is one symbol."""
    rows = [row for model in _shown(result) for row in result.rows(SYMBOLS, model=model)]
    if not rows:
        return ()
    return Heading(symbols_title(rows, result), QUESTION), symbols_table(rows, result)


def _shown(result: Result) -> list[str]:
    """The models in the table, the leading one first."""
    models = [score.model for score in ranked_models(result)[:MOST_MODELS]]
    each = len(result.rows(SYMBOLS, model=models[0])) if models else 0
    return models[: max(1, MOST_ROWS // max(1, each))]


def symbols_title(rows: list[Row], result: Result) -> str:
    """Return on how many symbols the leading model is better, and on how many significantly."""
    leading = [row for row in rows if row.model == rows[0].model]
    won = sum((row.skill or 0) > 0 for row in leading)
    found = sum(row.p_adjusted is not None and row.p_adjusted <= result.verdict.alpha for row in leading)
    better, number = f"{capital(label(leading[0].model))} is better than {result.rival_name}", len(leading)
    if not won:
        return f"{better} on none of {number} symbols"
    return f"{better} on {won} of {number} symbols, significantly on {found or 'none'}"


def symbols_table(rows: list[Row], result: Result) -> Table:
    """Return one row for each symbol, model by model."""
    exponent, alpha = exponent_of(row.rival_loss for row in rows), result.verdict.alpha
    mean, unit = words_of_loss(result.question.loss).mean, power(exponent)
    titles = ["Forecasts", "Skill", "95 % interval", "p", "p adjusted", "Skill without it", "p without it"]
    titles += [f"{mean}{unit}", f"{mean} of {result.rival_name}{unit}"]
    columns = [Column("Symbol", number=False), *map(Column, titles)]
    noted = any(row.note for row in rows)
    columns += [Column("Note", number=False, wraps=True)] if noted else []
    models = dict.fromkeys(row.model for row in rows)
    groups = (
        Group(tuple(cells(row, exponent, alpha)[: len(columns)] for row in rows if row.model == model), label(model))
        for model in models
    )
    words = words_of_loss(result.question.loss)
    return Table(tuple(columns), tuple(groups), result.fill(CAPTION.replace("{losses}", words.several)))


def cells(row: Row, exponent: int, alpha: float) -> tuple[str, ...]:
    """Return one row of the table."""
    low, high = row.skill_low, row.skill_high
    return (
        row.symbol,
        whole(row.n),
        percent(row.skill, skill_digits(row.skill)),
        interval(low, high, skill_digits(low, high)),
        p_value(row.p_value, alpha),
        p_value(row.p_adjusted, alpha),
        percent(row.skill_without, skill_digits(row.skill_without)),
        p_value(row.p_without, alpha),
        scaled(row.loss, exponent),
        scaled(row.rival_loss, exponent),
        row.note or MISSING,
    )
