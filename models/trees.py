"""Ensembles of regression trees, strong rivals without a network: scikit-learn's boosting and random forest.

A fitted ensemble is kept as plain arrays, and forecasts are read from these: before a run is saved as after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest.data.errors import ConfigError
from backtest.models.forecaster import FitLog, State, part_of, unfitted
from backtest.models.registry import model
from backtest.models.scaling import Scaler, covered
from backtest.models.settings import TrainSettings
from backtest.models.windows import Floats, Windows

TREES = 200
"""Of boosting at most, the validation span chooses how many of them; of a forest exactly half as many."""
RATE, LEAVES = 0.05, 15
SHARE_OF_LEAF = 0.005
"""The fewest training windows in a leaf, as a share of all: returns are mostly noise, small leaves would learn it."""
DRAWN = 10_000
"""Windows that each tree of a forest draws, at most: its cost then stops growing with the training span."""


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """The sum of regression trees and a `base` (1,).

    The nodes of all trees stand one after another, a child after its parent: `feature` (nodes,) is the input that a
    node splits by, -1 for a leaf; values up to `threshold` go to `left`, larger ones to `right`. `value` is what a leaf
    adds, `roots` (trees,) are the first nodes.
    """

    feature: NDArray[np.int64]
    threshold: Floats
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: Floats
    roots: NDArray[np.int64]
    base: Floats

    @classmethod
    def joined(cls, trees: Sequence[Sequence[NDArray[Any]]], base: float) -> Trees:
        """The sum of trees that are given one by one as feature, threshold, left, right and value of their nodes."""
        sizes = [len(tree[0]) for tree in trees]
        roots = np.cumsum([0, *sizes])[:-1].astype(np.int64)
        parts = [np.concatenate([np.empty(0), *column]) for column in zip(*trees, strict=True)] or [np.empty(0)] * 5
        feature, left, right = (parts[place].astype(np.int64) for place in (0, 2, 3))
        inner, offset = feature >= 0, np.repeat(roots, sizes)
        left, right = (np.where(inner, side + offset, 0) for side in (left, right))
        return cls(feature, parts[1], left, right, parts[4], roots, np.array([base]))

    def first(self, count: int) -> Trees:
        """The first `count` trees alone."""
        end = self.roots[count] if count < len(self.roots) else len(self.feature)
        nodes = {each.name: getattr(self, each.name)[:end] for each in fields(self)}
        return Trees(**{**nodes, "roots": self.roots[:count], "base": self.base})

    def stages(self, x: Floats) -> Iterator[Floats]:
        """Yield the forecasts (n,) of inputs (n, p) by the first 0, 1, 2, ... trees."""
        total, rows = np.full(len(x), self.base[0]), np.arange(len(x))
        yield total
        for root in self.roots:
            at = np.full(len(x), root)
            while (inner := self.feature[at] >= 0).any():
                lower = x[rows, self.feature[at]] <= self.threshold[at]
                at = np.where(inner, np.where(lower, self.left[at], self.right[at]), at)
            total = total + self.value[at]
            yield total

    def predict(self, x: Floats) -> Floats:
        """Forecasts (n,) of inputs (n, p)."""
        *_, last = self.stages(x)
        return last

    def state(self) -> State:
        """The arrays by name."""
        return {f"trees.{each.name}": getattr(self, each.name) for each in fields(self)}

    @classmethod
    def restore(cls, state: State) -> Trees:
        """The trees of a state; ConfigError where a node leads nowhere, or back."""
        arrays = part_of(state, "trees.")
        parts: dict[str, Any] = {each.name: np.asarray(arrays[each.name]) for each in fields(cls)}
        trees = cls(**parts)
        nodes, inner = len(trees.feature), trees.feature >= 0
        children = np.stack([trees.left[inner], trees.right[inner]])
        forward = (children > np.flatnonzero(inner)) & (children < nodes)
        if not (forward.all() and (trees.roots < nodes).all()):
            raise ConfigError("trees: expected nodes whose children follow them (got others): run `backtest run` again")
        return trees


class TreeForecaster:
    """Trees on the flattened window and the past returns in it, standardised; what is grown is up to `grow`."""

    by_validation = True

    def __init__(self, train: TrainSettings, seed: int) -> None:
        self.clip, self.seed = train.clip, seed
        self.fitted: tuple[Scaler, float, Trees] | None = None

    def grow(self, x: Floats, y: Floats) -> Trees:
        """Fit to inputs (n, p) and outcomes (n,)."""
        raise NotImplementedError

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Grow trees on `train`; how many of them count is chosen on `validation`, where trees correct one another."""
        scaler = Scaler.of(train, self.clip)
        spread = float(train.returns[covered(train)].std()) or 1.0
        trees = self.grow(_inputs(train, scaler, spread), train.y / scaler.target_std[0])
        grown = count = len(trees.roots)
        if self.by_validation:
            outcomes = validation.y / scaler.target_std[0]
            stages = trees.stages(_inputs(validation, scaler, spread))
            count = int(np.argmin([np.square(outcomes - stage).mean() for stage in stages]))
        self.fitted = scaler, spread, trees.first(count)
        return FitLog(note=f"{count} of {grown} trees by validation" if self.by_validation else f"{grown} trees")

    def predict(self, windows: Windows) -> Floats:
        """Forecasts (n,), each from its own window."""
        scaler, spread, trees = self._fitted()
        parts = [trees.predict(_inputs(block, scaler, spread)) for block in windows.blocks()]
        return scaler.hold(np.concatenate([np.empty(0), *parts]) * scaler.target_std[0])

    def state(self) -> State:
        """Trees and scaling as plain arrays."""
        scaler, spread, trees = self._fitted()
        return {**trees.state(), **scaler.state(), "spread": np.array([spread])}

    def restore(self, state: State) -> None:
        """Take over trees and scaling."""
        spread = float(np.asarray(state["spread"], np.float64)[0])
        self.fitted = Scaler.restore(state), spread, Trees.restore(state)

    def _fitted(self) -> tuple[Scaler, float, Trees]:
        if self.fitted is None:
            raise unfitted(self)
        return self.fitted


