"""What a run owes to others on the same bars: their p-values and Sharpe ratios, from the ledger, and a line in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from backtest.data.errors import UndefinedTest
from backtest.data.names import HOLDING, REFERENCES
from backtest.data.records.verdict import Verdict
from backtest.significance.sharpe_ratio import Sharpe, deflated_sharpe
from backtest.verdict import ledger
from backtest.verdict.ledger import LEDGER, Ledger, Trial, key_of, name_of
from backtest.verdict.multiple_testing import Key, Tried, primary


def ledger_of(run: Path) -> Ledger:
    """Return the ledger beside a run folder."""
    return ledger.read(run.parent / LEDGER)


def tried_before(known: Ledger, *, data: str, config: str) -> Tried:
    """Return what else was tried on the same bars; `data` and `config` are the hashes of bars and trial."""
    trials = ledger.others(known, data=data, config=config)
    return Tried(
        ledger.counted(known, data=data, config=config),
        frozenset(_keyed([trial.p_values for trial in trials], known.unreadable)),
        frozenset(_keyed([trial.p_worse for trial in trials], known.unreadable)),
    )


def deflated_ratios(strategies: pl.DataFrame, known: Ledger, *, data: str, config: str) -> dict[Key, float]:
    """Return the deflated Sharpe ratio of each model's strategy in STRATEGIES, as far as it is defined."""
    own, trials = _sharpes(strategies), ledger.others(known, data=data, config=config)
    found = {}
    for key, one in own.items():
        with suppress(UndefinedTest):
            found[key] = deflate(one, [each.ratio for each in own.values()], trials, unreadable=known.unreadable)
    return found


def deflate(sharpe: Sharpe, own: Sequence[float], others: Sequence[Trial], *, unreadable: int = 0) -> float:
    """Probability that a strategy's true Sharpe ratio is above what the best of all that were tried shows by luck.

    The trials are the strategies of this run, whose Sharpe ratios per bar are `own`, and of all other configurations
    on the data; the same model in two configurations is two trials, an unreadable line is one. Trials that resemble
    each other count in full, but make the ratios vary less, and with that the luck that is allowed for. With one ratio
    there is no luck of the best: the benchmark is 0.
    Raises UndefinedTest as `deflated_sharpe`.

    Source: Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40 (5), 94-107.
    """
    ratios = np.array([*own, *(ratio for trial in others for ratio in trial.sharpes.values())])
    variance = float(ratios.var(ddof=1)) if ratios.size > 1 else 0.0
    return deflated_sharpe(sharpe, max(ratios.size, 1) + unreadable, variance)


def enter(run: Path, judged: Verdict, tests: pl.DataFrame, strategies: pl.DataFrame, *, data: str, config: str) -> None:
    """Enter a run into the ledger, with its headline, the p-values of its primary test and its Sharpe ratios."""
    tested = primary(tests).filter(pl.col("p_value").is_not_null())
    p_values = {
        alternative: {
            name_of((model, horizon)): p_value
            for model, horizon, p_value in tested.filter(alternative=alternative)
            .select("model", "horizon", "p_value")
            .iter_rows()
        }
        for alternative in ("less", "greater")
    }
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    sharpes = {name_of(key): found.ratio for key, found in _sharpes(strategies).items()}
    about = (config, data, finished, run.name, judged.headline)
    ledger.append(run.parent / LEDGER, Trial(*about, p_values["less"], p_values["greater"], sharpes))


def _keyed(trials: Sequence[Mapping[str, float]], unreadable: int) -> Iterator[tuple[Key, float]]:
    """P-values of other trials with what they are of; a line that nobody can read stands for one without evidence."""
    for p_values in trials:
        for name, value in p_values.items():
            yield key_of(name), value
    for number in range(unreadable):
        yield ("", number), 1.0


def _sharpes(strategies: pl.DataFrame) -> dict[Key, Sharpe]:
    """Sharpe ratios per bar of all models that are no baseline of the comparison, as far as they are defined."""
    models = ~pl.col("model").is_in([HOLDING, *REFERENCES])
    return {
        (row["model"], row["horizon"]): Sharpe(row["sharpe_per_bar"], row["skewness"], row["kurtosis"], row["n"])
        for row in strategies.filter(models, pl.col("sharpe_per_bar").is_not_null()).iter_rows(named=True)
    }
