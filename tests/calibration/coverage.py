"""How often the 95 % interval of the skill holds the true skill."""

from __future__ import annotations

from backtest.data.errors import UndefinedTest
from backtest.significance.equal_accuracy import skill_interval
from tests.calibration.worlds import generator, with_skill

SKILLS = (0.0, 0.05)


def count_covered(kind: str, horizon: int, n: int, skill: float, draws: int, block: int) -> list[int]:
    """How many of so many intervals hold `skill`, and how many are undefined; `block` is the seed."""
    covered = undefined = 0
    targets, forecasts = with_skill(kind, horizon, n, draws, skill, generator("skill", kind, horizon, n, block))
    for y, forecast in zip(targets, forecasts, strict=True):
        try:
            interval = skill_interval((y - forecast) ** 2, y**2, horizon=horizon)
        except UndefinedTest:
            undefined += 1
        else:
            covered += interval.low <= skill <= interval.high
    return [covered, undefined]
