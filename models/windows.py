"""Views of the last `window` rows before each origin, never copied, never across a symbol or a hole in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from backtest.data.target_columns import BAR_CHANGE, BAR_QUARTICITY, BAR_VARIANCE, outcome_column
from backtest.data.targets import target_of

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of equal length over shared rows; `ends[i]` is the row of the i-th origin, the last it may see.

    Attributes
    ----------
    features
        Feature rows (rows, k).
    returns
        Log return of each row's bar (rows,), or the change of the series where that is forecast.
    targets
        Outcomes over the next bars (rows, H), a column for each horizon; None where they are not to be seen.
    ends
        Rows of the origins (n,), ascending.
    window
        Rows per window.
    horizons
        Bars ahead (H,), ascending.
    variances
        Variance of each row's bar (rows,), where the target is one; None otherwise.
    quarticities
        Realised quarticity of each row's bar (rows,), in squared units of the variances; None where there is none.
    additive
        Whether an outcome is the sum of the `returns` of the next bars.
    place
        Numbers (rows,) that differ by one for neighbours in one stretch of bars, by more across a hole or from symbol
        to symbol, and are the same for the same row in other windows of a walk.
    """

    features: Floats
    returns: Floats
    targets: Floats | None
    ends: Indices
    window: int
    horizons: tuple[int, ...]
    variances: Floats | None = None
    quarticities: Floats | None = None
    additive: bool = False
    place: Indices | None = None

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.ends)

    @property
    def x(self) -> Floats:
        """Feature windows (n, window, k); a view where the origins are neighbours, else a copy."""
        return self._last(self.features).transpose(0, 2, 1)

    @property
    def past_returns(self) -> Floats:
        """Windows of one-bar log returns, or changes of a series that is forecast (n, window), the newest last.

        A view where the origins are neighbours.
        """
        return self._last(self.returns)

    @property
    def past_variances(self) -> Floats:
        """Windows of the bars' variances (n, window), the newest last; LookupError where the target is none."""
        if self.variances is None:
            raise LookupError("these windows have no variances: expected a target such as log_variance")
        return self._last(self.variances)

    @property
    def past_quarticities(self) -> Floats:
        """Windows of the bars' realised quarticities (n, window), the newest last; LookupError where there are none."""
        if self.quarticities is None:
            raise LookupError("these windows have no quarticities: expected variances from finer bars, or a file's")
        return self._last(self.quarticities)

    @property
    def y(self) -> Floats:
        """Targets (n,), or (n, H) of several horizons; LookupError where they are not to be seen."""
        if self.targets is None:
            raise LookupError("these windows hide their targets: a model may see them in fit, never in predict")
        targets = self.targets[self.ends]
        return targets if len(self.horizons) > 1 else targets[:, 0]

    @property
    def horizon(self) -> int:
        """Bars ahead; LookupError where there are several horizons."""
        if len(self.horizons) > 1:
            raise LookupError(f"these windows have the horizons {self.horizons}: use horizons, or only(h)")
        return self.horizons[0]

    def only(self, horizon: int) -> Windows:
        """The same windows with one of their horizons."""
        place = self.horizons.index(horizon)
        targets = None if self.targets is None else self.targets[:, place : place + 1]
        return replace(self, targets=targets, horizons=(horizon,))

    def hidden(self) -> Windows:
        """The same windows without their targets."""
        return replace(self, targets=None)

    def blocks(self, size: int = 8192) -> Iterator[Windows]:
        """Yield the same windows in pieces of at most `size`, so that memory does not grow with their number."""
        for start in range(0, len(self), size):
            yield replace(self, ends=self.ends[start : start + size])

    def with_rows(self, change: Callable[[Floats], Floats]) -> Windows:
        """The same windows over changed rows: features, returns, and the measures that there are, in this order."""
        features, returns = change(self.features), change(self.returns)
        variances = None if self.variances is None else change(self.variances)
        quarticities = None if self.quarticities is None else change(self.quarticities)
        return replace(self, features=features, returns=returns, variances=variances, quarticities=quarticities)

    def _last(self, rows: Floats) -> Floats:
        views = sliding_window_view(rows, self.window, axis=0)
        first = self.ends - self.window + 1
        if len(first) and first[-1] - first[0] == len(first) - 1:
            return views[first[0] : first[-1] + 1]
        return views[first]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """All rows of a run as arrays, sorted by symbol and time, with what makes a window whole.

    `targets` are (rows, H), a column for each of `horizons`, ascending; `target_time` (rows,) is that of the longest
    one, when all of them are known. `valid_length[i]` counts the complete rows ending at row i without a hole: a window
    fits where it reaches `window`. Minus infinity is the logarithm of zero, and `place` as in `Windows`.
    """

    names: tuple[str, ...]
    symbols: tuple[str, ...]
    time: Indices
    features: Floats
    returns: Floats
    targets: Floats
    target_time: Indices
    valid_length: Indices
    horizons: tuple[int, ...]
    variances: Floats | None = None
    quarticities: Floats | None = None
    additive: bool = False
    place: Indices | None = None

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether the outcomes of every horizon exist (rows,)."""
        return np.asarray(np.isfinite(self.targets).all(axis=1))

    def origins(self, start: datetime, end: datetime, *, window: int) -> Indices:
        """Rows in [start, end) with a whole window behind them and a target at every horizon."""
        inside = (self.time >= microseconds(start)) & (self.time < microseconds(end))
        return np.flatnonzero(inside & (self.valid_length >= window) & self.known)

    def training(self, start: datetime, end: datetime, *, window: int, known_by: datetime) -> Windows:
        """Windows that lie in [start, end) as a whole, with their targets, all of them known at `known_by`.

        The gap between spans sees to that by itself, but for several symbols of different hours.
        """
        ends = self.origins(start, end, window=window)
        ends = ends[self.time[ends - window + 1] >= microseconds(start)]
        inside = (self.time >= microseconds(start)) & (self.time < microseconds(end))
        return self._cut(np.flatnonzero(inside), self._known(ends, known_by), window)

    def validation(self, start: datetime, end: datetime, *, window: int, known_by: datetime) -> Windows:
        """Windows whose origins lie in [start, end), with their targets, all of them known at `known_by`."""
        ends = self._known(self.origins(start, end, window=window), known_by)
        return self._cut(np.flatnonzero(self.time < microseconds(end)), ends, window)

    def test(self, start: datetime, end: datetime, *, window: int) -> Windows:
        """Windows whose origins lie in [start, end), their targets hidden."""
        rows = np.flatnonzero(self.time < microseconds(end))
        return self._cut(rows, self.origins(start, end, window=window), window).hidden()

    def _known(self, ends: Indices, known_by: datetime) -> Indices:
        return ends[self.target_time[ends] <= microseconds(known_by)]

    def at(self, rows: Indices, *, window: int) -> Windows:
        """Windows that end at the given rows, ascending, targets hidden: for forecasts of what is not known yet."""
        return self._cut(np.arange(len(self.time)), rows, window).hidden()

    def _cut(self, rows: Indices, ends: Indices, window: int) -> Windows:
        """Windows over `rows` alone, so that no later row is within reach; views where the rows are neighbours."""
        neighbours = len(rows) and rows[-1] - rows[0] == len(rows) - 1
        kept = slice(int(rows[0]), int(rows[-1]) + 1) if neighbours else rows
        local = np.searchsorted(rows, ends)
        variances, quarticities = (None if each is None else each[kept] for each in (self.variances, self.quarticities))
        parts = self.features[kept], self.returns[kept], self.targets[kept]
        place = None if self.place is None else self.place[kept]
        return Windows(*parts, local, window, self.horizons, variances, quarticities, self.additive, place)


def panel(
    frame: pl.DataFrame, names: Sequence[str], horizons: tuple[int, ...] = (1,), kind: str = "log_return"
) -> Panel:
    """Arrays of a FEATURES frame: the features `names` (rows, k) and the target `kind` at each of `horizons`."""
    features = frame.select(names).to_numpy(order="c").astype(np.float64, copy=False)
    about = target_of(kind)
    past = frame[BAR_CHANGE if about.bar_change else "bar_return"]
    returns = past.to_numpy().astype(np.float64, copy=False)
    outcomes = [outcome_column(kind, horizon) for horizon in horizons]
    targets = frame.select(outcomes).to_numpy(order="c").astype(np.float64, copy=False)
    complete = (np.isfinite(features) | np.isneginf(features)).all(axis=1)  # of zero, see `models.scales.FlooredInputs`
    if past.null_count() < frame.height:  # else these are no prices
        complete &= np.isfinite(returns)
    measures: list[Floats | None] = [None, None]
    for place, name in enumerate((BAR_VARIANCE, BAR_QUARTICITY) if about.bar_variance else ()):
        if name in frame.columns:
            measures[place] = measure = frame[name].to_numpy().astype(np.float64, copy=False)
            complete &= np.isfinite(measure)
    segment = frame["segment"].to_numpy()
    valid_length, place = _valid_length(complete, segment), np.arange(len(segment)) + segment
    time, target_time = (frame[name].to_physical().fill_null(NEVER).to_numpy() for name in ("time", "target_time"))
    symbols = tuple(frame["symbol"].unique(maintain_order=True))
    arrays = time, features, returns, targets, target_time, valid_length
    variances, quarticities = measures
    return Panel(tuple(names), symbols, *arrays, horizons, variances, quarticities, about.additive, place)


def _valid_length(complete: NDArray[np.bool_], segment: NDArray[np.int32]) -> Indices:
    """For each row the number of complete rows in one piece that end there."""
    rows = np.arange(len(complete))
    broken = ~complete
    border = np.ones(len(complete), dtype=bool)
    border[1:] = segment[1:] != segment[:-1]
    last_border = np.maximum.accumulate(np.where(border, rows, 0))
    last_broken = np.maximum.accumulate(np.where(broken, rows, -1))
    length: Indices = rows - np.maximum(last_border - 1, last_broken)
    return length


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970, as the times of a panel are kept."""
    return int((instant - EPOCH) // timedelta(microseconds=1))
