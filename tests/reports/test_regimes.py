"""Tests of what the report says of regimes: where a model stands out, by rule, and what the picture leaves out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.names import Status
from backtest.data.result_tables import REGIMES
from backtest.reports.blocks import Details, Figure, Heading, Table, Text
from backtest.reports.figures.regimes import is_cut, limits, panel_rows
from backtest.reports.figures.regimes import regimes as draw
from backtest.reports.formats import percent
from backtest.reports.rows import Row
from backtest.reports.run import RunResult
from backtest.reports.sections import SECTIONS
from backtest.reports.sections.regimes import MOST_ROWS, regimes_table
from backtest.reports.wording.regimes import regimes_title, significant_parts
from tests.support.candidates import altered, candidate, judged, table_row, with_rows

PARTS = {"volatility": ("low", "middle", "high"), "hour": ("00:00", "01:00"), "weekday": ("Monday", "Tuesday")}
COLOURS = {"gru": "#0072b2", "lstm": "#b84a00"}


def row(regime: str, part: str, skill: float = 0.01, p: float | None = 0.5, model: str = "gru") -> Row:
    """A part with 100 forecasts, and an interval where it was tested."""
    place = PARTS[regime].index(part) if regime in PARTS else 0
    low, high = (None, None) if p is None else (skill - 0.02, skill + 0.02)
    ends = {"skill": skill, "skill_low": low, "skill_high": high, "p_value": p, "p_adjusted": p, "note": ""}
    about = {"model": model, "regime": regime, "part": part, "place": place, "n": 100}
    return table_row(REGIMES, **about, loss=1e-4 * (1 - skill), rival_loss=1e-4, **ends)


def every(**sure: float) -> list[Row]:
    """All parts; those named stand out with that skill."""
    names = [(regime, part) for regime, parts in PARTS.items() for part in parts]
    key = {part: part.replace(":", "_").lower() for _, part in names}
    return [row(regime, part, sure.get(key[part], 0.01), 0.001 if key[part] in sure else 0.5) for regime, part in names]


def given_rows(usual: RunResult, rows: list[Row]) -> RunResult:
    """The usual run with GRU before LSTM as candidates, and these parts."""
    result = judged(usual, candidate("no evidence"), candidate("no evidence", "lstm"))
    scores = sorted(result.scores, key=lambda score: (score.status is not None, score.model))
    return altered(with_rows(result, REGIMES, rows), scores=tuple(scores))


@pytest.mark.parametrize(
    ("sure", "title"),
    [
        (
            {},
            "GRU is not significantly better or worse than zero for any level of volatility, hour or weekday",
        ),
        ({"low": 0.02}, "GRU is significantly better than zero only at low volatility"),
        ({"low": 0.02, "high": 0.02}, "GRU is significantly better than zero only at low and high volatility"),
        ({"monday": -0.02}, "GRU is significantly worse than zero only on Mondays"),
        (
            {"low": 0.02, "01_00": 0.03, "tuesday": 0.1},
            "GRU is significantly better than zero only at low volatility, at 01:00 (UTC) and on Tuesdays",
        ),
        (
            {"low": 0.02, "tuesday": -0.1},
            "GRU is significantly better than zero only at low volatility, and worse than zero only on Tuesdays",
        ),
        (
            {"monday": 0.02, "tuesday": 0.1, "00_00": 0.3},
            "GRU is significantly better than zero at 00:00 (UTC) and on every weekday",
        ),
        (
            dict.fromkeys(("low", "middle", "high", "00_00", "01_00", "monday", "tuesday"), -0.3),
            "GRU is significantly worse than zero at every volatility, in every hour and on every weekday",
        ),
    ],
)
def test_the_title_says_where_a_model_stands_out(usual: RunResult, sure: dict[str, float], title: str) -> None:
    assert regimes_title(given_rows(usual, every(**sure)), "gru") == title


def test_parts_beyond_a_few_are_counted_in_the_title(usual: RunResult) -> None:
    rows = [row("hour", "00:00", p=0.01)._replace(part=f"{hour:02}:00", place=hour) for hour in range(9)]
    title = regimes_title(given_rows(usual, [*rows, row("hour", "01:00")]), "gru")
    assert title == "GRU is significantly better than zero only at 00:00, 01:00 and 7 more (UTC)"


def test_only_the_adjusted_p_makes_a_part_stand_out(usual: RunResult) -> None:
    result = given_rows(usual, [row("weekday", "Monday")._replace(p_value=1e-9, p_adjusted=0.051)])
    assert regimes_title(result, "gru") == "GRU is not significantly better or worse than zero for any weekday"
    assert regimes_title(altered(result, verdict=replace(result.verdict, alpha=0.051)), "gru").endswith(
        "on every weekday"
    )


def test_what_was_not_tested_is_no_finding(usual: RunResult) -> None:
    blocks = SECTIONS["regimes"](given_rows(usual, [row("weekday", "Monday", p=None)]))
    opening, unfolding = blocks
    assert isinstance(opening, Heading)
    assert opening.finding == "The skill of GRU by group was not tested"
    assert isinstance(unfolding, Details)
    (none,) = SECTIONS["regimes"](given_rows(usual, []))
    assert isinstance(none, Heading)
    assert none.finding.startswith("There are too few forecasts")


def test_another_candidate_that_stands_out_is_named_below_and_a_leak_is_left_to_the_mark(usual: RunResult) -> None:
    rows = [*every(), row("hour", "00:00", p=0.01, model="lstm"), row("hour", "01:00", model="lstm")]
    result = given_rows(usual, rows)
    (words,) = (block.text for block in SECTIONS["regimes"](result) if isinstance(block, Text))
    assert words == "LSTM is significantly better than zero only at 00:00 (UTC)."
    leaky = altered(result, verdict=replace(result.verdict, status="leak suspected"))
    assert SECTIONS["regimes"](leaky) == SECTIONS["regimes"](result)


@pytest.mark.parametrize("status", ["better", "worse"])
def test_what_is_shown_over_all_forecasts_is_not_denied_where_no_part_stands_out(
    usual: RunResult, status: Status
) -> None:
    result = judged(given_rows(usual, every()), candidate(status))
    assert regimes_title(result, "gru") == (
        f"GRU is significantly {status} than zero overall, but not for any single level of volatility, hour or weekday"
    )
    assert regimes_title(judged(result, candidate(status, "lstm")), "gru").startswith("GRU is not significantly")


def test_nothing_is_claimed_where_there_is_too_little_evidence(usual: RunResult) -> None:
    result = judged(given_rows(usual, every(low=0.02)), candidate("cannot tell"))
    assert (
        regimes_title(result, "gru") == "There is too little evidence to judge where GRU is better or worse than zero"
    )
    assert not significant_parts(result, "gru")


def figure(result: RunResult) -> Figure:
    """The picture of the section."""
    (found,) = (block for block in SECTIONS["regimes"](result) if isinstance(block, Figure))
    return found


def test_the_caption_tells_of_chance_of_arrows_and_of_what_has_no_interval(usual: RunResult) -> None:
    rows = every()
    plain = figure(given_rows(usual, rows)).caption
    assert "Of 7 intervals, about 1 in 20 would miss the line by chance alone" in plain
    assert "filled marks have one of at most 0.05" in plain
    assert "last 24 outcomes known before a forecast" in plain
    assert "Arrow" not in plain
    assert "without an interval" not in plain
    wide = [rows[0]._replace(skill_low=-9.0), *rows[1:], row("volatility", "low", p=None)]
    caption = figure(given_rows(usual, wide)).caption
    assert "Arrows mark intervals that extend beyond the figure." in caption
    assert caption.endswith("Groups without an interval are only in the table.")


def test_one_wide_interval_does_not_flatten_the_others() -> None:
    rows = every()
    wild = [*rows[:-1], rows[-1]._replace(skill_low=-50.0, skill_high=0.9)]
    assert not is_cut({"": rows})
    assert is_cut({"": wild})
    assert limits({"": rows}) == pytest.approx((-0.01, 0.03))
    assert limits({"": wild}) == pytest.approx((-0.09, 0.09))
    heads = {regime: regime for regime in PARTS}
    pictures = {draw(one, heads, COLOURS, 0.05, "zero", "") for one in (rows, wild, every(low=0.01))}
    assert len(pictures) == 3


@given(st.lists(st.tuples(st.floats(-5, 1), st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=40))
def test_the_picture_holds_zero_and_most_intervals_and_no_more_than_there_is(
    parts: list[tuple[float, float, float]],
) -> None:
    rows = [
        row("hour", "00:00")._replace(skill=skill, skill_low=skill - below, skill_high=skill + above)
        for skill, below, above in parts
    ]
    low, high = limits({"": rows})
    ends = [(one.skill_low or 0.0, one.skill_high or 0.0) for one in rows]
    assert min(0.0, *(end for end, _ in ends)) <= low <= 0 <= high <= max(0.0, *(end for _, end in ends))
    assert sum(low <= below and above <= high for below, above in ends) >= len(rows) / 2


def test_narrow_panels_stand_side_by_side_and_wide_ones_alone() -> None:
    hours = [row("hour", "00:00")._replace(place=hour) for hour in range(24)]
    others = [row("volatility", "low"), row("weekday", "Monday")]
    assert [list(line) for line in panel_rows([others[0], *hours, others[1]])] == [["volatility", "weekday"], ["hour"]]
    assert [list(line) for line in panel_rows([row(name, "") for name in "abc"])] == [["a", "b"], ["c"]]


def test_the_numbers_are_those_of_the_table_candidates_first(usual: RunResult, usual_run: Path) -> None:
    table = pl.read_parquet(usual_run / REGIMES.file)
    found = regimes_table(usual)
    assert len(found.rows) == table.height
    candidates = [score.model for score in usual.candidates]
    assert [group.label for group in found.groups][:2] == [model.upper() for model in candidates]
    first = table.filter(model=candidates[0]).row(0, named=True)
    cells = dict(zip([column.label for column in found.columns], found.groups[0].rows[0], strict=True))
    assert (cells["Group"], cells["Forecasts"]) == ("low volatility", str(first["n"]))
    assert cells["Skill"] == percent(first["skill"])
    unknown = next(cells for cells in found.rows if cells[0] == "unknown volatility")
    assert unknown[1] == "12"
    assert "not tested" in unknown[-1]


def test_a_table_that_would_be_too_long_holds_the_candidates_alone_and_says_so(usual: RunResult) -> None:
    rows = [row("hour", "00:00")._replace(model=score.model, place=at) for score in usual.rivals for at in range(80)]
    table = regimes_table(with_rows(usual, REGIMES, rows))
    assert {group.label for group in table.groups} == {"GRU", "LSTM"}
    assert table.caption.endswith(f"The numbers of 4 more models are in {REGIMES.file}.")
    many = [one._replace(place=at) for one in rows for at in range(4)]
    (group,) = regimes_table(with_rows(usual, REGIMES, many)).groups
    assert len(group.rows) <= MOST_ROWS


def test_a_regime_that_the_report_has_no_words_for_is_shown_by_its_own(usual: RunResult) -> None:
    odd = "{0.__class__} <b>"
    result = given_rows(usual, [row(odd, "{1}", p=0.01), row(odd, "other")])
    assert regimes_title(result, "gru") == f"GRU is significantly better than zero only at {{1}} ({odd})"
    shown = figure(result)
    assert "<b>" not in shown.svg
    assert isinstance(shown.numbers, Table)
