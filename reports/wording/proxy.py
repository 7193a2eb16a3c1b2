"""Where the variance of a bar comes from, in words: how noisy it is, and why forecasts can be ranked by it."""

from __future__ import annotations

import math

from backtest.data.realised import FEWEST_USUAL
from backtest.data.records.manifest import DataCard
from backtest.data.targets import Target
from backtest.reports.formats import counted, decimal, duration, percent, whole

CONSISTENT = (
    "The true variance is never seen. QLIKE and the squared error of variances rank forecasts by an unbiased proxy as "
    "they would by the true variance, only with more noise (Patton, 2011); errors of logarithms or of standard "
    "deviations would not."
)

UNKNOWN = (
    "it is taken from the data as it is: how many returns stand behind a value, and whether closed hours count, is not "
    "in the file."
)


def proxy_text(target: Target, card: DataCard) -> str:
    """Return what the outcomes are made of and how noisy they are; nothing for a target that is no variance."""
    if target.bar_variance is None:
        return ""
    noise = math.sqrt(2 / card.finer.median_returns) if card.finer and card.finer.median_returns else target.noise
    more = "at least " if card.finer and card.finer.overnight and not card.always_open else ""
    error = percent(noise, 0, signed=False)
    size = f"its standard error is {more}about {error} of the variance if returns are normal." if noise else UNKNOWN
    return f"Its {target.title} is the proxy for the variance of a bar: {size} {CONSISTENT}"


def returns_behind(card: DataCard) -> tuple[tuple[str, str], ...]:
    """Return what the realised variances were made of, none where they were not made by the run."""
    finer = card.finer
    if finer is None:
        return ()
    closed = "count: the squared return over them is added" if finer.overnight else "are left out"
    without = (
        f"{counted(finer.bars_without, 'bar')} with too few returns (less than "
        f"{percent(finer.coverage, 0, signed=False)} of those that the calendar expects, or than "
        f"{percent(min(finer.coverage, FEWEST_USUAL), 0, signed=False)} of the median) "
        f"{'has' if finer.bars_without == 1 else 'have'} no value"
        if finer.bars_without
        else "every bar has enough of them"
    )
    text = (
        f"{decimal(finer.median_returns, 0)} returns of {duration(finer.interval_seconds)} behind the median value, at "
        f"least {whole(finer.fewest_returns)}; {without}. Closed hours before a bar {closed}"
    )
    return (("Realised variance", text),)
