"""Every fold against every reference: the numbers of the tables, the counts, and the remark on drift."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backtest.data.result_tables import TESTS
from backtest.reports.blocks import Details, Heading, Table, Text
from backtest.reports.formats import percent
from backtest.reports.run import RunResult, read
from backtest.reports.sections.fold_tests import drift_remark, every_fold, fold_pairs, fold_tests, fold_tests_title
from backtest.significance.multiple_testing import holm
from backtest.significance.robust import diebold_mariano_hall
from tests.support.fake_run import Plan, make

FOLDS, MODELS = range(4), ("mean", "ar", "ridge", "lstm", "gru")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("folds"), Plan(source="folds", folds=len(FOLDS), test=84))


@pytest.fixture(scope="module")
def result(run: Path) -> RunResult:
    return read(run)


def losses(run: Path, model: str, fold: int) -> np.ndarray:
    """Squared errors of a model in a fold."""
    rows = pl.read_parquet(run / "forecasts.parquet").filter(pl.col("seed").is_null(), model=model, fold=fold)
    return np.asarray(((rows["y"] - rows["y_hat"]) ** 2).to_numpy())


def with_skill(result: RunResult, skills: dict[tuple[str, int], float]) -> RunResult:
    """The run with other skills against zero, by model and fold."""
    value = pl.col("value")
    for (model, fold), skill in skills.items():
        row = (pl.col("model") == model) & (pl.col("fold") == fold) & pl.col("seed").is_null()
        value = pl.when(row & (pl.col("metric") == "skill_zero")).then(skill).otherwise(value)
    return replace(result, tables={**result.tables, "scores": result.tables["scores"].with_columns(value=value)})


@pytest.mark.parametrize("reference", ["zero", "naive"])
def test_every_fold_has_skill_test_and_p_adjusted_over_folds_and_models(
    run: Path, result: RunResult, reference: str
) -> None:
    p = {
        (model, fold): diebold_mariano_hall(
            losses(run, model, fold), losses(run, reference, fold), alternative="less"
        ).p_value
        for model in MODELS
        for fold in FOLDS
    }
    adjusted = dict(zip(p, holm([*p.values()]), strict=True))
    pairs = {pair.model: pair for pair in fold_pairs(result) if pair.reference == reference}
    assert set(pairs) == {"lstm", "gru"}
    for model, pair in pairs.items():
        skills = {f: 1 - losses(run, model, f).mean() / losses(run, reference, f).mean() for f in FOLDS}
        assert pair.skills == pytest.approx(skills)
        assert {fold: row.p_value for fold, row in pair.tests.items()} == pytest.approx({f: p[model, f] for f in FOLDS})
        expected = {f: adjusted[model, f] for f in FOLDS}
        assert {fold: row.p_adjusted for fold, row in pair.tests.items()} == pytest.approx(expected)
        assert pair.won == sum(skill > 0 for skill in skills.values())
        assert pair.significant(0.05) == sum(chance <= 0.05 for chance in expected.values())


def test_the_section_shows_counts_median_and_mean_then_every_fold(result: RunResult) -> None:
    heading, summary, *_, details = fold_tests(result)
    assert isinstance(heading, Heading)
    assert isinstance(summary, Table)
    assert isinstance(details, Details)
    (table,) = details.inside
    assert isinstance(table, Table)
    pairs = [("GRU", "zero"), ("GRU", "naive"), ("LSTM", "zero"), ("LSTM", "naive")]
    assert sorted(row[:2] for row in summary.groups[0].rows) == sorted(pairs)
    assert [row[:2] for row in summary.groups[1].rows] == [("mean", "zero"), ("mean", "naive")]
    for row, pair in zip(summary.groups[0].rows, fold_pairs(result), strict=True):
        found = pair.significant(0.05)
        assert row[2:4] == (f"{pair.won} of 4", f"{found} of 4")
        digits = 0 if pair.reference == "naive" else 2
        assert row[4:6] == tuple(percent(float(of(pair.known)), digits) for of in (np.median, np.mean))
    assert {group.label for group in table.groups} == {f"{model} against {name}" for model, name in pairs}
    assert all([row[0] for row in group.rows] == ["0", "1", "2", "3"] for group in table.groups)
    leading = fold_pairs(result)[0]
    assert heading.finding == fold_tests_title(fold_pairs(result), result)
    assert f"in {leading.won} of 4 folds" in heading.finding


def test_folds_without_a_test_say_why_and_runs_of_older_versions_show_the_usual_test(
    result: RunResult, tmp_path: Path
) -> None:
    short = read(make(tmp_path, Plan(source="short", folds=3, test=9)))
    pairs = fold_pairs(short)
    assert {pair.significant(0.05) for pair in pairs} == {None}
    assert fold_tests_title(pairs, short).endswith("of 3 folds, too short to be tested")
    assert "10 or more are needed" in every_fold(pairs, short).caption
    tests = result.tables["tests"].with_columns(
        test=pl.col("test").replace("diebold_mariano_hall", "diebold_mariano"), title=pl.lit("Diebold-Mariano")
    )
    older = replace(result, tables={**result.tables, TESTS.name.lower(): tests})
    assert [pair.tests[0].p_value for pair in fold_pairs(older)] == [
        pair.tests[0].p_value for pair in fold_pairs(result)
    ]


def test_a_run_without_tests_of_folds_still_has_their_skills(result: RunResult) -> None:
    pooled = result.tables["tests"].filter(pl.col("fold").is_null())
    found = replace(result, tables={**result.tables, TESTS.name.lower(): pooled})
    assert [pair.known for pair in fold_pairs(found)] == [pair.known for pair in fold_pairs(result)]
    assert {row[3] for group in every_fold(fold_pairs(found), found).groups for row in group.rows} == {"–"}


def test_one_fold_is_not_counted(tmp_path: Path) -> None:
    single = read(make(tmp_path, Plan(source="one", folds=1, test=84)))
    title = fold_tests_title(fold_pairs(single), single)
    assert "in the only fold" in title
    assert "of 1" not in title


@pytest.mark.parametrize(
    ("drift", "own", "folds"),
    [
        ({1: 0.02, 3: 0.02}, {1: 0.01, 3: 0.02}, "folds 1 and 3 are no larger"),
        ({1: 0.02}, {1: 0.01}, "fold 1 is no larger"),
        ({1: 0.02}, {1: 0.03}, ""),  # the model gains more
        ({1: 0.02}, {1: -0.01}, ""),  # the model gains nothing
        ({1: -0.02}, {1: 0.01}, ""),  # the drift gains nothing
    ],
)
def test_a_gain_that_the_drift_has_too_is_named(
    result: RunResult, drift: dict[int, float], own: dict[int, float], folds: str
) -> None:
    nothing = {(model, fold): -0.1 for model in ("mean", "lstm", "gru") for fold in FOLDS}
    changed = {("mean", fold): skill for fold, skill in drift.items()}
    changed |= {("gru", fold): skill for fold, skill in own.items()}
    found = with_skill(result, nothing | changed)
    remark = drift_remark(fold_pairs(found), found)
    assert (f"of GRU in {folds}" in remark and "LSTM" not in remark) if folds else remark == ""
    assert any(isinstance(block, Text) for block in fold_tests(found)) == bool(folds)


def test_skill_of_the_drift_stands_beside_every_fold(result: RunResult) -> None:
    found = with_skill(result, {("mean", 2): 0.1234})
    table = every_fold(fold_pairs(found), found)
    assert table.columns[-1].label == "Skill of mean"
    assert all(group.rows[2][-1] == percent(0.1234) for group in table.groups if group.label.endswith("zero"))


def test_p_against_naive_is_that_of_the_pooled_test(run: Path, result: RunResult) -> None:
    rows = pl.read_parquet(run / "tests.parquet").filter(pl.col("fold").is_null(), baseline="naive", loss="squared")
    own = rows.filter(test="diebold_mariano", alternative="less").select("model", "p_value")
    assert {score.model: score.other_p for score in result.scores if score.model != "naive"} == dict(own.iter_rows())
