"""Tests of what the report says of local fluctuation, seeds, dropped folds and strategies: by rule, from numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backtest.data.names import Status
from backtest.data.result_tables import DROPPED, FLUCTUATION, SEEDS
from backtest.reports.blocks import Details, Figure, Heading, Note, Table, Text
from backtest.reports.diagnostics import FluctuationPath, LossPath
from backtest.reports.result import Score
from backtest.reports.rows import Row, row_type
from backtest.reports.run import RunResult
from backtest.reports.sections import SECTIONS
from backtest.reports.sections.cumulative_loss import cumulative_loss_title, fluctuation_sentence, fluctuation_table
from backtest.reports.sections.seeds import seeds_title
from tests.support.candidates import altered, candidate, judged, table_row, with_rows

START = np.datetime64("2020-01-06", "us")


def spell(values: list[float], model: str = "gru") -> FluctuationPath:
    return FluctuationPath(model, START + np.arange(len(values)) * np.timedelta64(1, "D"), np.asarray(values), 3.0)


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ([[0.0, 1.0, -2.9]], "No period stands out: GRU stays within the 95 % band."),
        ([[0.0, 1.0], [0.0, 2.0]], "No period stands out: GRU and m1 stay within the 95 % band."),
        (
            [[0.0, -3.5, -4.0, 0.0]],
            "One period stands out: GRU was better than zero around 7 January 2020 to 8 January",
        ),
        ([[0.0, 0.0, 3.5]], "One period stands out: GRU was worse than zero around 8 January 2020."),
        ([[-3.5, -3.2, -9.0]], "One period stands out: GRU was better than zero throughout."),
        ([[-3.5, 0.0, -5.0, -4.0, 0.0]], "One period stands out: GRU was better than zero around 8 January 2020 to 9"),
        (
            [[0.0, 3.5], [-3.5, 0.0]],
            "Some periods stand out: m1 was better than zero around 6 January 2020; GRU was worse than zero",
        ),
        (
            [[3.5, -3.5], [3.5, -3.5]],
            "Some periods stand out: GRU was better than zero around 7 January 2020; m1 was better than zero around",
        ),
    ],
)
def test_a_sentence_says_who_left_the_band_and_when(usual: RunResult, paths: list[list[float]], words: str) -> None:
    found = [spell(values, model) for values, model in zip(paths, ["gru", "m1"], strict=False)]
    assert fluctuation_sentence(found, usual.folds, "zero").replace("\xa0", " ").startswith(words)


def test_more_spells_than_a_sentence_holds_are_counted(usual: RunResult) -> None:
    found = [spell([3.5, -3.5]), spell([3.5, -3.5], "lstm")]
    assert fluctuation_sentence(found, usual.folds, "zero").endswith("; and 2 more.")


def test_the_extreme_of_a_path_is_in_the_picture_and_its_value_below_the_numbers(usual: RunResult) -> None:
    values = np.sin(np.arange(1_000) / 50) * 2
    values[617] = -7.25
    path = spell(values.tolist())
    assert fluctuation_table([path]).caption.startswith("Extreme values: GRU −7.25.")
    flat = replace(path, values=np.where(values < -7, 0, values))
    pictures = [picture(with_paths(usual, one)) for one in (path, flat)]
    assert pictures[0] != pictures[1]


def picture(result: RunResult) -> str:
    """The figure of the cumulative loss of a run."""
    return next(block.svg for block in SECTIONS["cumulative_loss"](result) if isinstance(block, Figure))


def test_without_a_path_the_cumulative_loss_has_one_panel_and_says_nothing_of_spells(usual: RunResult) -> None:
    assert [type(block) for block in SECTIONS["cumulative_loss"](usual)] == [Heading, Text, Figure, Details]
    alone = with_paths(usual)
    assert [type(block) for block in SECTIONS["cumulative_loss"](alone)] == [Heading, Figure]
    assert "standard errors" in picture(usual)
    assert "standard errors" not in picture(alone)


def test_dates_without_a_clock_are_shown_where_all_are_midnights() -> None:
    assert fluctuation_table([spell([0.0, 1.0])]).rows[0][0] == "2020-01-06"
    late = replace(spell([0.0, 1.0]), times=START + np.arange(2) * np.timedelta64(1, "h"))
    assert fluctuation_table([late]).rows[0][0] == "2020-01-06 00:00"


def dropped(fold: int, skill: float) -> Row:
    return table_row(DROPPED, model="gru", fold=fold, skill=skill)


def with_paths(run: RunResult, *paths: FluctuationPath) -> RunResult:
    """A run with these paths of the fluctuation statistic."""
    rows = [
        table_row(FLUCTUATION, model=path.model, time=time.replace(tzinfo=UTC), statistic=value, band=path.band)
        for path in paths
        for time, value in zip(path.times.tolist(), path.values.tolist(), strict=True)
    ]
    return with_rows(run, FLUCTUATION, rows)


def seed(number: int, skill: float, status: Status | None) -> Row:
    return row_type("model", "seed", "skill", "p_value", "status")("gru", number, skill, 0.5, status)


@pytest.mark.parametrize(
    ("statuses", "title"),
    [
        (
            ["better", "no evidence", "better", "worse", "no evidence"],
            "GRU: 2 of 5 seeds are better than zero alone, with a skill from 0.00\xa0% to +4.00\xa0%",
        ),
        (["no evidence", "worse"], "GRU: none of 2 seeds is better than zero alone"),
        (["better", "better"], "GRU: each of 2 seeds is better than zero alone"),
        (["cannot tell", "cannot tell"], "GRU: 2 seeds with a skill from"),
        (["better"], "GRU was fitted with only one seed"),
    ],
)
def test_the_title_of_the_seeds_counts_those_that_are_better_alone(
    usual: RunResult, statuses: list[Status], title: str
) -> None:
    score: Score = next(score for score in usual.scores if score.model == "gru")
    alone = [seed(number, 0.01 * number, status) for number, status in enumerate(statuses)]
    assert seeds_title(score, alone, "zero").startswith(title)


def test_the_seeds_of_the_report_are_those_of_the_table(usual: RunResult, usual_run: Path) -> None:
    table = pl.read_parquet(usual_run / SEEDS.file).sort("model", "seed")
    found = sorted(usual.seeds, key=lambda one: (one.model, one.seed))
    assert [(one.model, one.seed, one.skill) for one in found] == table.select("model", "seed", "skill").rows()
    better = {one.model: one.seed_verdicts for one in usual.verdict.candidates}
    assert all(one.status == better[one.model][one.seed] for one in found)


def test_a_fragile_claim_is_named_with_the_fold_that_carries_it(usual: RunResult) -> None:
    found = candidate("better", fragile=True, worst_p=0.2, worst_fold=2, p_adjusted=0.01)
    result = with_rows(judged(usual, found), DROPPED, [dropped(2, -0.004), dropped(0, 0.1)])
    blocks = SECTIONS["skill"](result)
    assert [block.text for block in blocks if isinstance(block, Note)] == [
        "Without fold 2, GRU is no longer significantly better than zero."
    ]
    table = blocks[-1]
    assert isinstance(table, Table)
    assert table.rows[0][1] == "better, but fragile"
    assert table.rows[0][3:] == ("0.010", "2", "−0.40\xa0%", "0.20")


def test_of_a_model_that_is_worse_the_p_is_that_of_being_worse(usual: RunResult) -> None:
    found = candidate("worse", worst_p=0.03, worst_fold=0, p_adjusted=1.0, p_worse_adjusted=0.002)
    blocks = SECTIONS["skill"](judged(usual, found))
    assert not any(isinstance(block, Note) for block in blocks)
    table = blocks[-1]
    assert isinstance(table, Table)
    assert table.rows[0][3] == "0.002"


def test_without_a_claim_the_fold_that_is_left_out_is_the_one_that_the_cumulative_loss_names(usual: RunResult) -> None:
    ends = {0: -0.01, 1: -0.05, 2: -0.09}  # folds 1 and 2 gained alike
    losses = LossPath("gru", START + np.arange(3), np.asarray(list(ends.values())), ends)
    rows = [dropped(fold, skill) for fold, skill in enumerate((0.08, 0.05, 0.05))]
    found = judged(usual, candidate("no evidence", worst_p=1.0, worst_fold=0, p_adjusted=1.0))
    result = altered(with_rows(found, DROPPED, rows), paths=(losses,))
    table = SECTIONS["skill"](result)[-1]
    assert isinstance(table, Table)
    assert table.rows[0][4:] == ("1", "+5.00\xa0%", "–")
    assert "fold 1" in cumulative_loss_title(losses, usual.folds, "zero")
