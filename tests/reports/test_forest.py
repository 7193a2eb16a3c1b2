"""Tests of the forest plot: its title follows the intervals, and what is not drawn to scale is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backtest.data.names import Status
from backtest.reports.blocks import Figure
from backtest.reports.figures.canvas import colours
from backtest.reports.figures.forest import forest
from backtest.reports.result import Score
from backtest.reports.run import RunResult
from backtest.reports.sections.forest import caption, forest_table, forest_title, power_sentences
from backtest.reports.sections.forest import forest as section
from tests.support.candidates import altered, candidate, scored


def gap(model: str, low: float | None, high: float | None, status: Status | None = None, p: float = 0.5) -> Score:
    return replace(scored(model, ((low or 0) + (high or 0)) / 2, status), skill_low=low, skill_high=high, p_adjusted=p)


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([gap("gru", -0.1, 0.2, "no evidence")], "GRU is not significantly different from zero"),
        (
            [gap("gru", -0.1, 0.2, "no evidence"), gap("lstm", -0.1, 0.1, "no evidence")],
            "GRU and LSTM are not significantly different from zero",
        ),
        ([gap("gru", 0.1, 0.2, "better", 0.01)], "GRU is significantly better than zero"),
        (
            [gap("gru", 0.1, 0.2, "better", 0.01), gap("lstm", -0.2, -0.1, "worse")],
            "GRU is significantly better than zero; LSTM is significantly worse than zero",
        ),
        (
            [gap("gru", 0.1, 0.2, "no evidence", 0.2)],
            "GRU is significantly better than zero, but not after adjustment for multiple testing",
        ),
        (
            [gap("gru", 0.1, 0.2, "better", 0.01), gap("lstm", 0.1, 0.2, "no evidence", 0.2)],
            "GRU and LSTM are significantly better than zero, but for LSTM not after adjustment for multiple testing",
        ),
        (
            [gap("gru", -0.2, -0.1, "no evidence"), gap("lstm", -0.2, -0.1, "worse")],
            "GRU and LSTM are significantly worse than zero, but for GRU not after adjustment for multiple testing",
        ),
        (
            [gap("gru", -0.001, 0.2, "better", 0.04)],
            "GRU is not significantly different from zero, although the one-sided test finds GRU better",
        ),
        (
            [gap("gru", 0.1, 0.2, "cannot tell", 0.01)],
            "GRU is significantly better than zero, but there is too little evidence to judge",
        ),
        ([gap("gru", None, None, "no evidence")], "GRU has no interval"),
        ([gap("ridge", -0.1, 0.2)], "ridge is not significantly different from zero"),
    ],
)
def test_the_title_of_the_forest_tells_whose_interval_holds_zero(
    usual: RunResult, rows: list[Score], title: str
) -> None:
    assert forest_title(altered(usual, scores=(scored("zero", 0.0), *rows))) == title


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([gap("naive", -1.1, -1.0), gap("gru", -0.01, 0.01, "no evidence")], "at arrows: naive (+105\xa0%)."),
        ([gap("gru", -0.01, 0.01), gap("lstm", -0.2, 0.1, "no evidence")], "A bar that ends in an arrow extends"),
        ([gap("gru", None, None, "no evidence")], "have no interval, because it could not be computed: GRU."),
    ],
)
def test_what_the_forest_does_not_draw_to_scale_is_said(usual: RunResult, rows: list[Score], words: str) -> None:
    assert words in caption(usual, rows, 0.12)
    assert words not in caption(usual, [gap("gru", -0.01, 0.01, "no evidence")], 0.12)


def test_the_smallest_gain_that_would_have_shown_is_explained_only_where_it_is_drawn(usual: RunResult) -> None:
    score = gap("gru", -0.01, 0.01, "no evidence")
    near, far = (replace(score, candidate=candidate("no evidence", detectable=size)) for size in (0.1, 0.7))
    assert "80 % power" in caption(usual, [near], 0.12)
    assert "80 % power" not in caption(usual, [far], 0.12)
    assert "the smallest detectable gain of GRU (70\xa0%)." in caption(usual, [far], 0.12)
    assert "Off the scale" not in caption(usual, [near], 0.12)
    hopeless = replace(score, candidate=candidate("no evidence", detectable=1.74))
    assert "Off the scale" not in caption(usual, [hopeless], 0.12)
    assert forest_table([hopeless], usual).rows[0][-1] == "none"


@pytest.mark.parametrize(
    ("status", "ends", "least", "said"),
    [
        ("no evidence", (-0.1, 0.1), 0.7, ("of the size that the interval allows: it would take 70\xa0% for GRU.",)),
        ("no evidence", (-0.1, 0.9), 0.7, ("too small to detect gains below 70\xa0% for GRU.",)),
        ("no evidence", (-0.1, 0.1), 1.74, ("too small to detect even a perfect forecast by GRU.",)),
        ("no evidence", (-0.1, 0.1), 0.05, ()),
        ("better", (0.1, 0.2), 0.7, ()),
        ("cannot tell", (-0.1, 0.1), 0.7, ()),
        ("no evidence", (-0.1, 0.1), None, ()),
    ],
)
def test_a_sample_too_small_to_show_a_plausible_gain_is_called_so(
    status: Status, ends: tuple[float, float], least: float | None, said: tuple[str, ...]
) -> None:
    score = replace(gap("gru", *ends, status), candidate=candidate(status, detectable=least))
    found = power_sentences([score])
    assert len(found) == len(said)
    assert all(words in sentence for words, sentence in zip(said, found, strict=True))


def test_several_models_share_one_sentence() -> None:
    scores = [
        replace(gap(model, -0.1, 0.1), candidate=candidate("no evidence", model, detectable=0.7))
        for model in ("gru", "lstm")
    ]
    (said,) = power_sentences(scores)
    assert said == (
        "The sample is too small to detect gains of the size that the intervals allow: "
        "it would take 70\xa0% for GRU and 70\xa0% for LSTM."
    )


def test_beside_worse_stands_the_p_of_being_worse(usual: RunResult) -> None:
    own = candidate("worse", "lstm", p_worse=0.004, p_worse_adjusted=0.008)
    lost = replace(gap("lstm", -0.2, -0.1, p=1.0), p_value=0.996, candidate=own)
    other = replace(gap("gru", -0.1, 0.1, "no evidence", p=0.9), p_value=0.45)
    table = forest_table([lost, other], usual)
    assert [row[5:7] for row in table.rows] == [("0.004", "0.008"), ("0.45", "0.90")]
    assert "for a model judged worse, that of being worse" in table.caption
    assert "worse" not in forest_table([other], usual).caption
    _, *_, figure = section(altered(usual, scores=(scored("zero", 0.0), other, lost)))
    assert isinstance(figure, Figure)
    assert ">0.008<" in figure.svg
    assert "for a model judged worse, that of being worse" in figure.caption


@pytest.mark.parametrize(("limit", "arrows"), [(2.0, 0), (0.1, 1)])
def test_a_gap_off_the_scale_is_an_arrow_with_its_number(usual: RunResult, limit: float, arrows: int) -> None:
    near, far = (replace(score, skill_low=None, skill_high=None) for score in usual.scores[2:4])
    scores = [replace(near, skill=0.01), replace(far, skill=-1.04)]
    beside = dict.fromkeys((score.model for score in scores), "0.50")
    svg = forest(scores, colours(usual), beside, limit, "axis", "alt")
    assert svg.count(">+104\xa0%<") == arrows
    assert svg.count(">0.50<") == 2
