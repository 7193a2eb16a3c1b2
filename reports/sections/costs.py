"""What trading on the forecasts would have earned after costs; not a trading claim."""

from __future__ import annotations

from backtest.data.names import HOLDING, label
from backtest.data.result_tables import STRATEGIES
from backtest.reports.blocks import Block, Column, Details, Group, Heading, Note, Table, Text
from backtest.reports.formats import MISSING, SPACE, decimal, percent, whole
from backtest.reports.rows import Row
from backtest.reports.run import Costs, RunResult

QUESTION = "What would trading have earned after costs?"
REFERENCES = {HOLDING: "holding", "zero": "nothing (zero)"}
"""What strategies are compared with: being long all the time, and never."""

LARGEST_RETURN = 1e4
"""Larger compound returns are not printed in digits."""

MOST_YEARS = 100
"""Longer track records are not printed in digits."""


def costs(result: RunResult) -> tuple[Block, ...]:
    """What would trading have earned after costs? A simple strategy on each model's forecasts, and holding.

    Nothing where a forecast is no return.
    """
    if not result.question.about.tradable:
        return ()
    title = Heading(costs_title(result), QUESTION)
    if not result.rows(STRATEGIES):
        return (title,)
    note = Note(DISCLAIMER + trading_rule(result.costs, result.rows(STRATEGIES)[0]))
    text = [Text(f"{costs_sentence(result)}.")] if leading_strategy(result) else []
    return (title, Details("After costs: not a trading claim", (note, *text, strategy_table(result))))


DISCLAIMER = "This is not a trading claim. "


def trading_rule(costs: Costs, strategy: Row) -> str:
    """Return how the forecasts were traded and at what cost."""
    fees = f"{basis_points(costs.fee)} of fee and {basis_points(costs.slippage)} of slippage"
    threshold = f" larger than {decimal(costs.threshold, 2)} times the cost of a trade" if costs.threshold else ""
    return (
        f"Each forecast{threshold} sets one position, long or short by its sign, opened before the bar that it is "
        f"for. Every trade costs {fees}; rebalancing, borrowing, taxes and market impact are ignored. "
        f"Ratios are annualised to {whole(round(strategy.bars_per_year))} bars."
    )


def basis_points(size: float) -> str:
    """Return a cost in basis points."""
    return f"{decimal(size, 1).removesuffix('.0')}{SPACE}basis points"


def leading_strategy(result: RunResult) -> Row | None:
    """Return the strategy of the leading model."""
    return next((one for one in result.rows(STRATEGIES) if result.leader and one.model == result.leader.model), None)


def costs_title(result: RunResult) -> str:
    """Return how the leading model's strategy did, without a number that sounds like a promise."""
    leader = leading_strategy(result)
    if leader is None:
        return "There is no strategy to show"
    model = label(leader.model)
    holding = next((one.net_return for one in result.rows(STRATEGIES) if one.model == HOLDING), -1.0)
    if not leader.turnover:
        return f"The forecasts of {model} never led to a trade"
    if leader.net_return <= 0:
        return f"After costs, trading on {model} would not have made a profit"
    if leader.net_return < holding:
        return f"After costs, trading on {model} would have earned less than holding"
    if insufficient_evidence(result):
        return f"There is too little evidence to judge the return of trading on {model} after costs"
    if not beats_chance(leader, result):
        return f"After costs, the return of trading on {model} is indistinguishable from chance"
    return f"After costs, the return of trading on {model} is more than chance would explain"


def insufficient_evidence(result: RunResult) -> bool:
    """Return whether there is too little evidence to judge the leading model."""
    return result.leader is not None and result.leader.status == "cannot tell"


def beats_chance(one: Row, result: RunResult) -> bool:
    """Return whether the deflated Sharpe ratio is significant, which allows for everything that was tried."""
    return (deflated_of(result).get(one.model) or 0.0) >= 1 - result.verdict.alpha


