"""The Sharpe ratio of a strategy is deflated by everything that was tried on the same bars."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.significance.sharpe_ratio import deflated_sharpe, probabilistic_sharpe, sharpe
from backtest.verdict.trials import deflate
from tests.verdict.test_ledger import tried


def test_the_sharpe_ratio_is_deflated_by_all_strategies_tried_and_their_variance() -> None:
    found = sharpe(np.random.default_rng(2).normal(0.05, 1, 2000))
    own = [found.ratio, -0.02]
    before = [tried(2, sharpes={"lstm@1": 0.01, "gru@1": -0.03}), tried(3, sharpes={"lstm@1": 0.0})]
    ratios = [found.ratio, -0.02, 0.01, -0.03, 0.0]
    assert deflate(found, own, before) == pytest.approx(
        deflated_sharpe(found, 5, float(np.var(ratios, ddof=1))), abs=1e-15
    )
    alone = deflate(found, own, [])
    assert alone == pytest.approx(deflated_sharpe(found, 2, float(np.var(ratios[:2], ddof=1))), abs=1e-15)
    assert deflate(found, own, before, unreadable=3) < deflate(found, own, before) < probabilistic_sharpe(found)


def test_a_single_strategy_has_nothing_to_be_deflated_by() -> None:
    found = sharpe(np.random.default_rng(2).normal(0.05, 1, 500))
    assert deflate(found, [found.ratio], []) == probabilistic_sharpe(found)
    assert deflate(found, [found.ratio], [tried(2, sharpes={})]) == probabilistic_sharpe(found)
