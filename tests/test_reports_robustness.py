"""Tests of what the report says of spells, seeds, folds left out and strategies: by rule, from their numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from data.names import HOLDING, Status
from data.schema import SEEDS
from reports.blocks import Figure, Note, Table
from reports.figures.spells import spells as draw_spells
from reports.formats import season
from reports.result import Result, Score
from reports.rows import Dropped, Seed, Spells
from reports.sections import SECTIONS
from reports.sections.costs import finding as finding_of_costs
from reports.sections.costs import strategies, track_record
from reports.sections.seeds import finding as finding_of_seeds
from reports.sections.spells import finding as finding_of_spells
from reports.sections.spells import numbers as numbers_of_spells
from tests.candidates import candidate, judged

START = np.datetime64("2020-01-06", "us")


def spell(values: list[float], model: str = "gru") -> Spells:
    return Spells(model, START + np.arange(len(values)) * np.timedelta64(1, "D"), np.asarray(values), 3.0)


@pytest.mark.parametrize(
    ("paths", "title"),
    [
        ([[0.0, 1.0, -2.9]], "No spell stands out"),
        ([[0.0, -3.5, -4.0, 0.0]], "GRU was better than zero around 2020-01-07 to 2020-01-08"),
        ([[0.0, 0.0, 3.5]], "GRU was worse than zero around 2020-01-08"),
        ([[-3.5, -3.2, -9.0]], "GRU was better than zero all the way"),
        ([[-3.5, 0.0, -5.0, -4.0, 0.0]], "GRU was better than zero around 2020-01-08 to 2020-01-09"),
        ([[0.0, 3.5], [-3.5, 0.0]], "M1 was better than zero around 2020-01-06; GRU was worse than zero"),
        ([[3.5, -3.5], [3.5, -3.5]], "GRU was better than zero around 2020-01-07; M1 was better than zero around"),
    ],
)
def test_the_title_of_the_spells_says_who_left_the_band_and_when(
    usual: Result, paths: list[list[float]], title: str
) -> None:
    models = ["gru", "m1"]
    found = [spell(values, model) for values, model in zip(paths, models, strict=False)]
    assert finding_of_spells(found, usual.folds).replace("m1", "M1").startswith(title)


def test_more_spells_than_a_title_holds_are_counted(usual: Result) -> None:
    assert finding_of_spells([spell([3.5, -3.5]), spell([3.5, -3.5], "lstm")], usual.folds).endswith("; and 2 more")


def test_a_season_is_a_month_where_there_are_many_and_else_a_date() -> None:
    time = datetime(2020, 5, 17, 8, tzinfo=UTC)
    assert season(time, span=timedelta(days=800)) == "May 2020"
    assert season(time, span=timedelta(days=80)) == "2020-05-17"


def test_the_extreme_of_a_path_is_in_the_picture_and_its_value_below_the_numbers(usual: Result) -> None:
    values = np.sin(np.arange(1_000) / 50) * 2
    values[617] = -7.25
    path = spell(values.tolist())
    assert numbers_of_spells([path]).caption.startswith("Farthest from 0: GRU −7.25.")
    svg = draw_spells([path], usual.folds, {"gru": "#0072b2"}, "alt")
    assert svg != draw_spells(
        [replace(path, values=np.where(values < -7, 0, values))], usual.folds, {"gru": "#0072b2"}, "alt"
    )


def seed(number: int, skill: float, status: Status | None) -> Seed:
    return Seed("gru", number, skill, 0.5, status)


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
        (["better"], "GRU was fitted with one seed only"),
    ],
)
def test_the_title_of_the_seeds_counts_those_that_are_better_alone(
    usual: Result, statuses: list[Status], title: str
) -> None:
    score: Score = next(score for score in usual.scores if score.model == "gru")
    alone = [seed(number, 0.01 * number, status) for number, status in enumerate(statuses)]
    assert finding_of_seeds(score, alone).startswith(title)


def test_the_seeds_of_the_report_are_those_of_the_table(usual: Result, usual_run: Path) -> None:
    table = pl.read_parquet(usual_run / SEEDS.file).sort("model", "seed")
    found = sorted(usual.seeds, key=lambda one: (one.model, one.seed))
    assert [(one.model, one.seed, one.skill) for one in found] == table.select("model", "seed", "skill").rows()
    better = {one.model: one.seed_verdicts for one in usual.verdict.candidates}
    assert all(one.status == better[one.model][one.seed] for one in found)


def test_a_fragile_claim_is_named_with_the_fold_that_carries_it(usual: Result) -> None:
    found = candidate("better", fragile=True, worst_p=0.2, worst_fold=2, p_adjusted=0.01)
    result = replace(judged(usual, found), dropped=(Dropped("gru", 2, -0.004),))
    blocks = SECTIONS["skill"](result)
    assert [block.text for block in blocks if isinstance(block, Note)] == [
        "GRU: fold 2 carries the claim, nothing is shown without it."
    ]
    table = blocks[-1]
    assert isinstance(table, Table)
    assert table.rows[0][1] == "better, but fragile"
    assert table.rows[0][3:] == ("0.010", "2", "−0.40\xa0%", "0.20")


def test_of_a_model_that_is_worse_the_p_is_that_of_being_worse(usual: Result) -> None:
    found = candidate("worse", worst_p=0.03, worst_fold=0, p_adjusted=1.0, p_worse_adjusted=0.002)
    blocks = SECTIONS["skill"](judged(usual, found))
    assert not any(isinstance(block, Note) for block in blocks)
    table = blocks[-1]
    assert isinstance(table, Table)
    assert table.rows[0][3] == "0.002"


@pytest.mark.parametrize(
    ("net", "turnover", "deflated", "title"),
    [
        (0.12, 100.0, 0.99, "After costs, trading on GRU would have gained 12.0\xa0%; holding would have gained"),
        (0.12, 100.0, 0.6, "After costs, trading on GRU would have gained 12.0\xa0%, which chance alone could make;"),
        (0.12, 100.0, None, "After costs, trading on GRU would have gained 12.0\xa0%, which chance alone could make;"),
        (-0.5, 100.0, 0.1, "After costs, trading on GRU would have lost 50.0\xa0%; holding would have"),
        (0.0, 0.0, None, "The forecasts of GRU never called for a trade; holding would have"),
        (1e300, 100.0, 0.99, "After costs, trading on GRU would have gained more than 1,000,000\xa0%;"),
    ],
)
def test_the_title_of_the_strategies_promises_nothing(
    usual: Result, net: float, turnover: float, deflated: float | None, title: str
) -> None:
    result = judged(usual, candidate("better", deflated_sharpe=deflated))
    own: dict[str, dict[str, Any]] = {
        "gru": {"net_return": net, "turnover": turnover},
        HOLDING: {"net_return": 0.05},
    }
    result = replace(result, strategies=tuple(replace(one, **own.get(one.model, {})) for one in usual.strategies))
    assert finding_of_costs(result).startswith(title)


def test_the_strategies_are_folded_and_marked_as_no_claim(usual: Result) -> None:
    blocks = SECTIONS["costs"](usual)
    assert not any(isinstance(block, Table | Figure) for block in blocks)
    (note,) = (block.text for block in blocks if isinstance(block, Note))
    assert note.startswith("This is not a trading claim.")
    assert "10\xa0basis points of fee and 2\xa0basis points of slippage" in note
    assert [group.label for group in strategies(usual).groups] == ["References", "Models, best first", "Baselines"]
    assert [row[0] for row in strategies(usual).groups[0].rows] == ["holding", "nothing (zero)"]


def test_a_track_record_is_in_years(usual: Result) -> None:
    one = replace(usual.strategies[0], sharpe=1.0, track_record=17_520.0, bars_per_year=8_760.0)
    assert track_record(one) == "2.0"
    assert track_record(replace(one, track_record=None)) == "never"
    assert track_record(replace(one, sharpe=None)) == "–"
    assert track_record(replace(one, track_record=1e12)) == "over 1,000"


@pytest.mark.parametrize(("simple", "named"), [(0.7, True), (0.1, False)])
def test_a_baseline_that_earned_more_is_named_beside_the_model(usual: Result, simple: float, named: bool) -> None:
    result = judged(usual, candidate("better"))
    own: dict[str, dict[str, Any]] = {"gru": {"net_return": 0.12, "turnover": 100.0}, "mean": {"net_return": simple}}
    others = {one.model: {"net_return": -0.2} for one in usual.strategies if one.model not in own}
    strategies = tuple(replace(one, **{**others, **own}[one.model]) for one in usual.strategies)
    title = finding_of_costs(replace(result, strategies=strategies))
    assert title.endswith("; the baseline mean would have gained 70.0\xa0%") == named
