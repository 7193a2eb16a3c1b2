"""The networks among the models: where a list holds all of them, most are slow cases."""

from __future__ import annotations

from backtest.models import MODELS

NETWORKS = [name for name, model in MODELS.items() if model.make.__module__.startswith("backtest.models.nets")]
RECURRENT = ("lstm", "gru")
"""Those whose memory of a chunk reaches behind the window."""

SLOW_NETWORKS = {*NETWORKS} - {"lstm", "gru", "tcn"}
"""Those that `make test` leaves out of lists which others stand for."""
