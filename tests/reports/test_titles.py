"""Tests of the titles of the sections: they say what the numbers say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from backtest.reports.blocks import Note
from backtest.reports.diagnostics import Calibration, Fit, LossPath
from backtest.reports.result import Fold, Score
from backtest.reports.run import RunResult, read
from backtest.reports.sections import SECTIONS
from backtest.reports.sections.calibration import calibration_title
from backtest.reports.sections.cumulative_loss import (
    axis_limit,
    cumulative_loss_caption,
    cumulative_loss_title,
    fold_end_table,
    visible_paths,
)
from backtest.reports.sections.folds import folds_caption, folds_title, skill_title
from backtest.reports.sections.learning import learning_title
from backtest.reports.sections.scores import scores_title
from tests.support.candidates import altered, candidate, judged, scored
from tests.support.fake_run import Plan, make

PLAN = Plan(folds=3, test=84)


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        (
            [scored("gru", 0.004, "better")],
            "The squared error of GRU is 0.40\xa0% lower than zero's, which is significant",
        ),
        ([scored("gru", 0.004, "no evidence")], "lower than zero's, which is not significant"),
        ([scored("gru", 0.004, "cannot tell")], "but there is too little evidence to judge"),
        ([scored("gru", 1e-7, "no evidence")], "The squared error of GRU is under 0.01\xa0% lower than zero's, which"),
        (
            [scored("ridge", 0.0002), scored("gru", 0.0001, "no evidence")],
            "lower than zero's, which is not significant; that of the baseline ridge is 0.02\xa0% lower",
        ),
        (
            [scored("ridge", 0.0002), scored("gru", -0.004, "no evidence")],
            "of GRU is 0.40\xa0% higher; that of the baseline ridge is 0.02\xa0% lower, which is not significant",
        ),
        (
            [replace(scored("ridge", 0.02), p_adjusted=0.01), scored("gru", -0.004, "no evidence")],
            "that of the baseline ridge is 2.00\xa0% lower, which is significant",
        ),
        (
            [scored("ridge", -0.001), scored("gru", -0.004, "no evidence")],
            "the squared error of GRU is 0.40\xa0% higher; the baseline ridge comes closer",
        ),
        ([scored("ridge", -0.01), scored("gru", 0.004, "leak suspected")], "0.40\xa0% lower than zero's"),
        ([scored("gru", -0.004, "worse")], "No model beats zero: the squared error of GRU is 0.40\xa0% higher"),
        ([scored("gru", -0.1, "worse"), scored("lstm", -0.2, "worse")], "of GRU, the best model, is 10.00\xa0% higher"),
        ([scored("naive", -1.0)], "No baseline beats zero: the squared error of naive is 100.00\xa0% higher"),
        ([], "There is no model to compare with zero"),
    ],
)
def test_the_title_of_the_scores_follows_the_leader(usual: RunResult, rows: list[Score], title: str) -> None:
    assert title in scores_title(altered(usual, scores=(scored("zero", 0.0), *rows)))


def path(*at_fold_end: float) -> LossPath:
    times = np.arange(len(at_fold_end)).astype("datetime64[D]")
    return LossPath("gru", times, np.asarray(at_fold_end), dict(enumerate(at_fold_end)))


@pytest.mark.parametrize(
    ("ends", "title"),
    [
        ((-0.1, -0.3, -0.4), "GRU was ahead of zero in every fold, most clearly in fold 1"),
        ((-0.1, -0.3, -0.2), "GRU was ahead of zero in 2 of 3 folds, most clearly in fold 1"),
        (
            (0.1, -0.3, -0.2),
            "GRU was ahead of zero in 1 of 3 folds, but not overall without fold 1 (from 20 February 2020)",
        ),
        ((-0.1, -0.2, -0.3), "GRU was ahead of zero in every fold, most clearly in fold 0"),
        ((-0.1, 0.3, 0.2), "GRU fell behind zero: ahead in 2 of 3 folds, largest loss in fold 1"),
    ],
)
def test_the_title_of_the_cumulative_loss_tells_one_lucky_spell_from_a_steady_gain(
    usual: RunResult, ends: tuple[float, ...], title: str
) -> None:
    assert cumulative_loss_title(path(*ends), usual.folds, "zero").replace("\xa0", " ").startswith(title)


def test_a_baseline_far_off_the_scale_is_left_out_of_the_picture_but_not_of_its_numbers(usual: RunResult) -> None:
    shown = visible_paths(usual, axis_limit(usual))
    assert "naive" not in {one.model for one in shown}
    assert {"gru", "lstm"} <= {one.model for one in shown}
    assert "Not shown, far off the scale: naive." in cumulative_loss_caption(usual, shown, axis_limit(usual))
    heads = [column.label for column in fold_end_table(usual).columns]
    assert "naive" in heads


def test_the_leading_model_is_not_squeezed_by_a_worse_one_which_is_cut_off_and_said_so(usual: RunResult) -> None:
    first, second = (score.model for score in usual.candidates)
    ends = dict.fromkeys((path.model for path in usual.paths), 0.0) | {first: -0.01, second: 0.3, "mean": -0.03}
    paths = tuple(LossPath(model, path(end).times, np.asarray([end]), {0: end}) for model, end in ends.items())
    result = altered(usual, paths=paths)
    assert axis_limit(result) == pytest.approx(0.04)
    assert [one.model for one in visible_paths(result, axis_limit(result))] == [*ends]
    assert f"Cut off at triangles: {second.upper()} (ends at +30.00\xa0%)." in cumulative_loss_caption(
        result, paths, axis_limit(result)
    )


@pytest.mark.parametrize(
    ("slope", "title"),
    [
        ((0.5, 1.1, 1.7), "are consistent with perfect calibration"),
        ((0.1, 0.3, 0.5), "point in the right direction but are too large"),
        ((1.2, 2.0, 2.8), "point in the right direction but are too small"),
        ((-0.5, 0.1, 0.7), "No evidence that larger forecasts of GRU come before larger outcomes"),
        ((-0.5, 0.3, 1.1), "It is unclear whether larger forecasts of GRU come before larger outcomes"),
        ((-0.9, -0.5, -0.1), "point in the wrong direction"),
    ],
)
def test_the_title_of_the_calibration_follows_the_slope(slope: tuple[float, float, float], title: str) -> None:
    low, middle, high = slope
    assert title in calibration_title(Calibration("gru", (), middle, low, high, 0.05))
    assert "collapsed" in calibration_title(Calibration("gru", (), middle, low, high, 0.009))


def test_forecasts_that_collapsed_to_a_constant_are_named(tmp_path: Path) -> None:
    found = read(make(tmp_path, replace(PLAN, constant=("lstm", "gru"))))
    texts = [block.text for block in SECTIONS["calibration"](found) if block.kind == "text"]
    assert len(texts) == 1
    assert "LSTM" in texts[0]
    assert "GRU" in texts[0]


def fit(best: int, epochs: int) -> Fit:
    return Fit("gru", 0, 0, np.ones(epochs), np.ones(epochs), best)


@pytest.mark.parametrize(
    ("fits", "title"),
    [
        ([fit(4, 9), fit(6, 9)], "The validation loss was lowest after a median of 5 epochs"),
        ([fit(1, 9), fit(1, 9), fit(6, 9)], "67\xa0% of the fits were best after one epoch"),
        ([fit(1, 1), fit(1, 1)], "The networks were trained for only one epoch"),
        ([fit(9, 9), fit(9, 9), fit(6, 9)], "67\xa0% of the fits were still improving when training ended"),
    ],
)
def test_the_title_of_the_learning_curves_follows_the_kept_epochs(fits: list[Fit], title: str) -> None:
    assert learning_title(fits).startswith(title)


def test_a_test_span_before_the_end_of_training_is_called_out(usual: RunResult) -> None:
    assert "every test period comes after" in folds_title(usual.folds)
    early: Fold = replace(usual.folds[1], test_start=usual.folds[1].train_start)
    assert folds_title([usual.folds[0], early]) == (
        "The test period of fold 1 overlaps training or validation: the results are unreliable"
    )
    assert folds_title([early, replace(early, number=2)]) == (
        "The test periods of folds 1 and 2 overlap training or validation: the results are unreliable"
    )


def test_a_rolling_window_is_told_from_an_expanding_one(usual: RunResult) -> None:
    rolling = [replace(fold, train_start=fold.train_start + timedelta(days=fold.number)) for fold in usual.folds]
    assert "an expanding window" in folds_title(usual.folds)
    assert "a rolling window" in folds_title(rolling)


def test_the_title_of_the_skill_names_the_worst_and_the_best_fold(usual: RunResult) -> None:
    leader = usual.candidates[0].model
    folds = [
        replace(fold, skills={leader: value}) for fold, value in zip(usual.folds, (0.01, -0.02, 0.03), strict=True)
    ]
    title = skill_title(altered(usual, folds=tuple(folds)))
    assert "from −2.00\xa0% in its worst fold to +3.00\xa0% in its best" in title


def test_the_gap_is_told_in_time_and_refits_are_counted(usual: RunResult) -> None:
    assert "A gap of 1\xa0h before" in folds_caption(usual.folds)
    assert "refitted in every fold" in folds_caption(usual.folds)
    weekend = [replace(fold, test_start=fold.test_start + timedelta(days=fold.number // 2)) for fold in usual.folds]
    assert "A gap of 1\xa0h to 1\xa0d\xa01\xa0h before" in folds_caption(weekend)
    reused = [replace(fold, fit_fold=0) for fold in usual.folds]
    assert "refitted 1 time in 3 folds" in folds_caption(reused)


def test_a_claim_that_one_fold_carries_is_said_not_to_survive_without_it(usual: RunResult) -> None:
    result = judged(usual, candidate("worse", fragile=True, worst_p=0.4, worst_fold=2))
    (note,) = (block.text for block in SECTIONS["skill"](result) if isinstance(block, Note))
    assert note == "Without fold 2, GRU is no longer significantly worse than zero."
