"""Runs of several horizons are compared at each that they share, and every line says at which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from backtest.comparison.compare import compare, compare_runs
from backtest.comparison.runs import read_runs
from backtest.data.errors import ConfigError
from backtest.data.records.comparison import Pair
from backtest.reports import ComparisonResult, write
from backtest.reports.blocks import Details, Figure, Heading, Table, walk
from backtest.reports.compared import from_tables
from backtest.reports.formats import plain
from backtest.reports.report import compose
from backtest.reports.sections.compared_runs import horizons_item, verdict_of
from backtest.reports.sections.pairs import pairs, pairs_table
from backtest.reports.wording.comparison import headline
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.multiple_testing import holm
from backtest.significance.result import FloatArray
from tests.support.command import call
from tests.support.compared_runs import FEW, forecasts_of, rewrite, two

pytestmark = pytest.mark.integration

SHORT, LONG = 1, 5
COLD = replace(FEW, horizons=(SHORT, LONG), signals=(0.1, 0.1))
WARM = replace(FEW, horizons=(SHORT, LONG), signals=(0.12, 0.5))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Two runs whose networks know different amounts at the longer horizon."""
    return two(tmp_path_factory.mktemp("horizons"), COLD, WARM)


@pytest.fixture(scope="module")
def result(runs: tuple[Path, ...]) -> ComparisonResult:
    return result_of(runs)


def result_of(runs: Sequence[Path]) -> ComparisonResult:
    """The comparison of these runs, as its report reads it."""
    compared = compare(read_runs(runs))
    return from_tables(compared.record, compared.verdict, compared.tables)


def squared_errors(run: Path, model: str, horizon: int) -> FloatArray:
    """Squared errors of a model's mean over seeds, in the order of time."""
    rows = forecasts_of(run).filter(pl.col("seed").is_null(), model=model, horizon=horizon).sort("time")
    return ((rows["y"] - rows["y_hat"]) ** 2).to_numpy()


def pair_at(result: ComparisonResult, horizon: int, model: str = "lstm") -> Pair:
    """The pair of a model at a horizon."""
    return next(pair for pair in result.found.pairs if (pair.model, pair.horizon) == (model, horizon))


def test_a_pair_is_tested_at_every_horizon_with_the_overlap_of_its_own(
    runs: tuple[Path, ...], result: ComparisonResult
) -> None:
    assert result.found.horizons == result.horizons == (SHORT, LONG)
    for horizon in (SHORT, LONG):
        first, second, zero = (
            squared_errors(run, model, horizon)
            for run, model in ((runs[0], "lstm"), (runs[1], "lstm"), (runs[0], "zero"))
        )
        pair = pair_at(result, horizon)
        assert pair.p_value == pytest.approx(diebold_mariano(first, second, horizon=horizon).p_value, rel=1e-9)
        assert pair.difference == pytest.approx((first.mean() - second.mean()) / zero.mean(), rel=1e-9)


def test_pairs_at_all_horizons_are_adjusted_together(result: ComparisonResult) -> None:
    tested = [pair for pair in result.found.pairs if pair.p_value is not None]
    assert [(pair.model, pair.horizon) for pair in tested if pair.group == "question"] == [("lstm", 1), ("lstm", 5)]
    assert result.found.family == len(tested) >= 2
    assert [pair.p_adjusted for pair in tested] == holm(
        [pair.p_value for pair in tested if pair.p_value is not None]
    ).tolist()


def test_the_verdict_judges_all_models_at_all_horizons_as_one_family(
    runs: tuple[Path, ...], result: ComparisonResult
) -> None:
    verdict = result.verdict
    raw = {
        (f"{run.name}:lstm", horizon): diebold_mariano(
            *(squared_errors(run, model, horizon) for model in ("lstm", "zero")), horizon=horizon, alternative="less"
        ).p_value
        for run in runs
        for horizon in (SHORT, LONG)
    }
    claimed = {(claim.model, claim.horizon): claim for claim in verdict.claims}
    assert {key: claimed[key].p_value for key in raw} == pytest.approx(raw, rel=1e-9)
    assert verdict.comparisons == len(claimed)
    assert [claim.p_adjusted for claim in verdict.claims] == holm([claim.p_value for claim in verdict.claims]).tolist()


def test_each_line_says_its_horizon(result: ComparisonResult) -> None:
    both = (
        r"LSTM of warm is better than LSTM of cold at 1 and 5 bars, by 0\.\d+ and 26\.\d+ % of zero's squared error\."
    )
    assert re.fullmatch(both, plain(headline(result)))
    unclear = tuple(
        replace(pair, finding="no difference") if pair.horizon == SHORT else pair for pair in result.leading
    )
    found = headline(replace(result, found=replace(result.found, pairs=unclear)))
    assert found.startswith("LSTM of warm is better than LSTM of cold at 5 bars, by ")
    assert found.endswith("no significant difference between LSTM of cold and of warm at 1 bar.")
    opening = "LSTM of cold against that of warm at"
    assert [line.partition(" bar")[0] for line in verdict_of(result).sentences] == [f"{opening} 1", f"{opening} 5"]
    table = pairs_table(result)
    place = [column.label for column in table.columns].index("Bars ahead")
    assert [row[place] for row in table.rows] == [str(pair.horizon) for pair in result.found.pairs]


