"""The parts of the audit of features: perturbations, computations, cut points."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.audit.perturbations import PERTURBATIONS, Perturbed, cut_points, noise
from backtest.audit.recompute import Computation
from backtest.data.reading.checks import rules
from backtest.data.reading.synthetic import make_bars
from backtest.data.records.audit import Perturbation
from tests.support.computations import BARS, CLOSE, computation_of
from tests.support.selection import examples
from tests.support.strategies import SEEDS, bars, columns_of_users

# perturbations


@st.composite
def bars_of_users(draw: st.DrawFn) -> pl.DataFrame:
    """Draw bars with a few more columns, as users have them."""
    frame = draw(bars(2, 15, symbols=2))
    return frame.hstack(draw(columns_of_users(frame.height)))


@given(bars_of_users(), SEEDS, st.sampled_from(sorted(PERTURBATIONS)))
def test_a_perturbation_keeps_keys_and_types_and_moves_prices(
    frame: pl.DataFrame, seed: int, kind: Perturbation
) -> None:
    perturbed = PERTURBATIONS[kind](frame, np.random.default_rng(seed))
    assert perturbed.schema == frame.schema
    assert perturbed.select("symbol", "time").equals(frame.select("symbol", "time"))
    for name in ("open", "high", "low", "close"):
        assert perturbed[name].ne_missing(frame[name]).all()


@given(bars(2, 100, symbols=2), SEEDS)
def test_noise_makes_valid_bars(frame: pl.DataFrame, seed: int) -> None:
    perturbed = noise(frame, np.random.default_rng(seed))
    assert perturbed.select(check.broken.any().alias(str(n)) for n, check in enumerate(rules(perturbed))).row(0) == (
        False,
    ) * len(rules(perturbed))
    assert not perturbed.equals(noise(frame, np.random.default_rng(seed + 1)))
    assert perturbed.equals(noise(frame, np.random.default_rng(seed)))


def test_each_perturbation_is_what_its_name_says() -> None:
    rng = np.random.default_rng(0)
    prices = {kind: perturb(BARS, rng)["close"] / BARS["close"] for kind, perturb in PERTURBATIONS.items()}
    volumes = {kind: perturb(BARS, rng)["volume"] for kind, perturb in PERTURBATIONS.items()}
    assert prices["noise"].log().is_between(-2, 2).all()
    assert prices["huge"].is_between(1e6, 2e6).all()
    assert prices["tiny"].is_between(1e-6, 2e-6).all()
    assert prices["huge"].n_unique() == prices["tiny"].n_unique() == BARS.height
    assert prices["nan"].is_nan().all()
    assert (volumes["tiny"] == 0).all()
    assert volumes["nan"].is_nan().all()


@given(bars_of_users(), SEEDS, st.sampled_from(sorted(PERTURBATIONS)), st.data())
def test_only_the_selected_rows_are_perturbed(
    frame: pl.DataFrame, seed: int, kind: Perturbation, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.booleans(), min_size=frame.height, max_size=frame.height))
    where, perturbed = pl.Series(rows), PERTURBATIONS[kind](frame, np.random.default_rng(seed))
    mixed = Perturbed("noise", frame, perturbed).where(where)
    assert mixed.schema == frame.schema
    assert mixed.filter(where).equals(perturbed.filter(where))
    assert mixed.filter(~where).equals(frame.filter(~where))


# computation


def table(*values: float | None, name: str = "x", start: int = 0) -> pl.DataFrame:
    """Values at the times of the first bars."""
    return BARS[start : start + len(values)].select("symbol", "time", pl.Series(name, values, dtype=pl.Float64))


@pytest.mark.parametrize(
    ("other", "moved"),
    [
        ((1.0, 2.0, None, float("nan")), []),
        ((1.0, 2.0, 3.0, float("nan")), [2]),
        ((None, 2.0, None, float("nan")), [0]),
        ((1.0, 2.0, None, 4.0), [3]),
        ((1.0, 2.0, None, None), [3]),
        ((1.0, np.nextafter(2.0, 3), None, float("nan")), [1]),
        ((1.0,), [1, 3]),
    ],
)
def test_a_value_moves_when_it_changes_or_is_missing(other: tuple[float | None, ...], moved: list[int]) -> None:
    computation = Computation(lambda frame: frame, BARS, table(1.0, 2.0, None, float("nan")))
    rows = computation.moved(table(*other), BARS["time"][3]).get("x", table())
    assert rows["time"].to_list() == [BARS["time"][place] for place in moved]


def test_later_values_and_the_order_of_rows_do_not_count() -> None:
    computation = Computation(lambda frame: frame, BARS, table(1.0, 2.0, 3.0))
    other = table(3.0, 2.0, 0.0).reverse()
    assert computation.moved(other, BARS["time"][1])["x"]["time"].to_list() == [BARS["time"][0]]


@pytest.mark.parametrize(("allowed", "count"), [(0.0, 3), (0.05, 2), (0.2, 1), (2.0, 1)])
def test_a_difference_is_allowed_in_standard_deviations_but_a_missing_value_is_not(allowed: float, count: int) -> None:
    computation = Computation(lambda frame: frame, BARS, table(0.0, 10.0, 20.0, 30.0))
    assert computation.spread["x"] == pytest.approx(12.91, abs=0.01)
    other = table(0.5, 12.0, 20.0, None)
    assert len(computation.moved(other, BARS["time"][3], allowed=allowed)["x"]) == count


def test_the_spread_is_that_of_finite_values_and_one_where_there_is_none() -> None:
    whole = table(1.0, 3.0, float("nan"), float("inf"), None).with_columns(same=2.0, text=pl.lit("a"))
    assert Computation(lambda frame: frame, BARS, whole).spread == {"x": pytest.approx(2**0.5), "same": 1.0}


def test_rows_are_identified_by_model_seed_fold_horizon_symbol_and_time() -> None:
    computation = Computation(
        lambda frame: frame, BARS, table(1.0).with_columns(model=pl.lit("a"), seed=None, y=1.0, known_at=2)
    )
    assert computation.keys(computation.whole) == ["model", "seed", "symbol", "time"]
    assert computation.columns == ("x", "y", "known_at")


# cut points


@given(bars(2, 120, holes=True, symbols=2), st.integers(0, 60), SEEDS)
@examples(50)
def test_cut_points_ascend_and_leave_bars_after_them(frame: pl.DataFrame, count: int, seed: int) -> None:
    computation = computation_of(CLOSE.diff(), frame)
    places = cut_points(computation, count, np.random.default_rng(seed))
    assert places == sorted(set(places))
    assert places[0] == 0
    assert places[-1] < len(computation.times) - 1
    assert len(places) >= min(count, len(computation.times)) // 3


def test_cut_points_begin_at_the_first_value() -> None:
    late = Computation.of(lambda frame: frame.select("symbol", "time", x=CLOSE)[150:], BARS)
    assert cut_points(late, 40, np.random.default_rng(0))[0] == 150


def odd_bars() -> tuple[pl.DataFrame, dict[str, int]]:
    """Hourly bars of one day and a bit with one oddity of each kind, and the cut point that it requires.

    Three jumps take the places that jumps have.
    """
    place = pl.int_range(pl.len())
    steady = make_bars(46, taker=False).filter(place != 35).with_columns(close=100 * 1.001**place, volume=5.0)
    silent = steady.with_columns(volume=pl.when(place == 9).then(0.0).otherwise("volume"))
    still = silent.with_columns(close=pl.when(place == 19).then(CLOSE.shift()).otherwise(CLOSE))
    frame = still.with_columns(close=CLOSE * 2 ** ((place >= 5).cast(int) + (place >= 14) + (place >= 28)))
    places = {"no trade": 9, "before no trade": 8, "no move": 19, "before a jump": 13}
    return frame, places | {"before a new day": 23, "before a hole": 34}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("oddity", odd_bars()[1])
def test_cut_points_include_every_oddity(oddity: str, seed: int) -> None:
    frame, expected = odd_bars()
    assert expected[oddity] in cut_points(computation_of(CLOSE, frame), 0, np.random.default_rng(seed))


def test_cut_points_include_missing_values() -> None:
    missing = pl.when(pl.int_range(pl.len()) == 77).then(None).otherwise(CLOSE)
    assert 77 in cut_points(computation_of(missing), 0, np.random.default_rng(0))
