"""What each network learns of signals planted in noise, and what a fit costs: `python -m tests.bench.networks`.

The table stands in docs/networks.md. Settings are the defaults; features and noise are independent standard normals.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from backtest.models import MODELS
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows
from tests.support.networks import NETWORKS

ROWS, SHARE, SEEDS = 9_000, 0.2, 2
SPANS = (60, 5_000), (5_050, 6_500), (6_550, ROWS)
"""Rows to train on, to stop by and to forecast."""

SIGNALS: dict[str, Callable[[Floats], Floats]] = {
    "last row": lambda x: x[:, 0],
    "its size": lambda x: (np.abs(x[:, 0]) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi),
    "product with another's row before": lambda x: x[:, 0] * np.roll(x[:, 1], 1),
    "36 rows ago": lambda x: np.roll(x[:, 0], 36),
}
"""Signals of variance 1."""


def planted(signal: str, seed: int) -> tuple[Windows, ...]:
    """Windows of three spans, in whose targets a signal makes up SHARE of the variance."""
    noise, net = np.random.default_rng(seed), NetSettings()
    x = noise.normal(size=(ROWS, 4))
    y = np.sqrt(SHARE) * SIGNALS[signal](x) + np.sqrt(1 - SHARE) * noise.normal(size=ROWS)
    return tuple(
        Windows(x[:end], x[:end, 0], y[:end, None], np.arange(start, end), net.window, (1,)) for start, end in SPANS
    )


def measured(name: str, signal: str, seed: int) -> tuple[float, float]:
    """Out-of-sample R2 against zero, and CPU seconds of the fit."""
    train, validation, ask = planted(signal, seed)
    forecaster = MODELS[name].make(NetSettings(), TrainSettings(device="cpu"), seed)
    started = time.process_time()
    forecaster.fit(train, validation)
    spent = time.process_time() - started
    return float(1 - ((ask.y - forecaster.predict(ask)) ** 2).mean() / (ask.y**2).mean()), spent


def main() -> None:
    """Print a row for each network: mean R2 over the seeds by signal, and mean CPU seconds of a fit."""
    print(f"| model | {' | '.join(SIGNALS)} | CPU seconds of a fit |")
    print(f"| --- |{' ---: |' * (len(SIGNALS) + 1)}")
    with threadpool_limits(1):
        for name in NETWORKS:
            found = np.array([[measured(name, signal, seed) for seed in range(SEEDS)] for signal in SIGNALS])
            skills = " | ".join(f"{skill:.1%}" for skill in found[..., 0].mean(axis=1))
            print(f"| `{name}` | {skills} | {found[..., 1].mean():.1f} |", flush=True)


if __name__ == "__main__":
    main()