def test_the_report_shows_every_horizon(result: ComparisonResult) -> None:
    heading, figure, folded, table, *_ = pairs(result)
    assert isinstance(heading, Heading)
    assert isinstance(figure, Figure)
    assert isinstance(folded, Details)
    assert isinstance(table, Table)
    assert {heading.finding.split(":")[0], folded.summary.split(":")[0]} == {"At 1 bar", "At 5 bars"}
    document = compose(result)
    assert document.subtitle.endswith("1 and 5 bars ahead")
    names = [block.name for section in document.sections for block in walk(section.blocks) if isinstance(block, Figure)]
    assert len(set(names)) == len(names)
    assert {"horizons", "pairs", "pair_paths", "forest"} <= set(names)
    for name in ("pairs", "pair_paths", "forest"):
        assert any(one.startswith(f"{name}_") for one in names), name


def test_horizons_that_not_all_runs_have_are_named(tmp_path: Path) -> None:
    found = result_of(two(tmp_path, COLD, replace(WARM, horizons=(LONG, 22), signals=(0.1, 0.1))))
    assert found.found.horizons == (LONG,)
    assert [run.horizons for run in found.found.runs] == [(SHORT, LONG), (LONG, 22)]
    item = horizons_item(found)
    assert (item.tone, item.word, item.detail) == ("care", "5 bars", "left out: 1 bar of cold and 22 bars of warm")
    assert "1 bar of cold and 22 bars of warm" in verdict_of(found).remark
    assert " at 5 bars" in headline(found)
    assert compose(found).subtitle.endswith("5 bars ahead")


def test_forecasts_are_counted_at_one_horizon(result: ComparisonResult) -> None:
    assert (result.found.rows, result.found.times) == (252, 252)
    assert [(run.forecasts, run.left_out) for run in result.found.runs] == [(252, 0)] * 2


def test_what_the_runs_claim_at_other_horizons_stays_in_the_family(tmp_path: Path) -> None:
    both = two(tmp_path, COLD, replace(FEW, signal=0.2))
    one = two(tmp_path / "one", FEW, replace(FEW, signal=0.2))
    claims = [claim for claim in read_runs(both)[0].verdict.claims if claim.horizon == LONG]
    assert len(claims) >= 2
    assert result_of(both).verdict.comparisons == result_of(one).verdict.comparisons + len(claims)


def test_too_few_rows_for_a_longer_horizon_are_no_test(tmp_path: Path) -> None:
    far = (SHORT, 30)
    found = result_of(two(tmp_path, replace(COLD, horizons=far), replace(WARM, horizons=far)))
    pair = pair_at(found, 30)
    assert (pair.finding, pair.p_value) == ("undefined", None)
    assert pair.note == "252 loss differences, at least 1200 are needed"
    assert pair_at(found, SHORT).p_value is not None
    assert "LSTM of cold and of warm at 30 bars cannot be tested" in headline(found)


def test_other_outcomes_at_a_longer_horizon_are_refused(tmp_path: Path) -> None:
    cold, warm = two(tmp_path, COLD, WARM)
    wrong = pl.when(pl.col("horizon") == LONG).then(pl.col("y") + 1e-6).otherwise("y")
    rewrite(warm, forecasts_of(warm).with_columns(y=wrong))
    with pytest.raises(ConfigError, match=r"same outcomes .*such rows: 252"):
        compare(read_runs((cold, warm)))


def test_the_same_forecasts_at_one_horizon_are_no_test_there(tmp_path: Path) -> None:
    cold, warm = two(tmp_path, COLD, WARM)
    keep = pl.col("horizon") == LONG
    rewrite(warm, pl.concat([forecasts_of(warm).filter(keep), forecasts_of(cold).filter(~keep)]))
    found = result_of((cold, warm))
    assert [pair_at(found, horizon).finding for horizon in (SHORT, LONG)] == ["the same", "better"] or (
        pair_at(found, SHORT).finding,
        pair_at(found, LONG).finding,
    ) == ("the same", "worse")
    assert "the forecasts of LSTM of cold and of warm at 1 bar are the same" in headline(found)
    (paths,) = [section.blocks for section in compose(found).sections if section.name == "pair_paths"]
    assert isinstance(paths[0], Heading)
    assert paths[0].finding.startswith("At 5 bars: ")


def test_html_and_markdown_and_terminal_say_it(
    runs: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path))
    assert call(monkeypatch, "compare", *map(str, runs)) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert "at 1 and 5 bars" in shown.partition("Model")[0]
    rows = [line.split() for line in shown.partition("Model")[2].splitlines() if line.startswith("LSTM")]
    assert [row[3] for row in rows] == ["1", "5"]
    place = write(compare_runs(runs, tmp_path / "again"))
    for text in (place.read_text("utf-8"), place.with_name("report.md").read_text("utf-8")):
        assert "At 1 bar: " in text
        assert "At 5 bars: " in text
        assert "Bars ahead" in text
