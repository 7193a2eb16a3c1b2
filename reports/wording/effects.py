"""Gains and p-values as a line says them, never "p = 0.00" or "-0.0 %"."""

from __future__ import annotations

import math

from backtest.reports.formats import decimal, p_value, plain, size

MOST_DECIMALS = 4


def effect_text(skill: float, low: float | None, high: float | None, loss: str = "MSE") -> str:
    """What a model gains on its rival, with its 95 % interval, whose signs are those of the gain: plus is better.

    "MSE 0.4 % lower (-0.3 to +1.1 %)"; "MSE 1.2 % higher (-2.3 to -0.1 %)". The interval's width decides on the
    decimals, and neither the gain nor an end but 0 itself is rounded to 0.
    """
    direction = "higher" if skill < 0 else "lower"
    if low is None or high is None:
        return f"{loss} {size(100 * skill, 1)} % {direction}"
    decimals = _decimals(100 * (high - low) / 2)
    while decimals < MOST_DECIMALS and any(end and not round(100 * end, decimals) for end in (skill, low, high)):
        decimals += 1
    ends = (plain(decimal(100 * end, decimals, signed=True)) for end in (low, high))
    return f"{loss} {size(100 * skill, decimals)} % {direction} ({' to '.join(ends)} %)"


def _decimals(half_width: float) -> int:
    """Decimals that show the first digit of an interval's half width, and the second where the first is 1."""
    return min(max(math.ceil(-math.log10(half_width / 2)), 1), MOST_DECIMALS) if half_width > 0 else MOST_DECIMALS


def short_p(value: float, alpha: float) -> str:
    """Return a p-value in plain signs: 0.031, < 0.001."""
    return plain(p_value(value, alpha))


def equal_p(value: float, alpha: float) -> str:
    """Return a p-value after its sign: `= 0.031`, `< 0.001`."""
    shown = short_p(value, alpha)
    return shown if shown.startswith("<") else f"= {shown}"
