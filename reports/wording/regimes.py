"""Where a model stands out, in words: what regimes are called, and the finding by rule from their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backtest.data.names import Status, label
from backtest.data.result_tables import RECENT, REGIMES
from backtest.reports.formats import listed
from backtest.reports.rows import Row
from backtest.reports.run import RunResult

MOST_PARTS = 3
"""Parts of a regime that a title names."""


@dataclass(frozen=True, slots=True)
class RegimeText:
    """What a regime is called, how its panel is headed and what it goes by.

    A sentence names some of its parts between `before` and `after`, with an s each where they are `days`, and all of
    them as `every`.
    """

    noun: str
    title: str
    note: str
    before: str
    after: str
    every: str
    days: bool = False


OPENS = "Times (UTC) are those at which the forecast bar opens."
BEFOREHAND = (
    f"Volatility is the root mean square of the last {RECENT} outcomes known before a forecast, cut into thirds over "
    "all test time; it is unknown where fewer than half of them are known."
)
REGIME_TEXTS = {
    "volatility": RegimeText(
        *("level of volatility", "Volatility beforehand", BEFOREHAND, "at ", " volatility"), "at every volatility"
    ),
    "hour": RegimeText("hour", "Hour (UTC)", OPENS, "at ", " (UTC)", "in every hour"),
    "weekday": RegimeText("weekday", "Weekday (UTC)", OPENS, "on ", "", "on every weekday", days=True),
}

OVERALL: dict[Status | None, str] = {"better": "gain", "worse": "loss"}
"""What a verdict shows over all forecasts, whatever their parts show."""


def regime_text(regime: str) -> RegimeText:
    """Return the words for a regime, plain ones for one that has none of its own."""
    return REGIME_TEXTS.get(regime) or RegimeText(
        regime, regime.capitalize(), "", "at ", f" ({regime})", f"at every {regime}"
    )


def model_rows(result: RunResult, model: str) -> list[Row]:
    """Return the rows of a model."""
    return [row for row in result.rows(REGIMES) if row.model == model]


def significant_parts(result: RunResult, model: str) -> list[Row]:
    """Return the parts in which a model is shown to be better or worse than zero: the adjusted p is at most alpha.

    There are none of a model on which there is too little evidence.
    """
    if status_of(result, model) == "cannot tell":
        return []
    alpha = result.verdict.alpha
    return [row for row in model_rows(result, model) if row.p_adjusted is not None and row.p_adjusted <= alpha]


def status_of(result: RunResult, model: str) -> Status | None:
    """Return the verdict on a model; None where none was given."""
    return next((score.status for score in result.scores if score.model == model), None)


def regimes_title(result: RunResult, model: str) -> str:
    """Return in which parts a model is shown to be better or worse than zero."""
    name, rows, found = label(model), model_rows(result, model), significant_parts(result, model)
    tested = [row for row in rows if row.p_adjusted is not None]
    if not rows:
        return "There are too few forecasts to tell good times from bad ones"
    if not tested:
        return f"Where {name} does better or worse than zero was not tested"
    status = status_of(result, model)
    if status == "cannot tell":
        return f"There is too little evidence to tell where {name} does better or worse than zero"
    if not found:
        nouns = listed([regime_text(regime).noun for regime in dict.fromkeys(row.regime for row in tested)], last="or")
        if status in OVERALL:
            return f"The {OVERALL[status]} of {name} cannot be pinned to any {nouns}; over all forecasts it is shown"
        return f"No {nouns} stands out: nowhere is {name} shown to be better or worse than zero"
    better, worse = ([row for row in found if ((row.skill or 0.0) > 0) == up] for up in (True, False))
    sides = [("better", better), ("worse", worse)]
    texts = [f"{word} than zero {parts_text(parts, tested)}" for word, parts in sides if parts]
    return f"{name} is shown to be {', and '.join(texts)}"


def parts_text(found: Sequence[Row], tested: Sequence[Row]) -> str:
    """Return in which of the tested parts something was found, such as `only at low volatility and on Mondays`."""
    texts: list[str] = []
    only = "only "
    for regime in dict.fromkeys(row.regime for row in found):
        text = regime_text(regime)
        parts = [f"{row.part}s" if text.days else row.part for row in found if row.regime == regime]
        if len(parts) == sum(row.regime == regime for row in tested):
            texts.append(text.every)
            only = ""
        else:
            texts.append(f"{text.before}{listed(parts, MOST_PARTS)}{text.after}")
    return f"{only}{listed(texts)}"
