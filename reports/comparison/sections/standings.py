"""How every model of every run did on the common rows."""

from __future__ import annotations

from backtest.data.names import label
from backtest.reports.blocks import Block, Column, Group, Heading, Table
from backtest.reports.comparison.result import Result, Standing
from backtest.reports.comparison.wording import capitalised
from backtest.reports.formats import (
    MISSING,
    exponent_of,
    interval,
    listed,
    p_value,
    percent,
    power,
    scaled,
    tied,
    whole,
)
from backtest.reports.summary import digits

QUESTION = "Who forecast best on the common rows?"

CAPTION = (
    "Over the common rows alone, so these numbers need not be those of each run's own report. Skill is the share of "
    "zero's squared error that a model saves, with its 95 % interval: below 0 % is worse than saying zero. The set "
    "holds every model that may be the best of all (Model Confidence Set); p is the smallest level that would drop it. "
    "Models of several runs with the same forecasts stand once."
)


def standings(result: Result) -> tuple[Block, ...]:
    """Who forecast best on the common rows? Zero and naive, then every model of every run by squared error."""
    found = result.found
    squares = exponent_of(one.mse for one in found.contestants)
    sizes = exponent_of(one.mae for one in found.contestants)
    columns = (
        Column("Model", number=False),
        Column("Of run", number=False),
        Column(f"MSE{power(squares)}"),
        Column(f"MAE{power(sizes)}", spare=True),
        Column("Skill vs zero"),
        Column("95 % interval"),
        Column("In the set?", number=False),
        Column("p of the set", spare=True),
        Column("Own verdict", number=False, spare=True),
    )

    def cells(standing: Standing) -> tuple[str, ...]:
        """Return one row."""
        one = standing.numbers
        places = digits(one.skill, one.skill_low, one.skill_high)
        return (
            label(one.model),
            listed(standing.runs, 4) or "all",
            scaled(one.mse, squares),
            scaled(one.mae, sizes),
            percent(one.skill, places) if one.model != "zero" else MISSING,
            interval(one.skill_low, one.skill_high, places),
            MISSING if one.in_set is None else "yes" if one.in_set else "no",
            p_value(one.set_p, found.alpha),
            listed(standing.statuses) or MISSING,
        )

    shared = tuple(cells(one) for one in result.standings if not one.runs)
    others = tuple(cells(one) for one in result.standings if one.runs)
    groups = (Group(shared, "In all runs the same"), Group(others, "Of the runs, best first"))
    note = f" The set: {found.set_note}."
    return Heading(finding(result), QUESTION), Table(columns, groups, tied(CAPTION + note))


def finding(result: Result) -> str:
    """Return who has the smallest squared error, and how many may be the best all the same."""
    best = min(result.standings, key=lambda one: one.numbers.mse)
    runs = f" of {listed(best.runs, 4)}" if best.runs else ""
    leads = capitalised(f"{label(best.model)}{runs} has the smallest squared error")
    chosen = [one.numbers.in_set for one in result.standings]
    if None in chosen:
        return leads
    inside, every = chosen.count(True), len(chosen)
    if inside == 1:
        return f"{leads}, and no other may be the best"
    return f"{leads}, but {whole(inside)} of {whole(every)} may be the best"
