"""Forecasters: recurrent networks, their rivals, and the windows they learn from; free of torch until one is made."""

from __future__ import annotations

if __name__ != "backtest.models":
    raise ImportError("import it as backtest.models: the folder models of this repository is a part of backtest")

from backtest.models import baselines, garch, nets, probability, trees, variance
from backtest.models.contract import check_forecaster
from backtest.models.entries import Entry, entry_of
from backtest.models.estimators import sklearn_model
from backtest.models.forecaster import FitLog, Forecaster
from backtest.models.networks import network
from backtest.models.registry import MODELS, Model, model
from backtest.models.settings import ModelSettings

__all__ = [
    "MODELS",
    "Entry",
    "FitLog",
    "Forecaster",
    "Model",
    "ModelSettings",
    "baselines",
    "check_forecaster",
    "entry_of",
    "garch",
    "model",
    "nets",
    "network",
    "probability",
    "sklearn_model",
    "trees",
    "variance",
]
