"""The four default features in Polars against the same in pandas, alone and with all that a run adds to them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from backtest.data.reading import synthetic
from backtest.features import pipeline
from backtest.features.catalog import resolve
from tests.bench.rows import Row, ratio, seconds

FEATURES = ("log_return", "rolling_mean_24", "rolling_std_24", "volume_norm")
BARS = 10_000_000


def measure() -> Iterator[Row]:
    """One row: pandas time over Polars time; its note says the same of the whole FEATURES table."""
    bars = synthetic.make_bars(BARS, seed=0)
    frame = pd.DataFrame({name: bars[name].to_numpy() for name in ("close", "volume")})
    pandas = _pandas(frame.head(10_000))
    polars = pipeline.build(bars.head(10_000), FEATURES)
    for name in FEATURES:
        np.testing.assert_allclose(polars[name].to_numpy()[30:], pandas[name].to_numpy()[30:], rtol=1e-6, atol=1e-12)
    expressions = [expression for feature in resolve(FEATURES) for expression in feature.exprs]

    def in_pandas() -> float:
        return seconds(lambda: _pandas(frame))

    alone = ratio(in_pandas, lambda: seconds(lambda: bars.lazy().select(expressions).collect()))
    whole = ratio(in_pandas, lambda: seconds(lambda: pipeline.build(bars, FEATURES)))
    note = f"{BARS:,} bars; {whole:.2g}x with target, holes, nulls and times of knowledge"
    yield Row("four features: pandas time over Polars time", alone, "x", 3.0, True, note)


def _pandas(bars: pd.DataFrame) -> pd.DataFrame:
    log_return = np.log(bars["close"]).diff()
    return pd.DataFrame(
        {
            "log_return": log_return,
            "rolling_mean_24": log_return.rolling(24).mean(),
            "rolling_std_24": log_return.rolling(24).std(),
            "volume_norm": bars["volume"] / bars["volume"].rolling(24).mean() - 1,
        }
    )
