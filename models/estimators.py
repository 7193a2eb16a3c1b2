"""Any regressor of scikit-learn as a model: cloned for each fit, its parameters the settings of the model."""

from __future__ import annotations

import re
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import create_model

from backtest.data.errors import ConfigError
from backtest.models.forecaster import FitLog, Forecaster, State, unfitted
from backtest.models.registry import model
from backtest.models.scaling import Scaler
from backtest.models.settings import ModelSettings, TrainSettings
from backtest.models.trees import inputs_of, spread_of
from backtest.models.windows import Floats, Windows

PLAIN = bool | int | float | str | None
"""What a parameter may be to be a setting; any other is part of the model as it was given."""


class Regressor(Protocol):
    """What a regressor of scikit-learn, or one that follows its conventions, can do."""

    def fit(self, x: Floats, y: Floats, /) -> Self:
        """Learn from inputs (n, p) and outcomes (n,)."""

    def predict(self, x: Floats, /) -> NDArray[Any]:
        """Forecasts (n,) of inputs (n, p)."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name, with `deep` those of nested estimators too."""

    def set_params(self, **parameters: Any) -> Self:
        """Change parameters."""


class EstimatorForecaster:
    """A regressor on the flattened window and the past returns in it, standardised; the outcome in training units.

    Its state is what it was fitted to, and it is restored by fitting it again: a run folder may come from a stranger,
    and no fitted object of a library can be read from one safely. It holds the rows of the windows, which are few.
    """

    def __init__(self, regressor: Regressor, train: TrainSettings, seed: int) -> None:
        self.regressor, self.clip, self.seed = regressor, train.clip, seed
        self.fitted: tuple[Windows, Scaler, float] | None = None

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit to the training windows; every `random_state` that is not set is the seed of the fit."""
        from sklearn.base import clone

        drawn = [name for name, value in self.regressor.get_params().items() if _is_seed(name) and value is None]
        self.regressor = clone(self.regressor).set_params(**dict.fromkeys(drawn, self.seed % 2**31))
        scaler, spread = Scaler.of(train, self.clip), spread_of(train)
        self.regressor.fit(inputs_of(train, scaler, spread), train.y / scaler.target_std[0])
        for name in drawn:
            self.regressor.set_params(**{name: None})
        self.fitted = train, scaler, spread
        return FitLog(note=type(self.regressor).__name__)

    def predict(self, windows: Windows) -> Floats:
        """Forecasts (n,), each from its own window."""
        _, scaler, spread = self._fitted()
        parts = [self.regressor.predict(inputs_of(block, scaler, spread)) for block in windows.blocks()]
        return scaler.hold(np.concatenate([np.empty(0), *(part.reshape(-1) for part in parts)]) * scaler.target_std[0])

    def state(self) -> State:
        """The training windows, as their rows and which of these are origins, and the seed."""
        train, _, _ = self._fitted()
        numbers = np.array([self.seed, train.window, train.horizon])
        return {
            "features": train.features,
            "returns": train.returns,
            "targets": np.asarray(train.targets),
            "ends": train.ends,
            "numbers": numbers,
        }

    def restore(self, state: State) -> None:
        """Fit again to the windows of a state; ConfigError where these are not whole."""
        arrays: dict[str, Any] = {name: np.asarray(array) for name, array in state.items()}
        self.seed, window, horizon = (int(number) for number in arrays["numbers"])
        rows, ends = len(arrays["features"]), arrays["ends"]
        if not len(ends) or window < 1 or ends.min() < window - 1 or ends.max() >= rows:
            raise ConfigError(f"estimator: expected windows of {window} rows within {rows} (got others): run it again")
        train = Windows(arrays["features"], arrays["returns"], arrays["targets"], ends, window, (horizon,))
        self.fit(train, train)

    def _fitted(self) -> tuple[Windows, Scaler, float]:
        if self.fitted is None:
            raise unfitted(self)
        return self.fitted


def _is_seed(parameter: str) -> bool:
    return parameter.rpartition("__")[2] == "random_state"


def sklearn_model(estimator: Regressor, name: str | None = None, *, baseline: bool = False) -> str:
    """Register a regressor of scikit-learn, or of a library that follows its conventions, as a model; return its name.

    It is named as its class, `Lasso` as `lasso`, or `name`. It is fitted to standardised windows and past returns,
    flattened, (n, window * (k + 1)), cloned for each fit. Parameters that are numbers, words or nothing are settings of
    the model: `[model.lasso] alpha = 1e-3`. As a `baseline` it is one of those that the candidates are compared with.
    Raises ConfigError where it is not a regressor, or the name is taken.

    >>> import backtest as bt
    >>> from sklearn.linear_model import Lasso
    >>> bt.sklearn_model(Lasso(alpha=0.01), "sparse")
    'sparse'
    """
    missing = [each for each in ("fit", "predict", "get_params", "set_params") if not hasattr(estimator, each)]
    if missing or isinstance(estimator, type):
        given = f"the class {estimator.__name__}" if isinstance(estimator, type) else type(estimator).__name__
        raise ConfigError(
            f"sklearn_model: expected a regressor such as Lasso(alpha=0.01) (got {given}): give an object with fit, "
            "predict, get_params and set_params"
        )
    kind = type(estimator)
    name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()
    parameters = {key: value for key, value in estimator.get_params(deep=False).items() if isinstance(value, PLAIN)}
    fixed = {key: repr(value) for key, value in estimator.get_params().items() if key not in parameters}
    if unstable := [key for key, text in fixed.items() if " at 0x" in text]:
        raise ConfigError(
            f"sklearn_model: {name}: expected parameters that are written the same in every process (got "
            f"{', '.join(f'{key} = {fixed[key]}' for key in unstable)}): use a class with a __repr__ of its own"
        )
    fields: dict[str, Any] = {key: (PLAIN, value) for key, value in parameters.items()}
    # what is no number or word tells one regressor from another all the same: keys and ledger read the settings
    fields["estimator"] = Literal[given := f"{kind.__module__}.{kind.__qualname__} {fixed}"], given
    own = create_model(f"{kind.__name__}Settings", __base__=ModelSettings, **fields)

    def make(train: TrainSettings, seed: int, settings: ModelSettings) -> Forecaster:
        from sklearn.base import clone

        chosen = {key: getattr(settings, key) for key in parameters}
        return EstimatorForecaster(clone(estimator).set_params(**chosen), train, seed)

    make.__doc__ = f"{kind.__name__} of {kind.__module__.partition('.')[0]} on the window and its past returns."
    make.__module__, make.__qualname__ = kind.__module__, f"{kind.__qualname__}.{name}"
    model(name, baseline=baseline, settings=own)(make)
    return name
