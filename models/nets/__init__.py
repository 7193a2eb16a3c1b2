"""The networks, one file each, and their entries in MODELS; torch is imported only when one is made."""

from __future__ import annotations

from backtest.models.nets import linear, mlp, recurrent, tcn, transformer, tsmixer

__all__ = ["linear", "mlp", "recurrent", "tcn", "transformer", "tsmixer"]
