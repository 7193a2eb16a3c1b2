"""Many models at once: what is counted is what is called better, and the page follows from the numbers."""

from __future__ import annotations

from datetime import date
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.calibration.findings import Rate
from tests.calibration.many import LEAD, RETURNS, WAYS, count_false_claims, count_found, judge_detectable, skewed
from tests.calibration.many_page import FAMILIES, FOUND, FULL, LENGTHS, VERDICTS_WAY, ManyFindings, write
from tests.calibration.worlds import generator


def findings(share: float, power: float, found: float) -> ManyFindings:
    """The same share of false claims in every cell, the same power, and the same share of true claims by max-t."""
    rates = {"equal": Rate(round(100 * share), 100), "found": Rate(round(400 * found), 400), "holm": Rate(100, 400)}
    return ManyFindings(
        {way: {(world, *cell): rates["equal"] for world, cell in product(RETURNS, FAMILIES)} for way in WAYS},
        {way: dict.fromkeys(FOUND, rates["holm" if way == WAYS[0] else "found"]) for way in WAYS},
        {key: (0.02, Rate(round(400 * power), 400)) for key in product(RETURNS, LENGTHS, (0, 1))},
    )


@pytest.mark.parametrize(
    ("share", "power", "found", "broken"),
    [(0.05, 0.8, 0.5, 0), (0.2, 0.8, 0.5, 5), (0.05, 0.7, 0.5, 5), (0.05, 0.8, 0.3, 1)],
)
def test_a_promise_is_kept_or_not_by_its_numbers(
    tmp_path: Path, share: float, power: float, found: float, broken: int
) -> None:
    page = tmp_path / "page.md"
    write(findings(share, power, found), FULL, page, command="make calibrate", today=date(2026, 1, 1))
    text = page.read_text("utf-8")
    assert text.count("| **no** |") == broken
    assert text.count("| yes |") == 2 * len(RETURNS) + 1 - broken


def test_the_same_block_counts_the_same_and_weighting_finds_more() -> None:
    counts = count_found(2, 0.9, 1000, 4, 0)
    assert counts == count_found(2, 0.9, 1000, 4, 0)
    assert counts.keys() == {*WAYS}
    assert count_false_claims("skewed", 2, 250, 4, 1)[VERDICTS_WAY] <= 1


def test_the_skewed_world_is_as_skewed_as_it_says() -> None:
    y = skewed(2_000_000, generator("skewness"))
    assert y.mean() == pytest.approx(0, abs=0.01)
    assert np.mean(y**3) / np.mean(y**2) ** 1.5 == pytest.approx(-3.7, abs=0.2)


def test_a_skill_that_is_called_detectable_is_found_in_most_samples_of_a_burst() -> None:
    samples = judge_detectable("burst", 1000, 1, 60, 0)
    assert np.mean([found for _, found in samples]) == pytest.approx(0.8, abs=0.15)
    assert LEAD >= 50
