"""Golden cases of arch's tests with their saved resamples, and losses of models whose order is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from backtest.significance.resampling import Resampling
from backtest.significance.result import FloatArray
from tests.support.places import SHARED, shared

CASES: list[dict[str, Any]] = (
    json.loads(shared("reference", "mcs", "expected.json").read_text())["cases"] if SHARED else []
)


@dataclass(frozen=True, slots=True)
class Saved:
    """A bootstrap that draws the saved rows (reps, n)."""

    data: npt.NDArray[Any]
    rows: npt.NDArray[np.int64]

    def bootstrap(self, reps: int) -> Iterator[tuple[tuple[npt.NDArray[Any]], dict[str, Any]]]:
        assert len(self.rows) == reps
        for row in self.rows:
            yield (self.data[row],), {}


def name(case: dict[str, Any]) -> str:
    return f"{case['input']}-{case['bootstrap']}-{case['block_size']}"


def golden_losses(case: dict[str, Any]) -> dict[str, FloatArray]:
    return {column.name: column.to_numpy() for column in pl.read_csv(shared("reference", "mcs", case["input"]))}


def golden_resampling(case: dict[str, Any]) -> Resampling:
    rows = pl.read_csv(shared("reference", "mcs", case["indices"]), has_header=False).to_numpy()
    return Resampling(case["reps"], block=case["block_size"], bootstrap=lambda data, block, seed: Saved(data, rows))


def ranked_losses(n: int = 400, seed: int = 0, **errors: float) -> dict[str, FloatArray]:
    """Squared errors of models by the standard deviation of what each adds to one error that all share."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    return {model: (common + error * rng.normal(size=n)) ** 2 for model, error in errors.items()}
