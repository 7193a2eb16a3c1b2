"""Tests of runs against each other: the same test as a run's own, on the rows that all forecast, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from backtest.comparison.common_sample import STRETCHES
from backtest.comparison.compare import compare, compare_runs
from backtest.comparison.pairwise_tests import difference
from backtest.comparison.runs import distinct_names, in_words, only_bring, only_one_has, read_runs
from backtest.data.errors import ConfigError, RunError, UndefinedTest
from backtest.data.records.comparison import COMPARISON, Comparison, Pair
from backtest.data.result_tables import RUN_TABLES
from backtest.data.run_files import MANIFEST, VERDICT
from backtest.data.schema import FORECASTS
from backtest.reports.compared import ComparisonResult, from_tables
from backtest.reports.result import Score
from backtest.reports.sections.cumulative_loss import fold_changes
from backtest.significance.equal_accuracy import diebold_mariano, skill_interval
from backtest.significance.multiple_testing import holm
from backtest.significance.primary import PRIMARY
from backtest.significance.result import FloatArray
from backtest.significance.superiority import model_confidence_set
from backtest.verdict.ledger import LEDGER, Trial, append
from tests.support.audits import leaky
from tests.support.command import call
from tests.support.compared_runs import COLD, FEW, WARM, forecasts_of, rewrite, two
from tests.support.selection import examples

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Two runs whose networks know different amounts; the other models are the same."""
    return two(tmp_path_factory.mktemp("versus"))


@pytest.fixture(scope="module")
def result(runs: tuple[Path, ...]) -> ComparisonResult:
    return result_of(runs)


@pytest.fixture(scope="module")
def found(result: ComparisonResult) -> Comparison:
    return result.found


def result_of(runs: Sequence[Path]) -> ComparisonResult:
    """The comparison of these runs, as its report reads it."""
    compared = compare(read_runs(runs))
    return from_tables(compared.record, compared.verdict, compared.tables)


def scores_of(result: ComparisonResult) -> dict[str, Score]:
    """The scores by the names of the models."""
    return {score.model: score for score in result.scores}


def pair_of(comparison: Comparison, model: str) -> Pair:
    """The first pair of a model."""
    return next(pair for pair in comparison.pairs if pair.model == model)


def squared_errors(run: Path, model: str) -> FloatArray:
    """Squared errors of a model's mean over seeds, symbols of one time averaged, in the order of time."""
    rows = forecasts_of(run).filter(pl.col("seed").is_null(), model=model)
    losses = rows.with_columns(loss=(pl.col("y") - pl.col("y_hat")) ** 2).group_by("time").agg(pl.col("loss").mean())
    return losses.sort("time")["loss"].to_numpy()


def test_a_pair_is_tested_as_a_run_tests_its_models(runs: tuple[Path, ...], found: Comparison) -> None:
    first, second = (squared_errors(run, "gru") for run in runs)
    pair, zero = pair_of(found, "gru"), squared_errors(runs[0], "zero")
    assert pair.p_value == pytest.approx(diebold_mariano(first, second).p_value, rel=1e-9)
    assert pair.difference == pytest.approx((first.mean() - second.mean()) / zero.mean(), rel=1e-9)
    assert (pair.run, pair.other_run, pair.group) == ("cold", "warm", "question")


def test_models_are_measured_against_zero_as_in_a_report(runs: tuple[Path, ...], result: ComparisonResult) -> None:
    one = scores_of(result)["warm:lstm"]
    skill = skill_interval(squared_errors(runs[1], "lstm"), squared_errors(runs[1], "zero"))
    shown = one.skill, one.skill_low, one.skill_high
    assert shown == pytest.approx((skill.value, skill.low, skill.high), rel=1e-9)
    assert one.loss == pytest.approx(squared_errors(runs[1], "lstm").mean())
    assert one.status in {"better", "no evidence"}


