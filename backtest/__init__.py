"""Walk-forward backtests of forecasters, with an honest verdict.

Everything that a notebook needs is here, and loaded when it is first used:

>>> import backtest as bt
>>> folds = bt.Folds(first_train=300, validation=60, test=90)
>>> run = bt.walk_forward("synthetic:n=700", models=["ridge"], folds=folds, progress=False)
>>> run.verdict.status
'no evidence'

`run` is a `Run`: tables as Polars frames, the verdict, the report. `bt.open_run` reads one from a run folder.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False  # true for type checkers; importing it from `typing` would take longer than all else here
if TYPE_CHECKING:
    from backtest.api import audit, compare, judge_run, load_bars, open_run, walk_forward
    from backtest.arguments import Folds
    from backtest.audit.assertion import assert_causal, assert_sealed
    from backtest.data.errors import (
        BacktestError,
        ConfigError,
        DataError,
        LeakError,
        ProtocolError,
        RunError,
    )
    from backtest.data.own_entries import loss, target
    from backtest.features.catalog import feature
    from backtest.features.external import external
    from backtest.models.contract import check_forecaster
    from backtest.models.estimators import sklearn_model
    from backtest.models.forecaster import FitLog
    from backtest.models.networks import network
    from backtest.models.registry import model
    from backtest.models.settings import ModelSettings
    from backtest.result_views import AuditResult, Comparison
    from backtest.run_view import Run

    __version__: str

__all__ = [
    "AuditResult",
    "BacktestError",
    "Comparison",
    "ConfigError",
    "DataError",
    "FitLog",
    "Folds",
    "LeakError",
    "ModelSettings",
    "ProtocolError",
    "Run",
    "RunError",
    "__version__",
    "assert_causal",
    "assert_sealed",
    "audit",
    "check_forecaster",
    "compare",
    "external",
    "feature",
    "judge_run",
    "load_bars",
    "loss",
    "model",
    "network",
    "open_run",
    "sklearn_model",
    "target",
    "walk_forward",
]

_MODULES = {
    "backtest.api": ("audit", "compare", "judge_run", "load_bars", "open_run", "walk_forward"),
    "backtest.arguments": ("Folds",),
    "backtest.audit": ("assert_causal", "assert_sealed"),
    "backtest.data.errors": ("BacktestError", "ConfigError", "DataError", "LeakError", "ProtocolError", "RunError"),
    "backtest.data.own_entries": ("loss", "target"),
    "backtest.features": ("external", "feature"),
    "backtest.models": ("FitLog", "ModelSettings", "check_forecaster", "model", "network", "sklearn_model"),
    "backtest.result_views": ("AuditResult", "Comparison"),
    "backtest.run_view": ("Run",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
"""The module that defines each public name."""


class _Package(ModuleType):
    """The type of this package: a public function is not hidden by a sub-package of the same name, such as `audit`."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as an import, as any other module: a model of a notebook that names `bt` goes to workers so."""
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Package


if not TYPE_CHECKING:  # or a misspelt name would have a type

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used."""
        if name == "__version__":
            from importlib.metadata import version

            value: object = version("beatzero")
        elif name in _HOME:
            value = getattr(import_module(_HOME[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Public names, loaded or not."""
    return sorted({*globals(), *__all__})
