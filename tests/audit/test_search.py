"""The searches for leaks of features: perturbations, the grid, counterexamples, warm-up, external series."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.audit.availability import SeriesReads, check_publication, check_stamps
from backtest.audit.counterexample import first_place
from backtest.audit.features import LONGEST, Effort, check_features
from backtest.audit.lookback import Lookback, check_lookback
from backtest.audit.perturbations import Grid
from backtest.audit.recompute import Computation
from backtest.data.records.audit import Note, Subject
from tests.support.computations import BARS, CLOSE, TIME, computation_of, only_counterexample
from tests.support.strategies import HOUR

CUTS, GRID = Effort(cuts=20, grids=0), Effort(cuts=0, grids=400)

# searches

ONLY_BY: dict[str, pl.Expr] = {
    "noise": CLOSE.shift(-1),
    "huge": CLOSE * (CLOSE.max() > 1e4 * CLOSE.first()),
    "tiny": CLOSE * (CLOSE.min() < 1e-4 * CLOSE.first()),
    "nan": CLOSE * CLOSE.is_nan().any(),
    "removed": CLOSE * pl.len(),
}


@pytest.mark.parametrize("perturbation", ONLY_BY)
def test_every_perturbation_finds_a_leak_that_no_other_does(perturbation: str) -> None:
    found = check_features(computation_of({"x": ONLY_BY[perturbation], "y": CLOSE}), {}, CUTS)
    assert only_counterexample(found).perturbation == perturbation


def at(place: int, there: pl.Expr, elsewhere: pl.Expr) -> pl.Expr:
    """One expression at one bar, and another one everywhere else."""
    return pl.when(pl.lit(BARS["time"][place]) == TIME).then(there).otherwise(elsewhere)


SLIGHT: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "the next value": lambda x: x.shift(-1),
    "the larger of this and the next": lambda x: pl.max_horizontal(x, x.shift(-1)),
    "the smaller of this and the next": lambda x: pl.min_horizontal(x, x.shift(-1)),
    "whether the next is larger": lambda x: (x.shift(-1) > x).cast(pl.Float64),
}


VALUES = {"a price": CLOSE, "a moving mean": CLOSE.rolling_mean(5), "a moving sum": pl.col("volume").rolling_sum(5)}


@pytest.mark.parametrize("place", [30, 101, 188])
@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("peek", SLIGHT)
def test_the_grid_finds_a_single_peek_at_one_bar(peek: str, values: str, place: int) -> None:
    expr = at(place, SLIGHT[peek](VALUES[values]), VALUES[values])
    found = check_features(computation_of(expr), {"x": Lookback(4)}, GRID)
    shown = only_counterexample(found)
    assert datetime.fromisoformat(shown.time) == BARS["time"][place]
    assert shown.ahead == 1


def test_a_look_back_that_is_too_short_is_not_taken_for_a_read_of_later_bars() -> None:
    longer = {"sum": CLOSE.cum_sum(), "mean": CLOSE.rolling_mean(90), "average": CLOSE.ewm_mean(span=30)}
    found = check_features(computation_of(longer), dict.fromkeys(longer, Lookback(2)), GRID)
    assert not found.leaks


@pytest.mark.parametrize("lookback", [None, Lookback(LONGEST // 2), Lookback(4, tolerance=0.1)])
def test_a_feature_without_a_grid_is_tried_bar_by_bar(lookback: Lookback | None) -> None:
    expr, lookbacks = at(101, CLOSE.shift(-1), CLOSE), {"x": lookback} if lookback else {}
    assert (
        only_counterexample(check_features(computation_of(expr), lookbacks, Effort(cuts=0, grids=400, bars=200))).ahead
        == 1
    )
    some = check_features(computation_of(CLOSE), lookbacks, Effort(cuts=0, grids=400, bars=50))
    assert some.notes == [Note("sampled_bars", names=("x",), numbers={"bars": 50, "total": 199})]


@given(st.integers(1, 40), st.integers(0, 39), st.integers(0, 40), st.integers(0, 80))
def test_unaffected_places_lie_out_of_reach_of_the_grid_point_before(
    period: int, offset: int, lookback: int, last: int
) -> None:
    grid = Grid(offset % period, period, lookback)
    perturbed = set(range(grid.offset, last + 1, period))
    clean = grid.unaffected(pl.Series(range(last + 1), dtype=pl.Int64), last)
    for place in range(last + 1):
        reached = any(place - lookback <= point <= place for point in perturbed)
        followed = any(point > place for point in perturbed)
        assert clean[place] == (followed and not reached)
        if clean[place]:
            assert grid.next_after(place) == min(point for point in perturbed if point > place)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_the_first_place_is_found_by_bisection(low: int, width: int, offset: int) -> None:
    first = low + min(offset, width)
    assert first_place(low, low + width, lambda place: place >= first) == first


@pytest.mark.parametrize(
    ("expr", "ahead"),
    [
        (CLOSE.shift(-7), 7),
        (CLOSE.shift(-2) + CLOSE.shift(-9), 2),
        (CLOSE.rolling_mean(9, center=True), 1),
        (CLOSE * pl.len(), 1),
        (CLOSE - CLOSE.last(), 1),
        (CLOSE - CLOSE.get(150), 1),
    ],
)
def test_a_counterexample_is_the_value_nearest_to_what_it_reads(expr: pl.Expr, ahead: int) -> None:
    found = check_features(computation_of(expr), {}, CUTS)
    shown = only_counterexample(found)
    assert shown.ahead == ahead
    assert datetime.fromisoformat(shown.reads or "") - datetime.fromisoformat(shown.time) == ahead * HOUR


# warm-up


@pytest.mark.parametrize(
    ("expr", "lookback", "back"),
    [
        (CLOSE.shift(5), 4, 5),
        (CLOSE.shift(5) + CLOSE.shift(9), 3, 9),
        (CLOSE.rolling_mean(30), 20, 29),
        (at(150, CLOSE.shift(60), CLOSE), 3, 60),
    ],
)
def test_a_look_back_that_is_too_short_is_shown_with_the_earliest_bar_read(
    expr: pl.Expr, lookback: int, back: int
) -> None:
    found = check_lookback(computation_of({"x": expr, "y": CLOSE.cum_sum()}), {"x": Lookback(lookback)}, 40)
    shown = only_counterexample(found)  # y declares no look-back
    assert (found.leaks["x"].code, found.leaks["x"].numbers) == ("exceeds_lookback", {"lookback": lookback})
    assert shown.ahead == -back


def test_the_exact_look_back_passes_whatever_the_rounding() -> None:
    exact = {"mean": CLOSE.rolling_mean(24), "spread": CLOSE.rolling_std(24), "itself": CLOSE}
    lookbacks = {"mean": Lookback(23), "spread": Lookback(23), "itself": Lookback(0)}
    assert not check_lookback(computation_of(exact), lookbacks, 40).leaks


def test_a_tolerance_bounds_how_far_older_bars_move_a_value() -> None:
    faint = CLOSE + 0.01 * CLOSE.first()
    step = 0.01 * float((BARS["close"] - BARS["close"][0]).abs().max() or 0) / float(BARS["close"].std() or 0)  # type: ignore[arg-type]
    assert not check_lookback(computation_of(faint), {"x": Lookback(0, 1.01 * step)}, 40).leaks
    assert check_lookback(computation_of(faint), {"x": Lookback(0, 0.3 * step)}, 40).leaks


# publication


def series(lag: timedelta, **values: pl.Expr) -> pl.DataFrame:
    """One value every eight bars, published a while after its time."""
    about = BARS.gather_every(8).select("time", known_at=TIME + lag, **values)
    return about.with_columns(known_at=pl.col("known_at").cast(about.schema["time"]))


def reading(frame: pl.DataFrame, on: str) -> SeriesReads:
    """A feature that joins a series on one of its instants, and one that reads none."""

    def compute(given: dict[str, pl.DataFrame]) -> pl.DataFrame:
        closes = BARS.select("symbol", "time", own="close", close=TIME + HOUR)
        right = given["funding"].select(pl.col(on).alias("close"), "rate").sort("close")
        return closes.join_asof(right, on="close", check_sortedness=False).drop("close")

    known = {"funding": frame}
    computation = Computation.of(lambda changed: compute(known), BARS)
    return SeriesReads(computation, known, lambda given: compute(dict(given)), HOUR)


def test_a_read_after_publication_is_no_leak() -> None:
    assert not check_publication(reading(series(timedelta(hours=5), rate=CLOSE), "known_at"), 16).leaks


def test_a_read_before_publication_is_shown_with_the_time_of_publication() -> None:
    frame = series(timedelta(hours=5), rate=CLOSE)
    found = check_publication(reading(frame, "time"), 16)
    shown = only_counterexample(found, "rate")
    time, reads = datetime.fromisoformat(shown.time), datetime.fromisoformat(shown.reads or "")
    assert reads in frame["known_at"]
    assert reads - timedelta(hours=5) <= time + HOUR < reads
    assert (shown.ahead, shown.symbol) == (None, "A")


def test_values_stamped_too_early_are_counted_and_the_first_is_shown() -> None:
    frame = series(timedelta(0), rate=CLOSE)
    early = frame.with_columns(known_at=pl.when(pl.int_range(pl.len()) >= 20).then(TIME - HOUR).otherwise("known_at"))
    assert not list(check_stamps({"funding": frame}))
    (leak,) = check_stamps({"funding": early, "fine": frame})
    assert (leak.code, leak.subject, leak.numbers) == ("stamped_early", Subject("series", "funding"), {"count": 5})
    assert leak.counterexample
    assert datetime.fromisoformat(leak.counterexample.time) == early["time"][20]


def test_without_a_series_nothing_is_computed() -> None:
    found = check_publication(SeriesReads(computation_of(CLOSE), {}, lambda given: BARS, HOUR), 16)
    assert (found.leaks, found.tried) == ({}, 0)