def _inputs(windows: Windows, scaler: Scaler, spread: float) -> Floats:
    """The standardised window and its past returns, flattened (n, window * (k + 1)), of the precision of trees."""
    flat = scaler.standardise(windows.x).reshape(len(windows), -1)
    return np.column_stack([flat, windows.past_returns / spread]).astype(np.float32).astype(np.float64)


def _smallest_leaf(n: int) -> int:
    """The fewest windows in a leaf of trees that are grown on n."""
    return max(5, round(SHARE_OF_LEAF * n))


@model("boosting", baseline=True)
class Boosting(TreeForecaster):
    """Gradient boosting of regression trees on the window, the number of trees chosen on the validation span.

    Friedman (2001), Annals of Statistics 29, 1189-1232, as scikit-learn's HistGradientBoostingRegressor.
    """

    def grow(self, x: Floats, y: Floats) -> Trees:
        """Fit to inputs (n, p) and outcomes (n,)."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        regressor = HistGradientBoostingRegressor(
            learning_rate=RATE,
            max_iter=TREES,
            max_leaf_nodes=LEAVES,
            min_samples_leaf=_smallest_leaf(len(y)),
            early_stopping=False,
            random_state=self.seed,
        ).fit(x, y)
        nodes = [stage[0].nodes for stage in regressor._predictors]  # noqa: SLF001  # no public name
        names = ("num_threshold", "left", "right", "value")
        trees = [[np.where(one["is_leaf"], -1, one["feature_idx"]), *(one[name] for name in names)] for one in nodes]
        return Trees.joined(trees, float(np.mean(y)))


@model("forest", baseline=True)
class Forest(TreeForecaster):
    """A random forest on the window.

    Breiman (2001), Machine Learning 45, 5-32, as scikit-learn's RandomForestRegressor with the square root of the
    inputs tried at each split.
    """

    by_validation = False

    def grow(self, x: Floats, y: Floats) -> Trees:
        """Fit to inputs (n, p) and outcomes (n,)."""
        from sklearn.ensemble import RandomForestRegressor

        regressor = RandomForestRegressor(
            TREES // 2,
            min_samples_leaf=_smallest_leaf(min(len(y), DRAWN)),
            max_features="sqrt",
            max_samples=min(len(y), DRAWN),
            random_state=self.seed,
        ).fit(x, y)
        grown = [one.tree_ for one in regressor.estimators_]
        trees = [
            [
                np.where(one.children_left < 0, -1, one.feature),
                *(one.threshold, one.children_left, one.children_right, one.value[:, 0, 0] / len(grown)),
            ]
            for one in grown
        ]
        return Trees.joined(trees, 0.0)
