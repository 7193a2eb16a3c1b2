"""Every entry of the table of joint tests gives rows that the table of results can hold, and finds what is planted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backtest.data.errors import UndefinedTest
from backtest.significance.joint_tests import HORIZON_TESTS, JOINT_TESTS, JointRow
from backtest.significance.result import FloatArray
from tests.support.resamples import ranked_losses

PLANTED = ranked_losses(zero=0.6, naive=1.2, good=0.2, bad=0.9)
PLANTED["mean"] = PLANTED["zero"]


def rows(test: str, losses: dict[str, FloatArray] = PLANTED, *, seed: int = 0, alpha: float = 0.05) -> list[JointRow]:
    return JOINT_TESTS[test].run(losses, baseline="zero", horizon=2, alpha=alpha, seed=seed)


@pytest.mark.parametrize("test", JOINT_TESTS)
def test_rows_name_models_and_hold_plain_values(test: str) -> None:
    found = rows(test)
    assert {row.model for row in found} <= {None, *PLANTED}
    assert len({row.model for row in found}) == len(found)
    for row in found:
        assert row.p_value is None or (type(row.p_value) is float and 0 <= row.p_value <= 1)
        assert type(row.selected) in (bool, type(None))
        assert (row.p_value, row.selected) != (None, None)
        assert "1,000 resamples" in row.note
    assert rows(test) == found


@pytest.mark.parametrize(
    "asks", [*(test.asks for test in JOINT_TESTS.values()), *(test.asks for test in HORIZON_TESTS.values())]
)
def test_each_test_asks_one_question(asks: str) -> None:
    assert asks.endswith("?")
    assert "\n" not in asks
    assert asks[0].isupper()


@pytest.mark.parametrize("test", JOINT_TESTS)
def test_a_lone_baseline_is_undefined(test: str) -> None:
    with pytest.raises(UndefinedTest, match="at least two models"):
        rows(test, {"zero": PLANTED["zero"]})


@pytest.mark.parametrize("test", ["model_confidence_set", "superior_predictive_ability"])
def test_the_seed_reaches_the_draws(test: str) -> None:
    close = ranked_losses(n=100, zero=0.50, one=0.45, other=0.43)
    seen = {tuple((row.p_value, row.note) for row in rows(test, close, seed=seed)) for seed in range(3)}
    assert len(seen) > 1


@pytest.mark.parametrize("test", HORIZON_TESTS)
def test_a_rival_without_loss_at_a_horizon_leaves_all_horizons_together_undefined(test: str) -> None:
    still = {1: PLANTED["zero"], 5: np.zeros(400)}
    with pytest.raises(UndefinedTest, match="losses at horizon 5"):
        HORIZON_TESTS[test].run(still, {1: PLANTED["naive"], 5: np.zeros(400)}, 0)


def test_planted_skill_is_found_by_all() -> None:
    chosen = {row.model: row.selected for row in rows("model_confidence_set")}
    assert chosen == {"good": True, "zero": False, "mean": False, "naive": False, "bad": False}
    (joint,) = rows("superior_predictive_ability")
    assert (joint.model, joint.p_value, joint.selected) == (None, 0, None)
    assert joint.note.startswith("p < 0.001; mean has the same losses as zero")
    better = {row.model: row.selected for row in rows("stepwise")}
    assert better == {"naive": False, "good": True, "bad": False, "mean": False}


def test_alpha_decides_what_is_selected() -> None:
    close = ranked_losses(n=100, zero=0.50, one=0.45, other=0.43)
    for test, fewer_at in (("model_confidence_set", 0.95), ("stepwise", 0.01)):
        counts = {alpha: sum(bool(row.selected) for row in rows(test, close, alpha=alpha)) for alpha in (0.01, 0.95)}
        assert counts[fewer_at] == min(counts.values()) < max(counts.values())


def test_p_values_of_zero_are_explained() -> None:
    notes = {row.model: (row.p_value, row.note.startswith("p < 0.001; ")) for row in rows("model_confidence_set")}
    assert notes["naive"] == (0, True)
    assert notes["good"] == (1, False)


def test_the_table_is_read_without_waiting_for_arch() -> None:
    code = "import sys, backtest.significance.joint_tests; print('arch' in sys.modules)"
    command, root = [sys.executable, "-c", code], Path(__file__).parents[2]
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)  # noqa: S603
    assert answer.stdout.strip() == "False"
