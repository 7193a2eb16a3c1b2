"""Market data and run folders: the lowest storey, which knows none of the others."""

from __future__ import annotations

if __name__ != "backtest.data":
    raise ImportError("import it as backtest.data: the folder data of this repository is a part of backtest")