def test_models_that_all_runs_forecast_the_same_stand_once_and_all_others_once_for_each_run(
    result: ComparisonResult,
) -> None:
    scores = scores_of(result)
    assert list(scores)[:2] == ["zero", "naive"]
    of_runs = {f"{run}:{model}" for model in ("gru", "lstm") for run in ("cold", "warm")}
    assert set(scores) == {"zero", "naive", "ar", "mean", "ridge", *of_runs}
    assert {score.model for score in result.candidates} == of_runs
    assert all(score.in_set is not None for score in scores.values())


def test_the_confidence_set_is_that_of_all_models_together(runs: tuple[Path, ...], result: ComparisonResult) -> None:
    places, losses = {"cold": 0, "warm": 1}, {}
    for name in sorted(scores_of(result)):
        run, _, model = name.rpartition(":")
        losses[name] = squared_errors(runs[places.get(run, 0)], model)
    chosen = model_confidence_set(losses, alpha=result.verdict.alpha)
    inside = {name for name, score in scores_of(result).items() if score.in_set}
    assert inside == set(chosen.included)
    assert 0 < len(inside) < len(losses)


def test_a_comparison_is_judged_by_the_rule_of_a_run(runs: tuple[Path, ...], result: ComparisonResult) -> None:
    claims = {}
    for run, name in zip(runs, ("cold", "warm"), strict=True):
        for model in ("gru", "lstm"):
            losses = squared_errors(run, model), squared_errors(run, "zero")
            claims[f"{name}:{model}"] = diebold_mariano(*losses, alternative="less").p_value
    for model in ("ar", "mean", "ridge"):
        losses = squared_errors(runs[0], model), squared_errors(runs[0], "zero")
        claims[model] = diebold_mariano(*losses, alternative="less").p_value
    adjusted = dict(zip(claims, holm(list(claims.values())).tolist(), strict=True))
    shown = {score.model: score.p_adjusted for score in result.scores if score.p_adjusted is not None}
    assert shown == pytest.approx(adjusted, rel=1e-9)
    for score in result.candidates:
        assert (score.status == "better") == (adjusted[score.model] <= 0.05 and (score.skill or 0) > 0)


def test_what_else_was_tried_beside_the_runs_counts_in_the_verdict(tmp_path: Path) -> None:
    runs = two(tmp_path / "runs", FEW, replace(FEW, signal=0.2))
    alone = result_of(runs).verdict
    bars = read_runs(runs)[0].manifest.data.traded
    for number in range(3):
        p_values = {"lstm@1": 0.5}
        trial = Trial(f"other {number}", bars, "2026-01-01T00:00:00", "other", p_values, p_values, {})
        append(tmp_path / "runs" / LEDGER, trial)
    more = result_of(runs).verdict
    assert (alone.configurations, more.configurations) == (2, 5)
    assert more.comparisons == alone.comparisons + 1


def test_a_copy_of_a_run_changes_no_adjusted_p_value(tmp_path: Path) -> None:
    cold, warm = two(tmp_path)
    without = scores_of(result_of((cold, warm)))
    three = two(tmp_path / "three", COLD, WARM, WARM, names=("cold", "warm", "copy"))
    found = scores_of(result_of(three))
    assert {name: score.p_adjusted for name, score in found.items()} == {
        name: score.p_adjusted for name, score in without.items()
    }


def test_models_whose_names_collide_are_refused(tmp_path: Path) -> None:
    first, second = replace(COLD, networks=("b:lstm", "lstm")), replace(WARM, networks=("lstm",))
    with pytest.raises(ConfigError, match="expected different names of runs and models"):
        compare(read_runs(two(tmp_path, first, second, names=("a", "a:b"))))


def test_the_same_settings_on_other_bars_are_another_trial(tmp_path: Path) -> None:
    runs = two(tmp_path / "runs")
    before = result_of(runs).verdict
    own = read_runs(runs)[0]
    for config, data, p in ((own.trial, "f" * 64, 0.04), ("other", own.manifest.data.traded, 0.02)):
        append(tmp_path / "runs" / LEDGER, Trial(config, data, "2026-01-01T00:00:00", "x", {"lstm@1": p}, {}, {}))
    assert result_of(runs).verdict.configurations == before.configurations + 1  # bars that no run was made on


