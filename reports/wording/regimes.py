"""Regimes in words: their names, and for which groups a model is significantly better or worse than the rival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backtest.data.names import Status, label
from backtest.data.result_tables import RECENT, REGIMES
from backtest.reports.formats import listed
from backtest.reports.result import Result
from backtest.reports.rows import Row

MOST_PARTS = 3
"""Groups of a regime that a title names."""


@dataclass(frozen=True, slots=True)
class RegimeText:
    """The name of a regime, the title of its panel and a note on how it is formed.

    A sentence names some of its groups between `before` and `after`, in the plural if they are `days`, and all of
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
    f"Volatility is the root mean square of the last {RECENT} outcomes known before a forecast, split into terciles "
    "over the test period; it is unknown if fewer than half of them are known."
)
VARIANCE = (
    f"The variance beforehand is the mean of the last {RECENT} outcomes known before a forecast, split into terciles "
    "over the test period; it is unknown if fewer than half of them are known."
)
RISES = (
    f"Rises are the share of ups among the last {RECENT} outcomes known before a forecast, split into terciles over "
    "the test period; it is unknown if fewer than half of them are known."
)
REGIME_TEXTS = {
    "volatility": RegimeText(
        *("level of volatility", "Volatility beforehand", BEFOREHAND, "at ", " volatility"), "at every volatility"
    ),
    "variance": RegimeText(
        *("level of variance", "Variance beforehand", VARIANCE, "at ", " variance"), "at every level of variance"
    ),
    "rises": RegimeText(
        *("share of recent rises", "Rises beforehand", RISES, "after ", " rises"), "whatever the share of recent rises"
    ),
    "hour": RegimeText("hour", "Hour (UTC)", OPENS, "at ", " (UTC)", "in every hour"),
    "weekday": RegimeText("weekday", "Weekday (UTC)", OPENS, "on ", "", "on every weekday", days=True),
}


def regime_text(regime: str) -> RegimeText:
    """Return the text of a regime, a generic one if it has none of its own."""
    return REGIME_TEXTS.get(regime) or RegimeText(
        regime, regime.capitalize(), "", "at ", f" ({regime})", f"at every {regime}"
    )


def model_rows(result: Result, model: str) -> list[Row]:
    """Return the rows of a model."""
    return [row for row in result.rows(REGIMES) if row.model == model]


def significant_parts(result: Result, model: str) -> list[Row]:
    """Return the groups in which a model is significantly better or worse than the rival: adjusted p at most alpha.

    There are none for a model with too little evidence.
    """
    if status_of(result, model) == "cannot tell":
        return []
    alpha = result.verdict.alpha
    return [row for row in model_rows(result, model) if row.p_adjusted is not None and row.p_adjusted <= alpha]


def status_of(result: Result, model: str) -> Status | None:
    """Return the verdict on a model; None if there is none."""
    return next((score.status for score in result.scores if score.model == model), None)


def regimes_title(result: Result, model: str) -> str:
    """Return in which groups a model is significantly better or worse than the rival."""
    name, rows, found = label(model), model_rows(result, model), significant_parts(result, model)
    tested = [row for row in rows if row.p_adjusted is not None]
    if not rows:
        return "There are too few forecasts to compare groups"
    if not tested:
        return f"The skill of {name} by group was not tested"
    status, rival = status_of(result, model), result.rival_name
    if status == "cannot tell":
        return f"There is too little evidence to judge where {name} is better or worse than {rival}"
    if not found:
        nouns = listed([regime_text(regime).noun for regime in dict.fromkeys(row.regime for row in tested)], last="or")
        if status in {"better", "worse"}:
            return f"{name} is significantly {status} than {rival} overall, but not for any single {nouns}"
        return f"{name} is not significantly better or worse than {rival} for any {nouns}"
    better, worse = ([row for row in found if ((row.skill or 0.0) > 0) == up] for up in (True, False))
    sides = [("better", better), ("worse", worse)]
    texts = [f"{word} than {rival} {parts_text(parts, tested)}" for word, parts in sides if parts]
    return f"{name} is significantly {', and '.join(texts)}"


def parts_text(found: Sequence[Row], tested: Sequence[Row]) -> str:
    """Return the significant groups among those tested, such as `only at low volatility and on Mondays`."""
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
