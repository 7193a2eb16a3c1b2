"""Ensembles of regression trees, strong rivals without a network: boosting and a random forest.

A fitted ensemble is kept as plain arrays, and forecasts are read from these: before a run is saved as after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from backtest.data.errors import ConfigError
from backtest.models.forecaster import FitLog, State, part_of, unfitted
from backtest.models.registry import model
from backtest.models.scaling import Scaler, covered
from backtest.models.settings import ModelSettings, TrainSettings
from backtest.models.windows import Floats, Windows

SHARE_OF_LEAF = Field(
    0.005, gt=0, lt=0.5, description="fewest training windows in a leaf, as a share of all: small leaves learn noise"
)


class BoostingSettings(ModelSettings):
    """Settings of gradient boosting."""

    n_estimators: int = Field(200, ge=1, description="trees at most; validation chooses how many of them count")
    learning_rate: float = Field(0.05, gt=0, le=1, description="what each tree adds, as a share of what it would")
    max_leaf_nodes: int = Field(15, ge=2, description="leaves of a tree at most")
    min_samples_leaf: float = SHARE_OF_LEAF


class ForestSettings(ModelSettings):
    """Settings of a random forest."""

    n_estimators: int = Field(100, ge=1, description="trees, whose mean is the forecast")
    max_samples: int = Field(10_000, ge=10, description="windows that each tree draws, at most")
    min_samples_leaf: float = SHARE_OF_LEAF


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
    def from_trees(cls, trees: Sequence[Sequence[NDArray[Any]]], base: float) -> Trees:
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

    def staged_predict(self, x: Floats) -> Iterator[Floats]:
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
        *_, last = self.staged_predict(x)
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
        spread = spread_of(train)
        trees = self.grow(inputs_of(train, scaler, spread), train.y / scaler.target_std[0])
        grown = count = len(trees.roots)
        if self.by_validation:
            outcomes = validation.y / scaler.target_std[0]
            stages = trees.staged_predict(inputs_of(validation, scaler, spread))
            count = int(np.argmin([np.square(outcomes - stage).mean() for stage in stages]))
        self.fitted = scaler, spread, trees.first(count)
        return FitLog(note=f"{count} of {grown} trees by validation" if self.by_validation else f"{grown} trees")

    def predict(self, windows: Windows) -> Floats:
        """Forecasts (n,), each from its own window."""
        scaler, spread, trees = self._fitted()
        parts = [trees.predict(inputs_of(block, scaler, spread)) for block in windows.blocks()]
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


def inputs_of(windows: Windows, scaler: Scaler, spread: float) -> Floats:
    """The standardised window and its past returns, flattened (n, window * (k + 1)), of the precision of trees."""
    flat = scaler.standardise(windows.x).reshape(len(windows), -1)
    return np.column_stack([flat, windows.past_returns / spread]).astype(np.float32).astype(np.float64)


def spread_of(train: Windows) -> float:
    """Standard deviation of the returns in the training windows; 1 where they do not move."""
    return float(train.returns[covered(train)].std()) or 1.0


def smallest_leaf(share: float, n: int) -> int:
    """The fewest windows in a leaf of trees that are grown on n."""
    return max(5, round(share * n))


@model("boosting", baseline=True, settings=BoostingSettings, reads=("clip",))
class Boosting(TreeForecaster):
    """Gradient boosting of regression trees on the window, the number of trees chosen on the validation span.

    Friedman (2001), Annals of Statistics 29, 1189-1232, as scikit-learn's HistGradientBoostingRegressor.
    """

    def __init__(self, train: TrainSettings, seed: int, settings: BoostingSettings) -> None:
        super().__init__(train, seed)
        self.settings = settings

    def grow(self, x: Floats, y: Floats) -> Trees:
        """Fit to inputs (n, p) and outcomes (n,)."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        regressor = HistGradientBoostingRegressor(
            learning_rate=self.settings.learning_rate,
            max_iter=self.settings.n_estimators,
            max_leaf_nodes=self.settings.max_leaf_nodes,
            min_samples_leaf=smallest_leaf(self.settings.min_samples_leaf, len(y)),
            early_stopping=False,
            random_state=self.seed,
        ).fit(x, y)
        nodes = [stage[0].nodes for stage in regressor._predictors]  # noqa: SLF001  # no public name
        names = ("num_threshold", "left", "right", "value")
        trees = [[np.where(one["is_leaf"], -1, one["feature_idx"]), *(one[name] for name in names)] for one in nodes]
        return Trees.from_trees(trees, float(np.mean(y)))


@model("lightgbm", baseline=True, settings=BoostingSettings, reads=("clip",), package="lightgbm")
class LightGBM(Boosting):
    """Gradient boosting by LightGBM, the number of trees chosen on the validation span.

    Ke et al. (2017), Advances in Neural Information Processing Systems 30. It needs the extra `beatzero[lightgbm]`.
    """

    def grow(self, x: Floats, y: Floats) -> Trees:
        """Fit to inputs (n, p) and outcomes (n,)."""
        import lightgbm

        settings = {
            "learning_rate": self.settings.learning_rate,
            "num_leaves": self.settings.max_leaf_nodes,
            "min_data_in_leaf": smallest_leaf(self.settings.min_samples_leaf, len(y)),
            "boost_from_average": False,
        }
        same = {"seed": self.seed % 2**31, "deterministic": True, "force_row_wise": True, "num_threads": 1}
        data = lightgbm.Dataset(x, y, params={"verbosity": -1})
        booster = lightgbm.train({**settings, **same, "verbosity": -1}, data, self.settings.n_estimators)
        return Trees.from_trees([_nodes(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]], 0.0)


def _nodes(root: Mapping[str, Any]) -> list[NDArray[Any]]:
    """Feature, threshold, left, right and value of the nodes of a tree that is given as nested mappings."""
    rows: list[list[float]] = []

    def add(node: Mapping[str, Any]) -> int:
        place = len(rows)
        rows.append([-1, 0, 0, 0, node.get("leaf_value", 0)])
        if "split_feature" in node:
            rows[place][:2] = node["split_feature"], node["threshold"]
            rows[place][2:4] = add(node["left_child"]), add(node["right_child"])
        return place

    add(root)
    return list(np.array(rows).T)


@model("forest", baseline=True, settings=ForestSettings, reads=("clip",))
class Forest(TreeForecaster):
    """A random forest on the window.

    Breiman (2001), Machine Learning 45, 5-32, as scikit-learn's RandomForestRegressor with the square root of the
    inputs tried at each split.
    """

    by_validation = False

    def __init__(self, train: TrainSettings, seed: int, settings: ForestSettings) -> None:
        super().__init__(train, seed)
        self.settings = settings

    def grow(self, x: Floats, y: Floats) -> Trees:
        """Fit to inputs (n, p) and outcomes (n,)."""
        from sklearn.ensemble import RandomForestRegressor

        drawn = min(len(y), self.settings.max_samples)
        regressor = RandomForestRegressor(
            self.settings.n_estimators,
            min_samples_leaf=smallest_leaf(self.settings.min_samples_leaf, drawn),
            max_features="sqrt",
            max_samples=drawn,
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
        return Trees.from_trees(trees, 0.0)