def test_a_leak_in_one_run_makes_its_own_models_suspect(tmp_path: Path) -> None:
    found = result_of(two(tmp_path, replace(FEW, audit=leaky()), replace(FEW, signal=0.2))).verdict
    suspect = {one.model for one in found.candidates if one.status == "leak suspected"}
    assert suspect == {one.model for one in found.candidates if "cold" in one.model} != set()
    assert {one.reason.code for one in found.candidates if one.reason and one.model in suspect} == {"leak_of_model"}
    assert found.status == "leak suspected"


def test_several_symbols_are_averaged_at_each_time(tmp_path: Path) -> None:
    plan = replace(COLD, symbols=("A", "B"), baselines=("zero", "naive"), networks=("lstm",))
    runs = two(tmp_path, plan, replace(plan, signal=0.2))
    found = compare(read_runs(runs)).record
    first, second = (squared_errors(run, "lstm") for run in runs)
    assert (found.rows, found.times, first.size) == (504, 252, 252)
    assert pair_of(found, "lstm").p_value == pytest.approx(diebold_mariano(first, second).p_value, rel=1e-9)


def test_swapped_runs_flip_every_sign_and_keep_every_p_value(runs: tuple[Path, ...], found: Comparison) -> None:
    swapped = compare(read_runs(runs[::-1])).record
    words = {"better": "worse", "worse": "better"}
    for pair in found.pairs:
        other = pair_of(swapped, pair.model)
        assert (other.run, other.other_run) == (pair.other_run, pair.run)
        assert other.finding == words.get(pair.finding, pair.finding)
        assert (other.p_value, other.p_adjusted, other.p_other_loss) == (
            pair.p_value,
            pair.p_adjusted,
            pair.p_other_loss,
        )
        if pair.difference is not None and pair.low is not None and pair.high is not None:
            assert (other.difference, other.low, other.high) == (-pair.difference, -pair.high, -pair.low)


@given(st.integers(0, 10_000), st.integers(40, 200), st.floats(0.01, 3), st.integers(1, 3), st.sampled_from([*PRIMARY]))
@examples(60)
def test_an_interval_is_antisymmetric_and_leaves_zero_where_the_test_rejects(
    seed: int, n: int, gap: float, horizon: int, test: str
) -> None:
    rng = np.random.default_rng(seed)
    zero, first, second = rng.chisquare(1, (3, n)) * np.array([[1.0], [1.0], [gap]])
    primary = PRIMARY[test]
    there, back = (difference(*pair, zero, horizon, primary) for pair in ((first, second), (second, first)))
    assert there["difference"] == -back["difference"]
    if "low" in there:
        assert (there["low"], there["high"]) == (-back["high"], -back["low"])
        assert there["low"] <= there["difference"] <= there["high"]
        rejected = primary.run(first, second, horizon=horizon).p_value < 0.05
        assert rejected == (there["low"] > 0 or there["high"] < 0)


def test_only_rows_that_all_runs_forecast_count(runs: tuple[Path, ...], tmp_path: Path) -> None:
    longer = replace(FEW, test=252)
    cold, warm = two(tmp_path, longer, replace(longer, signal=0.2))
    late, early = pl.col("fold") > 0, pl.col("fold") < 2
    rewrite(cold, forecasts_of(cold).filter(late))
    rewrite(warm, forecasts_of(warm).filter(early))
    compared = compare(read_runs((cold, warm)))
    found, before = compared.record, compared.tables
    assert (found.rows, [run.left_out for run in found.runs], [run.folds for run in found.runs]) == (
        252,
        [252, 252],
        [2, 2],
    )
    rewrite(cold, forecasts_of(cold).filter(early))
    rewrite(warm, forecasts_of(warm).filter(late))
    cut = compare(read_runs((cold, warm)))
    assert [run.left_out for run in cut.record.runs] == [0, 0]
    assert (cut.record.pairs, cut.record.first, cut.record.last) == (found.pairs, found.first, found.last)
    for name, table in before.items():
        assert_frame_equal(cut.tables[name], table)


