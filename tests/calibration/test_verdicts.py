"""Verdicts on made-up forecasts: the truth is what it is said to be, and what is counted is what the rule says."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from backtest.data.losses import LOSSES
from backtest.data.names import BEST
from backtest.data.targets import TARGETS
from backtest.verdict.record import evidence_of
from backtest.verdict.rule import judge
from tests.calibration import __main__ as command
from tests.calibration import verdict_plan
from tests.calibration.cases import CANDIDATE, CASES, COST
from tests.calibration.findings import Planted, Rate
from tests.calibration.many import LEAD
from tests.calibration.sizes import JOINT_SIZES
from tests.calibration.verdict_page import above, rates, write
from tests.calibration.verdict_plan import FULL, HORIZONS, JOINT_CELLS, LENGTHS, VerdictFindings, VerdictPlan
from tests.calibration.verdicts import (
    OVER_HORIZONS,
    count_over_horizons,
    count_verdicts,
    evidence_on,
    judge_better,
    tables,
)
from tests.calibration.volatility import (
    PROXIES,
    SHOCK,
    draw_variances,
    make_bars,
    noisy,
    too_large,
    too_small,
)
from tests.calibration.walks import VARIANCES, judge_variances
from tests.calibration.worlds import KINDS, generator
from tests.support.selection import quick_or_slow

pytestmark = pytest.mark.integration

DRAWN = [
    "returns, against another model",
    "direction, against the base rate",
    "realised variance: noisy against too large",
]
"""Cases of three targets, and with each kind of rival."""


@pytest.mark.parametrize("proxy", PROXIES)
def test_outcomes_have_the_mean_that_they_are_said_to_have(proxy: str) -> None:
    drawn = draw_variances(proxy, (1, 5, 22), 100_000, generator("means", proxy))
    for y, mean in drawn.values():
        assert np.mean(y / mean) == pytest.approx(1, abs=0.03)
        calm, wild = mean < np.median(mean), mean >= np.median(mean)
        assert np.mean(y[calm] / mean[calm]) == pytest.approx(np.mean(y[wild] / mean[wild]), abs=0.06)


def test_outcomes_are_sums_over_the_next_bars_of_the_same_origins() -> None:
    drawn = draw_variances("realised variance", (1, 2, 5), 300, generator("sums"))
    one, two, five = (drawn[horizon][0] for horizon in (1, 2, 5))
    np.testing.assert_allclose(two[:-1], one[:-1] + one[1:])
    np.testing.assert_allclose(five[:-4], one[:-4] + one[1:-3] + one[2:-2] + one[3:-1] + one[4:])


@pytest.mark.parametrize("errs", [noisy, too_large, too_small])
def test_errors_cost_what_they_are_said_to_cost(errs: object) -> None:
    assert callable(errs)
    logs = errs(COST, 400_000, generator("cost", getattr(errs, "__name__", "")))
    assert np.mean(np.exp(-logs) + logs - 1) == pytest.approx(COST, rel=0.03)
    assert not errs(0.0, 10, generator("none")).any()


@pytest.mark.parametrize("case", quick_or_slow(CASES, DRAWN))
def test_the_candidate_is_as_good_as_the_rival_or_better_by_the_strength(case: str) -> None:
    question, strength = CASES[case].question, CASES[case].strengths[-1]
    for better in (0.0, strength):
        y, forecasts = CASES[case].draw(1, 400_000, better, generator("truth", case))
        of_candidate, *others = (LOSSES[question.loss](y, forecasts[name]) for name in (CANDIDATE, *question.rivals))
        of_rival = min(others, key=np.mean)
        difference = of_rival - of_candidate
        unit = np.mean(of_rival) if question.rival == "zero" else 1.0
        error = float(difference.std()) / unit * (10 / y.size) ** 0.5  # neighbours resemble each other
        assert difference.mean() / unit == pytest.approx(better, abs=4 * error)
        assert error < strength / 4


def test_every_target_has_its_verdict_measured_against_its_own_rival_and_another() -> None:
    for target in ("log_return", "log_variance", "direction"):
        rivals = {case.question.rival for case in CASES.values() if case.question.target == target}
        assert TARGETS[target].rival in rivals
        assert len(rivals - {BEST}) == 2


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_that_on_all_tables_of_a_run(case: str) -> None:
    rng, question = generator("same", case), CASES[case].question
    for strength in (0.0, CASES[case].strengths[-1]):
        lead = LEAD * question.weighted
        drawn = {5: CASES[case].draw(5, 300 + lead, strength, rng)}
        forecasts, folds = tables(drawn, lead)
        whole = evidence_of(forecasts, folds, question=question)
        (made,), (expected,) = (
            judge(each, candidates=(CANDIDATE,)).candidates for each in (evidence_on(question, drawn), whole)
        )
        for name in ("skill", "p_value", "p_worse", "p_adjusted", "p_worse_adjusted", "detectable", "worst_p"):
            assert getattr(made, name) == pytest.approx(getattr(expected, name), rel=1e-12), name
        assert (made.status, made.n, made.fragile) == (expected.status, expected.n, expected.fragile)


def test_counts_are_of_all_samples_and_the_same_again() -> None:
    case = "squared returns: too small against noisy"
    first, again, other = (count_verdicts(case, 5, 250, 20, block) for block in (0, 0, 1))
    assert first == again != other
    assert sum(first.values()) == 20
    assert count_verdicts(case, 22, 200, 3, 0) == {"cannot tell": 3}


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", quick_or_slow(["returns, against zero", "direction, against the base rate"], ["returns, against zero"])
)
def test_the_verdict_keeps_its_size_where_loss_differences_have_no_long_tail(case: str) -> None:
    assert count_verdicts(case, 1, 1000, 200, 0).get("better", 0) <= 0.05 * 200 + 3 * (0.05 * 0.95 * 200) ** 0.5


def test_a_much_better_model_is_found() -> None:
    found = judge_better("realised variance: noisy against too large", 1, 1000, 0.04, 5, 0)
    assert all(better and skill > detectable > 0 for skill, detectable, better in found)


def test_errors_over_horizons_are_counted_for_the_verdict_and_both_tests() -> None:
    counts = count_over_horizons("realised variance", 250, 10, 0)
    assert set(counts) == set(OVER_HORIZONS)
    assert all(0 <= count <= 6 for count in counts.values())


def test_squared_returns_of_the_bars_follow_a_log_har() -> None:
    returns = np.diff(np.log(make_bars(6000, 0)["close"].to_numpy()))
    v = returns**2
    logs = [np.log(np.convolve(v, np.ones(lag) / lag)[21 : len(v) - 1]) for lag in (1, 5, 22)]
    x = np.column_stack([np.ones(len(v) - 22), *logs])
    coefficients, residuals, *_ = np.linalg.lstsq(x, np.log(v[22:]), rcond=None)
    np.testing.assert_allclose(coefficients[1:], [0.3, 0.3, 0.25], atol=0.06)
    assert residuals[0] / len(x) == pytest.approx(SHOCK**2, rel=0.05)


def test_a_walk_over_variances_is_judged_against_log_har() -> None:
    (world,) = judge_variances("HAR and ridge, 1 bar ahead", 1, 0)
    assert set(world) == {"har", "ridge"}


def made_up(better: int) -> VerdictFindings:
    """Findings in which `better` of 1,000 equally good models are called better, and all else is as promised."""
    samples = Planted((0.02,) * 100, (0.03,) * 100, (True,) * 70 + (False,) * 30)
    strong = Planted((0.04,) * 100, (0.03,) * 100, (True,) * 90 + (False,) * 10)
    equal = {(horizon, n): {"better": better, "no evidence": 1000 - better} for horizon in HORIZONS for n in LENGTHS}
    return VerdictFindings(
        equal=dict.fromkeys(CASES, equal),
        better={case: dict(zip(one.strengths[:2], (samples, strong), strict=True)) for case, one in CASES.items()},
        over_horizons={
            name: {(proxy, n): Rate(25, 500) for proxy in PROXIES for n in LENGTHS} for name in OVER_HORIZONS
        },
        joint={name: {(kind, *cell): Rate(25, 500) for kind in KINDS for cell in JOINT_CELLS} for name in JOINT_SIZES},
        walks={name: [{"har": "worse", "ridge": "no evidence"}] * 100 for name in VARIANCES},
    )


@pytest.mark.parametrize(("better", "kept"), [(50, True), (90, False)])
def test_promises_are_said_to_be_kept_or_broken(better: int, kept: bool, tmp_path: Path) -> None:
    findings = made_up(better)
    for name in ("first", "second"):
        write(findings, FULL, tmp_path / name, command="make calibrate", today=date(2026, 1, 2))
    text = (tmp_path / "first").read_text("utf-8")
    assert text == (tmp_path / "second").read_text("utf-8")
    assert all(above(rates(findings, case, "better")) != kept for case in CASES)
    assert text.count("| **no** |") == (0 if kept else len(CASES))
    assert ("**9.0** ↑" in text) != kept
    assert "{{" not in text
    assert "\n\n\n" not in text


def test_the_command_measures_the_verdicts_and_writes_their_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict_plan, "QUICK", VerdictPlan(equal=2, better=2, over_horizons=1, joint=1, worlds=1))
    some: dict[str, object] = {"LENGTHS": (250,), "HORIZONS": (1,), "JOINT_CELLS": ((5, 120),)}
    whole: list[tuple[str, Mapping[str, object]]]
    whole = [("CASES", CASES), ("VARIANCES", VARIANCES), ("KINDS", KINDS), ("PROXIES", PROXIES)]
    some |= {name: dict(list(value.items())[:1]) for name, value in whole}
    for name, each in some.items():
        for module in ("verdict_plan", "verdict_page"):
            monkeypatch.setattr(f"tests.calibration.{module}.{name}", each)
    arguments = ["calibration", "--quick", "--only", "verdicts", "--jobs", "1", "--out", str(tmp_path / "page.md")]
    monkeypatch.setattr(sys, "argv", arguments)
    command.main()
    assert "Per cent of 2 samples" in (tmp_path / "docs" / command.VERDICTS).read_text("utf-8")
    assert not (tmp_path / "page.md").exists()
