"""What every entry of MODELS must keep to: no forecast of a fold moves with later rows.

The table itself is walked through, so a new entry is audited without a new test; FEATURES in `test_features_contract`.
"""

from __future__ import annotations

import pytest

from backtest.audit.audited_walk import AuditedWalk, Refit, Sample
from backtest.audit.fold_isolation import check_fold_isolation
from backtest.data.targets import TARGETS
from backtest.models import MODELS
from tests.support.networks import SLOW_NETWORKS
from tests.support.selection import quick_or_slow
from tests.support.small_run import small

FINER = {
    "data": {"source": "synthetic:n=14000", "interval": "1d"},
    "target": {"kind": "log_variance", "from": "1h"},
    "folds": {"first_train": 250, "validation": 60, "test": 90},
}
"""Days made of hours, which have quarticities."""

SAMPLE = Sample(folds=2, network_folds=2, epochs=1)


@pytest.mark.parametrize(
    "name", quick_or_slow(MODELS, MODELS.keys() - {"boosting", "forest", "lightgbm"} - SLOW_NETWORKS)
)
def test_no_model_learns_from_after_its_fold(name: str) -> None:
    kind = next(kind for kind, target in TARGETS.items() if MODELS[name].scale in {"any", target.scale})
    finer = FINER if "quarticities" in MODELS[name].needs else {"target": {"kind": kind}}
    plan = small(models=[name], net={"har_lags": [1, 2, 5]}, **finer)
    subject, refit = AuditedWalk.of(plan), Refit(SAMPLE)
    assert SAMPLE.of(subject, name)
    assert not dict(check_fold_isolation(subject, refit))
    assert not refit.notes
    assert refit.fits
