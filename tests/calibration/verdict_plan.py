"""How much is measured of verdicts on every target and of tests of several models or horizons, and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path

from backtest.walk.environment import source_files
from tests.calibration.cases import CASES
from tests.calibration.findings import Cell, Planted, Rate
from tests.calibration.plan import WORLDS, parts
from tests.calibration.sizes import JOINT_SIZES, count_joint_errors
from tests.calibration.store import STATISTICS, WALKS, Measurement, measure_all
from tests.calibration.verdicts import OVER_HORIZONS, count_over_horizons, count_verdicts, judge_better
from tests.calibration.volatility import PROXIES
from tests.calibration.walks import VARIANCES, judge_variances
from tests.calibration.worlds import KINDS

SAMPLES, JOINT_SAMPLES = 250, 50
"""At most so many verdicts, and samples that are resampled, are measured together."""

HERE = Path(__file__).parent
VERDICTS = (
    *source_files(*(f"backtest.{room}" for room in ("data", "evaluation", "significance", "verdict"))),
    *(HERE / f"{name}.py" for name in ("cases", "volatility")),
)
"""The code that a verdict on made-up forecasts is computed by."""

HORIZONS, LENGTHS = (1, 5, 22), (250, 1000, 4000)
"""Horizons and numbers of forecasts of the verdicts on equally good models."""

POWER_CELL = (1, 1000)
"""Horizon and number of forecasts of the verdicts on better models."""

JOINT_CELLS = ((1, 120), (1, 1200), (5, 120), (5, 250), (24, 1000), (24, 1200))
"""Horizons and numbers of forecasts of the tests of several models at once."""


@dataclass(frozen=True, slots=True)
class VerdictPlan:
    """Samples of each cell: of equally good models, of each better one, of runs at several horizons, of joint tests.

    `worlds` are those of each walk over variances.
    """

    equal: int
    better: int
    over_horizons: int
    joint: int
    worlds: int


FULL = VerdictPlan(equal=1000, better=400, over_horizons=500, joint=500, worlds=300)
QUICK = VerdictPlan(equal=50, better=25, over_horizons=25, joint=10, worlds=10)


@dataclass(frozen=True, slots=True)
class VerdictFindings:
    """All that was measured.

    `equal` holds how many samples got each status, by case, horizon and number of forecasts; `better` the samples of
    better models by case and strength, ascending; `over_horizons` and `joint` the rates of error by name and cell;
    `walks` the statuses of a walk's models in each world.
    """

    equal: Mapping[str, Mapping[tuple[int, int], Mapping[str, int]]]
    better: Mapping[str, Mapping[float, Planted]]
    over_horizons: Mapping[str, Mapping[tuple[str, int], Rate]]
    joint: Mapping[str, Mapping[Cell, Rate]]
    walks: Mapping[str, Sequence[Mapping[str, str]]]


def carry_out(plan: VerdictPlan, folder: Path, jobs: int, tell: Callable[[int, int], None]) -> VerdictFindings:
    """Measure all that `plan` asks for; `folder` keeps the results, `tell` hears how many of how many are there."""
    found = measure_all(list(_measurements(plan)), folder, jobs, tell)
    equal: dict[str, dict[tuple[int, int], Mapping[str, int]]] = {case: {} for case in CASES}
    for (case, horizon, n), blocks in found[count_verdicts].items():
        equal[case][horizon, n] = sum(map(Counter, blocks), Counter())
    better: dict[str, dict[float, Planted]] = {case: {} for case in CASES}
    for (case, *_, strength), blocks in found[judge_better].items():
        better[case][strength] = Planted(*zip(*chain(*blocks), strict=True))
    over: dict[str, dict[tuple[str, int], Rate]] = {name: {} for name in OVER_HORIZONS}
    for (proxy, n), blocks in found[count_over_horizons].items():
        for name, rates in over.items():
            rates[proxy, n] = Rate(sum(block[name] for block in blocks), plan.over_horizons)
    joint: dict[str, dict[Cell, Rate]] = {name: {} for name in JOINT_SIZES}
    for (kind, horizon, n), blocks in found[count_joint_errors].items():
        for name, cells in joint.items():
            wrong, undefined = (sum(block[name][place] for block in blocks) for place in (0, 1))
            cells[kind, horizon, n] = Rate(wrong, plan.joint, undefined)
    walks = {name: list(chain(*blocks)) for (name,), blocks in found[judge_variances].items()}
    return VerdictFindings(equal, better, over, joint, walks)


def _measurements(plan: VerdictPlan) -> Iterator[Measurement]:
    """The most important first, so that a measurement that is stopped has them."""
    for case, n, horizon in product(CASES, LENGTHS, HORIZONS):
        for part in parts(plan.equal, SAMPLES):
            yield Measurement(count_verdicts, (case, horizon, n), part, VERDICTS)
    for case, one in CASES.items():
        for strength, part in product(one.strengths, parts(plan.better, SAMPLES)):
            yield Measurement(judge_better, (case, *POWER_CELL, strength), part, VERDICTS)
    for proxy, n, part in product(PROXIES, LENGTHS, parts(plan.over_horizons, JOINT_SAMPLES)):
        yield Measurement(count_over_horizons, (proxy, n), part, VERDICTS)
    for name, part in product(VARIANCES, parts(plan.worlds, WORLDS)):
        yield Measurement(judge_variances, (name,), part, (*WALKS, HERE / "volatility.py"))
    for kind, cell, part in product(KINDS, JOINT_CELLS, parts(plan.joint, JOINT_SAMPLES)):
        yield Measurement(count_joint_errors, (kind, *cell), part, STATISTICS)
