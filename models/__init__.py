"""Forecasters: recurrent networks, their rivals, and the windows they learn from; free of torch until one is made."""

from models import baselines, recurrent
from models.contract import check_forecaster
from models.forecaster import MODELS, FitLog, Forecaster, Model, model

__all__ = ["MODELS", "FitLog", "Forecaster", "Model", "baselines", "check_forecaster", "model", "recurrent"]
