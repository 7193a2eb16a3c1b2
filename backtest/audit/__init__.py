"""The leak audit: whether anything in a walk, from features to forecasts, saw the future.

Other people's tests need one import: `from backtest.audit import assert_causal, assert_sealed`.
"""

from __future__ import annotations

from backtest.audit.assertion import assert_causal, assert_sealed

__all__ = ["assert_causal", "assert_sealed"]