def costs_sentence(result: RunResult) -> str:
    """Return what the leading model's strategy would have earned, with holding and a baseline that did better."""
    leader = leading_strategy(result)
    if leader is None:
        return "There is no strategy to show"
    by_model = {one.model: one for one in result.rows(STRATEGIES)}
    holding = f"; holding {gain_clause(by_model[HOLDING])}" if HOLDING in by_model else ""
    if not leader.turnover:
        return f"The forecasts of {label(leader.model)} never led to a trade{holding}"
    doubt = "with too little evidence to judge" if insufficient_evidence(result) else "indistinguishable from chance"
    no_doubt = leader.net_return <= 0 or (beats_chance(leader, result) and not insufficient_evidence(result))
    chance = "" if no_doubt else f", {doubt}"
    baselines = [one for one in result.rows(STRATEGIES) if one.model not in {*REFERENCES, *candidates_of(result)}]
    best = max(baselines, key=lambda one: one.net_return, default=leader)
    ahead = f"; the baseline {label(best.model)} {gain_clause(best)}" if best.net_return > leader.net_return else ""
    return f"After costs, trading on {label(leader.model)} {gain_clause(leader)}{chance}{holding}{ahead}"


def candidates_of(result: RunResult) -> list[str]:
    """Return the names of the candidates."""
    return [score.model for score in result.candidates]


def gain_clause(one: Row) -> str:
    """Return the gain or loss of a strategy as a clause."""
    verb = "gained" if one.net_return >= 0 else "lost"
    return f"would have {verb} {compound_return(abs(one.net_return), signed=False)}"


def compound_return(share: float, *, signed: bool = True) -> str:
    """Return a compound return in per cent."""
    return (
        percent(share, 1, signed=signed)
        if share <= LARGEST_RETURN
        else f"more than {percent(LARGEST_RETURN, 0, signed=False)}"
    )


def strategy_table(result: RunResult) -> Table:
    """Return one row per strategy: the references, the candidates by squared error, then the baselines."""
    by_model = {one.model: one for one in result.rows(STRATEGIES)}
    groups = (
        ("References", list(REFERENCES)),
        ("Models, best first", candidates_of(result)),
        ("Baselines", [score.model for score in result.scores if not score.status and score.model not in REFERENCES]),
    )
    deflated = deflated_of(result)
    rows = [
        Group(tuple(cells(by_model[model], deflated.get(model)) for model in models if model in by_model), name)
        for name, models in groups
    ]
    return Table(COLUMNS, tuple(group for group in rows if group.rows), CAPTION)


def deflated_of(result: RunResult) -> dict[str, float | None]:
    """Return the deflated Sharpe ratio of every candidate."""
    return {score.model: score.candidate.deflated_sharpe for score in result.candidates if score.candidate}


LABELS = (
    *("Net return", "Volatility", "Sharpe", "Drawdown", "Turnover", "Break-even"),
    *("Probabilistic", "Deflated", "Track record"),
)
COLUMNS = (Column("Strategy", number=False), *map(Column, LABELS))
CAPTION = (
    "Net return is over all test bars, after costs. Volatility, Sharpe ratio and turnover (amount traded in units of "
    "the capital) are annualised; drawdown is the largest loss from a peak. Break-even: the cost per trade at which "
    "the gain vanishes, in basis points; no gain: a loss before costs. Probabilistic: probability that the true Sharpe"
    " ratio is above 0. Deflated: probability that it is above the best expected by chance among all strategies tried "
    "on these bars. Track record: years of such returns needed to show a ratio above 0 at 95 %; never: the ratio is "
    "not above 0."
)


def cells(one: Row, deflated: float | None) -> tuple[str, ...]:
    """Return one row."""
    return (
        REFERENCES.get(one.model, label(one.model)),
        compound_return(one.net_return),
        percent(one.volatility, 1, signed=False),
        decimal(one.sharpe, 2),
        percent(one.drawdown, 1, signed=False),
        decimal(one.turnover, 1),
        "no gain" if one.break_even is not None and one.break_even <= 0 else decimal(one.break_even, 1),
        percent(one.probabilistic, 1, signed=False),
        percent(deflated, 1, signed=False),
        track_record(one),
    )


def track_record(one: Row) -> str:
    """Return the years needed to show a Sharpe ratio above 0."""
    if one.sharpe is None:
        return MISSING
    if one.track_record is None:
        return "never"
    years = one.track_record / one.bars_per_year
    return decimal(years, 1) if years <= MOST_YEARS else f"over {whole(MOST_YEARS)}"
