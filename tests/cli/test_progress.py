"""Progress: what a fit's line says, and a time left that is sensible from the first estimate on."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from backtest.cli.progress import TimeLeft, WalkProgress, loss_change, time_left
from backtest.models.forecaster import Epoch, FitLog
from backtest.walk.store import Record
from tests.support.small_run import small


def record(*losses: float, key: str = "k", fold: int = 0) -> Record:
    epochs = tuple(Epoch(1.0, loss) for loss in losses)
    return Record(key, "lstm", 0, fold, FitLog(epochs), 100, {})


def arrivals(costs: list[float], workers: int, start_up: float, pace: float) -> list[tuple[float, float]]:
    """Instants at which fits finish, each with its cost: every worker starts up, then takes the next in the list."""
    free, done = [start_up] * workers, []
    for cost in costs:
        worker = free.index(min(free))
        free[worker] += cost / pace
        done.append((free[worker], cost))
    return sorted(done)


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("start_up", [0.0, 4.0, 60.0])
def test_every_estimate_of_the_time_left_is_within_a_factor_of_two(workers: int, start_up: float) -> None:
    costs = [days * fit for days in range(60, 20, -1) for fit in (100.0, 90.0, 110.0, 100.0, 1.0, 1.0, 2.0)]
    done = arrivals(costs, workers, start_up, pace=2_000.0 / workers)
    clock = TimeLeft(sum(cost for _, cost in done), workers, started=0.0)
    end, estimates = done[-1][0], []
    for now, cost in done:
        clock.add(cost, now)
        seconds = clock.seconds_left(now)
        if seconds is not None and end - now > 0.2 * end:
            estimates.append(seconds / (end - now))
    assert len(estimates) > 40
    assert 0.5 < min(estimates) <= max(estimates) < 2.0
    assert clock.seconds_left(end) == 0.0


def test_there_is_no_estimate_from_a_single_result_or_a_batch_that_arrives_at_once() -> None:
    clock = TimeLeft(100.0, workers=2, started=0.0)
    assert clock.seconds_left(5.0) is None
    for _ in range(5):
        clock.add(1.0, 10.0)
        assert clock.seconds_left(10.0) is None
    clock.add(1.0, 10.1)
    clock.add(1.0, 10.2)
    assert clock.seconds_left(10.2) is None
    clock.add(1.0, 20.0)
    assert clock.seconds_left(20.0) == pytest.approx(10.0 * 92 / 3)


def test_time_left_is_rounded_to_what_an_estimate_deserves() -> None:
    texts = [time_left(seconds) for seconds in (None, 3.0, 44.0, 95.0, 4_000.0)]
    assert texts == [
        "estimating the time left",
        "a few seconds left",
        "about 40 s left",
        "about 2 min left",
        "about 1 h 5 min left",
    ]


def test_a_fits_loss_is_its_own_relative_to_its_first_epoch() -> None:
    assert loss_change(record(0.8, 0.6, 0.7)) == ["validation loss 25.0 % lower in epoch 2 than in epoch 1"]
    assert loss_change(record(0.5, 0.6)) == ["validation loss lowest in epoch 1 of 2"]
    assert loss_change(record(0.8, 0.79999)) == ["validation loss less than 0.1 % lower in epoch 2 than in epoch 1"]
    assert loss_change(record()) == []


def test_lines_name_the_fit_that_finished_and_count_fits_and_folds() -> None:
    prepared, text = small(), io.StringIO()
    progress = WalkProgress(Console(file=text, width=80))
    progress.begin(prepared, [], workers=1)
    progress.printed -= 60
    task = next(task for task in prepared.tasks if task.model == "lstm" and task.fold.index == 2)
    progress.advance(record(0.8, 0.6, key=task.key, fold=2))
    span = task.fold.test
    line = " ".join(text.getvalue().split())
    assert "28 fits in 4 folds and 7 final fits on all bars (used by `backtest forecast`), on 1 worker" in line
    assert "1 of 35 fits, 0 of 4 folds, estimating the time left" in line
    assert f"last: LSTM seed 0, fold 2, {span.start:%Y-%m-%d} to {span.end:%Y-%m-%d};" in line
    assert line.endswith("validation loss 25.0 % lower in epoch 2 than in epoch 1")
    assert max(map(len, text.getvalue().splitlines())) <= 80
    progress.end()


def test_the_last_line_is_printed_and_folds_are_counted_when_their_last_fit_is_done() -> None:
    prepared, text = small(), io.StringIO()
    progress = WalkProgress(Console(file=text, width=200))
    *earlier, last = prepared.tasks
    records = [replace(record(), key=task.key, fold=task.fold.index) for task in earlier]
    progress.begin(prepared, records, workers=2)
    assert "on 2 workers; 34 done before" in text.getvalue()
    progress.advance(replace(record(), key=last.key, fold=last.fold.index))
    assert "35 of 35 fits, 4 of 4 folds, done; last: LSTM seed 1, final fit on all bars" in text.getvalue()
    assert last.fold.test.end - last.fold.test.start == timedelta(0)
    progress.end()