def test_other_numbers_of_folds_do_not_matter(runs: tuple[Path, ...], found: Comparison, tmp_path: Path) -> None:
    cold, warm = two(tmp_path)
    rewrite(warm, forecasts_of(warm).with_columns(pl.col("fold") // 2))
    assert compare(read_runs((cold, warm))).record.pairs == found.pairs


def test_the_same_forecasts_are_no_test(found: Comparison) -> None:
    same = [pair for pair in found.pairs if pair.group == "other"]
    assert {pair.model for pair in same} == {"ar", "mean", "ridge"}
    for pair in same:
        assert (pair.finding, pair.p_value, pair.p_adjusted) == ("the same", None, None)
    assert found.family == 2


def test_forecasts_that_differ_in_the_last_digits_are_the_same_everywhere(tmp_path: Path) -> None:
    cold, warm = two(tmp_path, FEW, FEW)
    references = pl.col("model").is_in(["zero", "naive"])
    rounded = pl.when(references).then(pl.col("y_hat")).otherwise(pl.col("y_hat") * (1 + 3e-13))
    rewrite(warm, forecasts_of(warm).with_columns(y_hat=rounded))
    found = result_of((cold, warm))
    assert {pair.finding for pair in found.found.pairs} == {"the same"}
    assert set(scores_of(found)) == {"zero", "naive"} | {pair.model for pair in found.found.pairs}


def test_a_note_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise UndefinedTest("the same forecasts")

    refusing = {"diebold_mariano": replace(PRIMARY["diebold_mariano"], run=refuse)}
    monkeypatch.setattr("backtest.evaluation.loss_panel.PRIMARY", refusing)
    found = compare(read_runs(two(tmp_path))).record
    assert pair_of(found, "gru").finding == "undefined"


def test_pairwise_tests_know_nothing_of_pictures() -> None:
    assert "reports" not in (ROOT / "backtest" / "comparison" / "pairwise_tests.py").read_text("utf-8")


def test_a_copy_of_a_run_differs_in_nothing(tmp_path: Path) -> None:
    found = compare(read_runs(two(tmp_path, COLD, COLD))).record
    assert {pair.finding for pair in found.pairs} == {"the same"}
    assert (found.family, found.settings) == (0, ())


def test_the_same_test_under_other_names_counts_once(tmp_path: Path) -> None:
    plans = COLD, replace(COLD, signal=0.2), replace(COLD, signal=0.2)
    found = compare(read_runs(two(tmp_path, *plans, names=("a", "b", "c")))).record
    tested = {(pair.run, pair.other_run) for pair in found.pairs if pair.p_adjusted is not None}
    assert tested == {("a", "b"), ("a", "c")}
    assert found.family == 2


def test_p_values_are_adjusted_together(tmp_path: Path) -> None:
    plans = COLD, replace(COLD, signal=0.12), replace(COLD, signal=0.15)
    found = compare(read_runs(two(tmp_path, *plans, names=("a", "b", "c")))).record
    tested = [pair for pair in found.pairs if pair.p_value is not None]
    assert found.family == len(tested) == 6
    adjusted = holm([pair.p_value for pair in tested if pair.p_value is not None])
    assert [pair.p_adjusted for pair in tested] == adjusted.tolist()
    for pair in tested:
        assert (pair.finding in {"better", "worse"}) == ((pair.p_adjusted or 0) <= 0.05)


def test_the_best_of_two_names_pay_for_having_been_picked(tmp_path: Path) -> None:
    few = replace(COLD, baselines=("zero", "naive"))
    runs = two(tmp_path, few, replace(few, networks=("mlp", "tcn", "rnn"), signal=0.2))
    found = result_of(runs)
    (pair,) = found.found.pairs
    assert (pair.group, pair.picked_from, found.found.family) == ("best", 6, 1)
    assert pair.p_adjusted == pytest.approx(min(1.0, 6 * (pair.p_value or 0)))
    errors = {name: score.loss or 0.0 for name, score in scores_of(found).items() if name.startswith("warm:")}
    assert pair.names[1] == f"warm:{pair.other_model}" == min(errors, key=errors.__getitem__)


def test_paths_end_at_the_difference(result: ComparisonResult) -> None:
    ends = {pair.model: path.values[-1] for pair, path in result.pair_paths}
    assert ends == pytest.approx({pair.model: pair.difference for pair in result.leading})
    for pair, path in result.pair_paths:
        assert len(path.at_fold_end) == STRETCHES
        assert sum(fold_changes(path).values()) == pytest.approx(pair.difference)


Change = Callable[[pl.DataFrame], pl.DataFrame]
FIRST = pl.col("time") == pl.col("time").min()
REFUSED: dict[str, Change] = {
    "y": lambda rows: rows.with_columns(pl.when(FIRST).then(pl.col("y") + 1e-6).otherwise(pl.col("y")).alias("y")),
    "target_time": lambda rows: rows.with_columns(pl.col("target_time").dt.offset_by("1h")),
    "naive": lambda rows: rows.with_columns(
        y_hat=pl.when(FIRST & (pl.col("model") == "naive")).then(pl.col("y_hat") + 1e-6).otherwise(pl.col("y_hat"))
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_other_outcomes_are_refused(what: str, tmp_path: Path) -> None:
    cold, warm = two(tmp_path)
    rewrite(warm, REFUSED[what](forecasts_of(warm)))
    with pytest.raises(
        ConfigError, match=r"same outcomes .* TEST, 2020-02-16 16:00 UTC, .*compare runs on the same bars"
    ):
        compare(read_runs((cold, warm)))


def test_rounding_of_outcomes_is_no_difference(tmp_path: Path, found: Comparison) -> None:
    cold, warm = two(tmp_path)
    rewrite(warm, forecasts_of(warm).with_columns(pl.col("y") * (1 + 2e-16)))
    pairs = compare(read_runs((cold, warm))).record.pairs
    assert [pair.p_value for pair in pairs] == [pair.p_value for pair in found.pairs]


def test_runs_without_enough_in_common_are_refused(tmp_path: Path) -> None:
    cold, warm = two(tmp_path)
    few = forecasts_of(warm).filter(pl.col("time").rank("dense") <= 29)
    rewrite(warm, few)
    with pytest.raises(ConfigError, match=r"expected 250 times or more that all runs forecast \(got 29\)"):
        compare(read_runs((cold, warm)))
    other = two(tmp_path, replace(COLD, symbols=("OTHER",)), COLD, names=("other", "again"))[0]
    with pytest.raises(ConfigError, match=r"\(got 0\).*cold: TEST, 252 forecasts; other: OTHER, 252 forecasts"):
        compare(read_runs((cold, other)))


def test_runs_of_other_things_are_refused(tmp_path: Path) -> None:
    cold, warm = two(tmp_path)
    daily, bare = two(tmp_path, replace(COLD, interval=timedelta(days=1)), COLD, names=("daily", "bare"))
    with pytest.raises(ConfigError, match=r"bars of one length \(got cold 1h, daily 1d\)"):
        read_runs((cold, daily))
    ahead = pl.col("horizon") + 1
    rewrite(warm, forecasts_of(warm).with_columns(ahead))
    with pytest.raises(ConfigError, match=r"horizon in common \(got cold 1, warm 2\)"):
        compare(read_runs((cold, warm)))
    rewrite(bare, forecasts_of(bare).filter(pl.col("model").is_in(["zero", "naive"])))
    with pytest.raises(ConfigError, match="expected a model that two of the runs have"):
        compare(read_runs((cold, bare)))


def test_two_different_runs_are_needed(runs: tuple[Path, ...], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected two runs or more \(got 1\)"):
        read_runs(runs[:1])
    (tmp_path / "link").symlink_to(runs[0])
    with pytest.raises(ConfigError, match="cold is named twice"):
        read_runs((*runs, tmp_path / "link"))


def test_damaged_or_unfinished_runs_are_refused(tmp_path: Path) -> None:
    cold, warm = two(tmp_path)
    content = (warm / FORECASTS.file).read_bytes()
    (warm / FORECASTS.file).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(RunError, match="damaged: its SHA-256"):
        read_runs((cold, warm))
    (warm / MANIFEST).unlink()
    with pytest.raises(RunError, match="expected a finished run"):
        read_runs((cold, warm))


def test_runs_are_called_by_as_much_of_their_path_as_it_takes() -> None:
    assert distinct_names([Path("/a/cold"), Path("/a/warm")]) == ["cold", "warm"]
    assert distinct_names([Path("/a/x/run"), Path("/a/y/run")]) == ["x/run", "y/run"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([["a", "b"], ["b"]], ("a and the 1 in common", "only the 1 in common")),
        ([["a"], ["b"]], ("a", "b")),
        ([["a", "b"], ["b", "a"]], ("a, b", "b, a")),
        ([[{"name": "mean", "window": 24}], ["x"]], ("mean window=24", "x")),
        ([True, None], ("true", "")),
        ([0.001, "cold"], ("0.001", "cold")),
    ],
)
def test_values_that_differ_are_put_in_words(values: list[object], words: tuple[str, ...]) -> None:
    assert in_words(values) == words


def test_what_differs_is_named(tmp_path: Path) -> None:
    runs = two(tmp_path, COLD, replace(COLD, source="other", networks=("lstm", "mlp")))
    names = {setting.name: setting.values for setting in compare(read_runs(runs)).record.settings}
    assert names["data.source"] == ("synthetic", "other")
    assert names["models"] == ("gru and the 6 in common", "mlp and the 6 in common")
    assert "SHA-256 of the bars" in names
    assert "name" not in names


A, B, C = "a", "b", "c"


@pytest.mark.parametrize(
    ("plugins", "features", "implied"),
    [
        (([], [B]), ([A], [A, "own"]), True),
        (([A], [A, B]), ([A], [A, "own"]), True),
        (([], [B]), ([A], [A]), False),
        (([A], [B]), ([A], [A, "own"]), False),
        (([], [B], [B, C]), ([A], [A, "own"], [A, "own"]), False),
        (([], [B], [B, C]), ([A], [A, "own"], [A, "own", "other"]), True),
    ],
)
def test_plugins_that_only_bring_what_is_named_elsewhere_are_no_second_difference(
    plugins: tuple[list[str], ...], features: tuple[list[str], ...], implied: bool
) -> None:
    trees = [{"plugins": brought, "features": named} for brought, named in zip(plugins, features, strict=True)]
    assert only_bring(trees) is implied


@pytest.mark.parametrize(
    ("name", "values", "features", "implied"),
    [
        ("context.symbols", (None, ["ETH"]), ([A], [A, B]), True),
        ("series.vix.sha256", (None, "1"), ([A], [A, B]), True),
        ("series.vix.sha256", ("2", "1"), ([A], [A, B]), False),
        ("context.symbols", (None, ["ETH"]), ([A], [A]), False),
        ("net.hidden", (None, 8), ([A], [A, B]), False),
        ("series.vix.sha256", (None, "1", "1"), ([A], [A, B], [A, B]), True),
    ],
)
def test_outside_data_that_only_one_run_has_are_no_difference_beside_its_features(
    name: str, values: tuple[object, ...], features: tuple[list[str], ...], implied: bool
) -> None:
    trees = [{name: value, "features": named} for value, named in zip(values, features, strict=True)]
    assert only_one_has(name, trees) is implied


def test_a_pair_states_the_difference_that_it_would_have_shown(runs: tuple[Path, ...], found: Comparison) -> None:
    pair = next(pair for pair in found.pairs if pair.model == "gru")
    first, second, zero = (
        squared_errors(runs[0], "gru"),
        squared_errors(runs[1], "gru"),
        squared_errors(runs[0], "zero"),
    )
    level = 0.05 / 2 / found.family
    skill = PRIMARY["diebold_mariano"].detectable(first, second, alpha=level)
    assert pair.detectable == pytest.approx(skill * second.mean() / zero.mean(), rel=1e-9)


def contents(*folders: Path) -> dict[Path, bytes]:
    """Bytes of every file below some folders."""
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_the_command_compares_and_changes_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path))
    cold, warm = two(tmp_path / "runs", FEW, replace(FEW, signal=0.2))
    before = contents(cold, warm)
    assert call(monkeypatch, "compare", str(cold), str(warm)) == 0
    place = tmp_path / "runs" / "compare-cold-warm"
    output = " ".join(capsys.readouterr().out.split())
    assert "LSTM of warm is better than LSTM of cold" in output
    assert output.endswith(f"report: {place / 'report.html'} (and report.md)")
    assert contents(cold, warm) == before
    assert sorted(path.parent.name for path in (tmp_path / "runs").glob(f"*/{MANIFEST}")) == ["cold", "warm"]
    first = contents(place)
    tables = {table.file for table in RUN_TABLES}
    assert {path.name for path in place.iterdir()} == {
        *(COMPARISON, VERDICT, "report.html", "report.md", "figures"),
        *tables,
    }
    assert call(monkeypatch, "compare", str(cold), str(warm)) == 0
    assert contents(place) == first


@pytest.mark.parametrize(
    "names",
    [pytest.param(("cold", "warm"), marks=pytest.mark.slow), ("quick-d2da98-cold", "quick-0b7f21-warm")],
)
def test_a_narrow_terminal_cuts_neither_names_nor_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], names: tuple[str, str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path))
    runs = two(tmp_path, FEW, replace(FEW, signal=0.2), names=names)
    assert call(monkeypatch, "compare", *map(str, runs)) == 0
    table = capsys.readouterr().out.partition("Model")[2]
    assert "…" not in table
    assert all(name in table for name in names)
    assert "the same" in table


