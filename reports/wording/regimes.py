"""Where a model stands out, in words: what regimes are called, and the finding by rule from their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backtest.data.names import Status, label
from backtest.data.result_tables import RECENT, REGIMES
from backtest.reports.formats import listed
from backtest.reports.rows import Row
from backtest.reports.run import RunResult

NAMED = 3
"""Parts of a regime that a title names."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a regime is called, how its panel is headed and what it goes by.

    A sentence names some of its parts between `before` and `after`, with an s each where they are `days`, and all of
    them as `every`.
    """

    noun: str
    head: str
    about: str
    before: str
    after: str
    every: str
    days: bool = False


OPENS = "Times (UTC) are those at which the forecast bar opens."
BEFOREHAND = (
    f"Volatility is the root mean square of the last {RECENT} outcomes known before a forecast, cut into thirds over "
    "all test time; it is unknown where fewer than half of them are known."
)
WORDS = {
    "volatility": Words(
        *("level of volatility", "Volatility beforehand", BEFOREHAND, "at ", " volatility"), "at every volatility"
    ),
    "hour": Words("hour", "Hour (UTC)", OPENS, "at ", " (UTC)", "in every hour"),
    "weekday": Words("weekday", "Weekday (UTC)", OPENS, "on ", "", "on every weekday", days=True),
}

OVERALL: dict[Status | None, str] = {"better": "gain", "worse": "loss"}
"""What a verdict shows over all forecasts, whatever their parts show."""


def words_of(regime: str) -> Words:
    """Return the words for a regime, plain ones for one that has none of its own."""
    return WORDS.get(regime) or Words(regime, regime.capitalize(), "", "at ", f" ({regime})", f"at every {regime}")


def rows_of(result: RunResult, model: str) -> list[Row]:
    """Return the rows of a model."""
    return [row for row in result.rows(REGIMES) if row.model == model]


def standing_out(result: RunResult, model: str) -> list[Row]:
    """Return the parts in which a model is shown to be better or worse than zero: the adjusted p is at most alpha.

    There are none of a model on which there is too little evidence.
    """
    if status_of(result, model) == "cannot tell":
        return []
    alpha = result.verdict.alpha
    return [row for row in rows_of(result, model) if row.p_adjusted is not None and row.p_adjusted <= alpha]


def status_of(result: RunResult, model: str) -> Status | None:
    """Return the verdict on a model; None where none was given."""
    return next((score.status for score in result.scores if score.model == model), None)


def finding(result: RunResult, model: str) -> str:
    """Return in which parts a model is shown to be better or worse than zero."""
    name, rows, found = label(model), rows_of(result, model), standing_out(result, model)
    tested = [row for row in rows if row.p_adjusted is not None]
    if not rows:
        return "There are too few forecasts to tell good times from bad ones"
    if not tested:
        return f"Where {name} does better or worse than zero was not tested"
    status = status_of(result, model)
    if status == "cannot tell":
        return f"There is too little evidence to tell where {name} does better or worse than zero"
    if not found:
        nouns = listed([words_of(regime).noun for regime in dict.fromkeys(row.regime for row in tested)], last="or")
        if status in OVERALL:
            return f"The {OVERALL[status]} of {name} cannot be pinned to any {nouns}; over all forecasts it is shown"
        return f"No {nouns} stands out: nowhere is {name} shown to be better or worse than zero"
    better, worse = ([row for row in found if ((row.skill or 0.0) > 0) == up] for up in (True, False))
    sides = [("better", better), ("worse", worse)]
    said = [f"{word} than zero {where(parts, tested)}" for word, parts in sides if parts]
    return f"{name} is shown to be {', and '.join(said)}"


def where(found: Sequence[Row], tested: Sequence[Row]) -> str:
    """Return in which of the tested parts something was found, such as `only at low volatility and on Mondays`."""
    said: list[str] = []
    only = "only "
    for regime in dict.fromkeys(row.regime for row in found):
        words = words_of(regime)
        parts = [f"{row.part}s" if words.days else row.part for row in found if row.regime == regime]
        if len(parts) == sum(row.regime == regime for row in tested):
            said.append(words.every)
            only = ""
        else:
            said.append(f"{words.before}{listed(parts, NAMED)}{words.after}")
    return f"{only}{listed(said)}"
