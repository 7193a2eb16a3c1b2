"""Tests of what is said of errors: their autocorrelation with a band that holds, and the coverage of intervals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.tsa.stattools import acf

from backtest.reports.blocks import Figure, Heading, Text
from backtest.reports.diagnostics import FEWEST, LAGS, Autocorrelation, Residuals, autocorrelation, autocorrelations
from backtest.reports.figures.residuals import coverage as draw_coverage
from backtest.reports.figures.residuals import residuals as draw_residuals
from backtest.reports.formats import percent
from backtest.reports.rows import Row, row_type
from backtest.reports.run import RunResult, read
from backtest.reports.sections import SECTIONS
from backtest.reports.sections.residuals import (
    coverage_by_level,
    coverage_clause,
    coverage_sentence,
    coverage_table,
    error_sentence,
    lag_clause,
    residuals_of,
    residuals_title,
    size_sentence,
)
from tests.support.candidates import altered
from tests.support.fake_run import Plan, make
from tests.support.strategies import HOUR, SEEDS, opens

Floats = NDArray[np.float64]


def normal(seed: int, *size: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(size)


def of_one(series: Floats, most: int = 20) -> Autocorrelation:
    """What is found of the series of one symbol."""
    return autocorrelation(series, np.zeros(len(series), np.int64), np.arange(len(series)), most)


@given(SEEDS, st.integers(10, 300), st.floats(-1, 1))
def test_autocorrelations_and_their_band_are_those_of_the_formulas(seed: int, n: int, mean: float) -> None:
    series = normal(seed, n) + mean
    found, e = of_one(series, n // 5), series - series.mean()
    np.testing.assert_allclose(found.values, acf(series, nlags=n // 5, fft=False)[1:], atol=1e-10)
    taylor = [np.sqrt(sum(e[t] ** 2 * e[t - k] ** 2 for t in range(k, n))) / sum(e**2) for k in range(1, n // 5 + 1)]
    np.testing.assert_allclose(found.band, 1.96 * np.asarray(taylor), atol=1e-10)


def test_where_the_variance_is_constant_all_lags_together_are_the_test_of_ljung_and_box() -> None:
    for seed in range(5):
        series = normal(seed, 10_000)
        plain = float(acorr_ljungbox(series, lags=[20])["lb_pvalue"].iloc[0])
        assert of_one(series).p_value == pytest.approx(plain, abs=0.08)


def arch(seed: int, draws: int, n: int) -> Floats:
    """Errors (draws, n) without autocorrelation, whose variance depends on the last one."""
    shocks, errors = normal(seed, draws, n), np.zeros((draws, n))
    for t in range(1, n):
        errors[:, t] = shocks[:, t] * np.sqrt(1 + 0.5 * errors[:, t - 1] ** 2)
    return errors


def test_calm_and_wild_times_make_no_false_alarm_where_ljung_and_box_would() -> None:
    draws = arch(0, 300, 600)
    alarms = np.mean([(of_one(series, 5).p_value or 0.0) < 0.05 for series in draws])
    plain = np.mean([float(acorr_ljungbox(series, lags=[5])["lb_pvalue"].iloc[0]) < 0.05 for series in draws])
    outside = np.mean([of_one(series, 5).outside / 5 for series in draws])
    assert plain > 0.15
    assert 0.02 < alarms < 0.085
    assert 0.03 < outside < 0.07


def test_a_memory_is_found_at_its_lag() -> None:
    noise = normal(1, 3_000)
    found = of_one(noise[3:] + 0.2 * noise[:-3])
    assert (found.p_value or 0.0) < 1e-6
    assert int(np.argmax(found.strengths)) == 2
    assert found.values[2] == pytest.approx(0.2 / 1.04, abs=0.03)


def several(lengths: list[int], seed: int) -> tuple[list[Floats], NDArray[np.int64], NDArray[np.int64]]:
    """Series of several symbols that end together, the number of the symbol of each value, and its instant."""
    series = [normal(seed + number, n) for number, n in enumerate(lengths)]
    symbol = np.repeat(np.arange(len(lengths)), lengths)
    return series, symbol, np.concatenate([np.arange(max(lengths) - n, max(lengths)) for n in lengths])


@given(SEEDS, st.lists(st.integers(12, 60), min_size=2, max_size=4))
def test_symbols_are_averaged_and_never_meet(seed: int, lengths: list[int]) -> None:
    series, symbol, instant = several(lengths, seed)
    found = autocorrelation(np.concatenate(series), symbol, instant, 8)
    alone = [acf(one, nlags=8, fft=False)[1:] for one in series]
    np.testing.assert_allclose(found.values, np.average(alone, axis=0, weights=lengths), atol=1e-10)
    scaled = autocorrelation(
        np.concatenate([one * 10.0 ** (3 * k) + k for k, one in enumerate(series)]), symbol, instant, 8
    )
    np.testing.assert_allclose(scaled.values, found.values, atol=1e-9)
    np.testing.assert_allclose(scaled.band, found.band, atol=1e-9)


@given(SEEDS, st.lists(st.integers(12, 40), min_size=1, max_size=3))
def test_the_band_adds_up_what_happens_at_one_time(seed: int, lengths: list[int]) -> None:
    series, symbol, _ = several(lengths, seed)
    rng = np.random.default_rng(seed)
    instants = [np.sort(rng.choice(50, n, replace=False)) for n in lengths]
    found = autocorrelation(np.concatenate(series), symbol, np.concatenate(instants), 3)
    for lag in range(1, 4):
        together = dict.fromkeys(range(50), 0.0)
        for values, times in zip(series, instants, strict=True):
            scaled = (values - values.mean()) / values.std()
            for place in range(lag, len(values)):
                together[int(times[place])] += float(scaled[place] * scaled[place - lag])
        error = np.sqrt(sum(value**2 for value in together.values())) / sum(lengths)
        assert found.band[lag - 1] == pytest.approx(1.96 * error)


def test_a_symbol_that_only_repeats_another_makes_the_band_no_narrower() -> None:
    one = normal(2, 400)
    alone = of_one(one)
    five = autocorrelation(np.tile(one, 5), np.repeat(np.arange(5), 400), np.tile(np.arange(400), 5), 20)
    np.testing.assert_allclose(five.band, alone.band)
    assert five.p_value == pytest.approx(alone.p_value)
    independent = autocorrelation(normal(3, 2_000), np.repeat(np.arange(5), 400), np.tile(np.arange(400), 5), 20)
    assert independent.band.mean() == pytest.approx(alone.band.mean() / np.sqrt(5), rel=0.1)


@pytest.mark.parametrize("value", [0.0, 0.1, -3e-7, 1e5])
def test_errors_that_are_all_the_same_have_no_autocorrelation(value: float) -> None:
    found = of_one(np.full(1_000, value))
    assert found.p_value is None
    assert not found.values.any()
    assert found.outside == 0


def origins(errors: Floats, symbols: int = 1) -> pl.DataFrame:
    """Rows of `side_by_side` whose errors of the model `m` are given, symbol by symbol within a time."""
    steps = np.repeat(np.arange(len(errors) // symbols), symbols)
    times = opens(len(errors) // symbols, HOUR).gather(steps)
    names = [f"S{number}" for number in range(symbols)] * (len(errors) // symbols)
    return pl.DataFrame({"symbol": names, "target_time": times, "y": errors + 0.5, "y_hat:m": 0.5})


def test_of_outcomes_that_overlap_only_those_apart_are_counted() -> None:
    noise = normal(4, 4_004)
    overlapping: Floats = np.sum([noise[k : 4_000 + k] for k in range(5)], axis=0)
    (apart,) = autocorrelations(origins(overlapping), ["m"], 5)
    np.testing.assert_allclose(apart.errors.values, of_one(overlapping[::5], LAGS).values, atol=1e-12)
    assert apart.lags.tolist() == [5 * k for k in range(1, LAGS + 1)]
    assert (apart.errors.p_value or 0.0) > 0.05
    (each,) = autocorrelations(origins(overlapping), ["m"], 1)
    assert (each.errors.p_value or 0.0) < 1e-6


def test_the_overlap_is_counted_symbol_by_symbol() -> None:
    errors = normal(5, 600)
    (found,) = autocorrelations(origins(errors, symbols=2), ["m"], 3)
    parts = [errors[start::2][::3] for start in (0, 1)]
    expected = autocorrelation(
        np.concatenate(parts), np.repeat([0, 1], 100), np.tile(np.arange(100), 2), len(found.lags)
    )
    np.testing.assert_allclose(found.errors.values, expected.values, atol=1e-12)
    np.testing.assert_allclose(found.errors.band, expected.band, atol=1e-12)


@pytest.mark.parametrize(("n", "lags"), [(1, 0), (FEWEST - 1, 0), (FEWEST, 10), (199, 39), (5_000, LAGS)])
def test_lags_are_as_many_as_the_errors_bear(n: int, lags: int) -> None:
    (found,) = autocorrelations(origins(normal(6, n)), ["m"], 1)
    assert len(found.lags) == len(found.errors.values) == len(found.sizes.band) == lags


def test_the_sizes_of_errors_remember_calm_and_wild_times() -> None:
    (found,) = autocorrelations(origins(arch(7, 1, 5_000)[0]), ["m"], 1)
    assert (found.errors.p_value or 0.0) > 0.01
    assert (found.sizes.p_value or 1.0) < 1e-6
    assert found.sizes.values[0] > 0.1
    assert size_sentence(found, 0.05).startswith("Their absolute values are autocorrelated, most clearly at lag 1 (0.")


def coverage(model: str, fold: int | None, level: float, n: int, covered: int) -> Row:
    """How often the intervals of a model held."""
    names = ("model", "horizon", "level", "fold", "n", "covered", "half_width", "share")
    return row_type(*names)(model, 1, level, fold, n, covered, 0.01, covered / n)


def left(*values: float, p: float | None = 0.5) -> Residuals:
    """What is left in the errors of GRU, with a band of 0.1."""
    n = len(values)
    found = Autocorrelation(np.asarray(values), np.full(n, 0.1), p)
    nothing = Autocorrelation(np.zeros(n), np.full(n, 0.1), 1.0)
    return Residuals("gru", np.arange(1, n + 1), found, nothing)


@pytest.mark.parametrize(
    ("found", "title"),
    [
        (left(0.01, 0.2, 0.0), "The errors of GRU show no significant autocorrelation"),
        (left(0.01, -0.2, 0.0, p=0.01), "The errors of GRU are autocorrelated, most strongly at lag 2"),
        (left(0.5, 0.2, 0.3, -0.4, p=0.01), "The errors of GRU are autocorrelated, most strongly at lags 1, 3 and 4"),
        (left(0.09, 0.09, 0.09, p=0.01), "The errors of GRU are autocorrelated"),
        (left(0.0, 0.0, p=None), "The errors of GRU are constant"),
        (left(p=None), "There are too few errors of GRU to test for autocorrelation"),
    ],
)
def test_the_title_follows_the_test_and_names_the_lags(usual: RunResult, found: Residuals, title: str) -> None:
    assert residuals_title(altered(usual, coverages=()), found) == title
    held = [coverage("gru", None, level, 54_691, round(54_691 * share)) for level, share in ((0.5, 0.6), (0.8, 0.9))]
    other = coverage("lstm", None, 0.95, 10, 1)
    assert residuals_title(altered(usual, coverages=(*held, other)), found) == (
        f"{title}; its 80\xa0% intervals were too wide: they covered 90.0\xa0% of 54,691 outcomes"
    )


def test_the_text_counts_lags_and_says_what_chance_would_make() -> None:
    assert "none of 3 lags is outside the band (0.15 expected by chance)" in error_sentence(left(0.0, 0.1, 0.05), 0.05)
    assert "1 of 1 lag is outside the band" in error_sentence(left(0.2), 0.05)
    assert "show no significant autocorrelation" in error_sentence(left(*[0.2] * 40), 0.05)
    loud = error_sentence(left(*[0.2] * 20, *[0.0] * 20, p=0.001), 0.05)
    assert "that its forecasts do not use: 20 of 40 lags are outside the band (2 expected by chance)" in loud
    apart = replace(left(0.2, 0.1), lags=np.asarray([5, 10]))
    assert error_sentence(apart, 0.05).endswith("Outcomes over 5 bars overlap, so only one forecast in 5 is used.")
    assert lag_clause(apart) == ", most strongly at lag 5"


def held(fold: int, share: float, level: float = 0.95) -> Row:
    return coverage("gru", fold, level, 1_000, round(1_000 * share))


def test_the_worst_and_the_best_fold_are_named() -> None:
    rows = [held(1, 0.95), held(2, 0.712), held(3, 0.999), held(4, 0.9)]
    assert coverage_sentence(rows) == (
        "By fold, the 95\xa0% intervals covered from 71.2\xa0% (fold 2) to 99.9\xa0% (fold 3) of the outcomes."
    )
    assert coverage_sentence(rows[:1]) == "The 95\xa0% intervals covered 95.0\xa0% (fold 1)."


def test_folds_that_share_the_worst_or_the_best_are_counted() -> None:
    rows = [held(1, 1.0), held(2, 0.9), held(3, 1.0)]
    assert coverage_sentence(rows).endswith("covered from 90.0\xa0% (fold 2) to 100.0\xa0% (2 folds) of the outcomes.")
    assert coverage_sentence(rows[::2]) == "The 95\xa0% intervals covered 100.0\xa0% in every fold."


@pytest.mark.parametrize(
    ("n", "covered", "words"),
    [
        (1_000, 992, "95\xa0% intervals were too wide: they covered 99.2\xa0% of 1,000 outcomes"),
        (1_000, 900, "95\xa0% intervals were too narrow: they covered 90.0\xa0% of 1,000 outcomes"),
        (100_000, 95_900, "95\xa0% intervals covered 95.9\xa0% of 100,000 outcomes, as intended"),
        (100, 99, "95\xa0% intervals covered 99.0\xa0% of 100 outcomes, within sampling error"),
    ],
)
def test_intervals_are_called_too_wide_or_too_narrow_by_rule(n: int, covered: int, words: str) -> None:
    assert coverage_clause(coverage("gru", None, 0.95, n, covered)) == words


@pytest.mark.parametrize(
    ("values", "p", "words"),
    [
        ((0.05, 0.3), 0.001, "are autocorrelated, most clearly at lag 2 (0.30): large errors follow large ones"),
        ((-0.3, 0.2), 0.001, "are autocorrelated, most clearly at lag 1 (−0.30): small errors follow large ones"),
        ((0.3, 0.2), 0.06, "show no significant autocorrelation."),
        ((0.0, 0.0), None, "are all equal."),
    ],
)
def test_the_sizes_have_a_memory_where_their_test_says_so(
    values: tuple[float, ...], p: float | None, words: str
) -> None:
    found = left(*values, p=p)
    assert words in size_sentence(replace(found, sizes=found.errors), 0.05)


def test_a_level_without_an_interval_in_a_fold_has_a_dash_there(usual: RunResult) -> None:
    rows = [held(2, 0.95), held(1, 0.5, 0.5), held(2, 0.6, 0.5), held(2, 0.9, 0.5)]
    levels = coverage_by_level((*rows[:3], rows[3]._replace(model="lstm")), "gru")
    assert [[row.fold for row in level] for level in levels] == [[2], [1, 2]]
    shown = coverage_table(levels, usual.folds)
    assert [row[0] for row in shown.rows] == ["1", "2"]
    assert [row[3:] for row in shown.rows] == [("–", "50.0\xa0%"), ("95.0\xa0%", "60.0\xa0%")]
    assert draw_coverage(levels, usual.folds, "#0072b2", "alt")


def test_every_stroke_and_every_fold_is_in_the_picture(usual: RunResult) -> None:
    strokes = left(0.01, 0.02, 0.03)
    moved = left(0.01, 0.02, 0.031)
    assert draw_residuals(strokes, "#0072b2", "alt") != draw_residuals(moved, "#0072b2", "alt")
    for fold in (1, 2):
        rows = [held(1, 0.9), held(2, 0.9)]
        changed = [row._replace(covered=850, share=0.85) if row.fold == fold else row for row in rows]
        assert draw_coverage([rows], usual.folds, "#0072b2", "a") != draw_coverage(
            [changed], usual.folds, "#0072b2", "a"
        )


def test_the_section_says_what_the_forecasts_and_earlier_errors_give(usual: RunResult, usual_run: Path) -> None:
    leader = usual.candidates[0].model
    rows = pl.read_parquet(usual_run / "forecasts.parquet").filter(pl.col("seed").is_null(), model=leader).sort("time")
    errors = (rows["y"] - rows["y_hat"]).to_numpy()
    inside = 0
    for fold in (1, 2):
        known = np.abs(errors[: 84 * fold])
        width = np.quantile([*known, np.inf], 0.95, method="inverted_cdf")
        inside += int(np.sum(np.abs(errors[84 * fold : 84 * (fold + 1)]) <= width))
    blocks = SECTIONS["residuals"](usual)
    heading = blocks[0]
    assert isinstance(heading, Heading)
    assert f"intervals covered {percent(inside / 168, 1, signed=False)} of 168 outcomes" in heading.finding
    assert [block.name for block in blocks if isinstance(block, Figure)] == ["residuals", "coverage"]
    (found,) = (one for one in residuals_of(usual) if one.model == leader)
    for part, series in ((found.errors, errors), (found.sizes, np.abs(errors))):
        np.testing.assert_allclose(part.values, acf(series, nlags=LAGS, fft=False)[1:], atol=1e-10)


def test_a_single_fold_says_that_there_are_no_intervals(tmp_path: Path) -> None:
    blocks = SECTIONS["residuals"](read(make(tmp_path, Plan(folds=1, test=80))))
    assert [block.name for block in blocks if isinstance(block, Figure)] == ["residuals"]
    assert any(
        isinstance(block, Text) and block.text.startswith("There are no prediction intervals") for block in blocks
    )