def test_wrong_input_ends_with_status_two(
    runs: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "compare", str(runs[0])) == 2
    assert call(monkeypatch, "compare", str(runs[0]), str(runs[0])) == 2
    assert call(monkeypatch, "compare", *map(str, runs), "--out", str(runs[0])) == 2
    assert "holds something else" in " ".join(capsys.readouterr().err.split())
    assert call(monkeypatch, "compare", str(runs[0]), str(tmp_path)) == 3


def test_no_other_comparison_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path))
    here = two(tmp_path / "x", FEW, replace(FEW, signal=0.2))
    there = two(tmp_path / "y", FEW, replace(FEW, source="other", signal=0.3))
    first, second = compare_runs(here), compare_runs(there)
    assert first.name == "compare-cold-warm"
    assert second.name.startswith("compare-cold-warm-")
    assert (compare_runs(here), compare_runs(there)) == (first, second)
    with pytest.raises(ConfigError, match="holds something else than a comparison of these runs"):
        compare_runs(there, first)


def test_odd_and_long_names_make_a_safe_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path))
    place = compare_runs(two(tmp_path, FEW, FEW, names=("<b>& ..", "x" * 100)))
    assert place.parent == tmp_path / "runs"
    assert len(place.name) < 80
    assert all(sign.isalnum() or sign in "-._" for sign in place.name)


def test_a_comparison_survives_its_file_and_nothing_else_does(found: Comparison) -> None:
    assert Comparison.from_json(found.to_json()) == found
    with pytest.raises(RunError, match=r"comparison\.json: expected what a finished run writes \(version"):
        Comparison.from_json("{}")


def test_a_folder_that_cannot_be_made_is_told(runs: tuple[Path, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for place in (tmp_path / "file" / "x", tmp_path / "link"):
        with pytest.raises(ConfigError, match=r"--out: .* cannot be written .*choose another folder"):
            compare_runs(runs, place)
