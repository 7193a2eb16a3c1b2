"""What earlier runs on the same data mean for a verdict: their p-values, the deflated Sharpe ratio, ledger entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from backtest.data.errors import UndefinedTest
from backtest.data.losses import WEIGHTED
from backtest.data.names import HOLDING
from backtest.data.question import Question
from backtest.data.records.verdict import Verdict
from backtest.significance.sharpe_ratio import Sharpe, deflated_sharpe
from backtest.verdict import ledger
from backtest.verdict.family import Key, Tried
from backtest.verdict.ledger import LEDGER, Ledger, Trial, key_of, name_of


def primary(tests: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The rows of TESTS that a family is made of: the primary test over all folds, of all models but the references.

    On each of the losses that the verdict can rest on.
    """
    about = {name: value for name, value in question.primary.items() if name != "loss"}
    losses, models = pl.col("loss").is_in([question.loss, WEIGHTED]), ~pl.col("model").is_in(question.references)
    return tests.filter(pl.col("fold").is_null(), models, losses, **about)


def ledger_of(run: Path) -> Ledger:
    """Return the ledger beside a run folder."""
    return ledger.read(run.parent / LEDGER)


def tried_before(known: Ledger, question: Question, *, data: str, config: str) -> Tried:
    """Return what else was tried on the same bars; `data` and `config` are the hashes of bars and trial."""
    trials = ledger.others(known, data=data, config=config)
    return Tried(
        ledger.counted(known, data=data, config=config),
        frozenset(_keyed(trials, question, known.unreadable, worse=False)),
        frozenset(_keyed(trials, question, known.unreadable, worse=True)),
    )


def deflated_ratios(
    strategies: pl.DataFrame, known: Ledger, question: Question, *, data: str, config: str
) -> dict[Key, float]:
    """Return the deflated Sharpe ratio of each model's strategy in STRATEGIES, as far as it is defined."""
    own, trials = _sharpes(strategies, question), ledger.others(known, data=data, config=config)
    found = {}
    for key, one in own.items():
        with suppress(UndefinedTest):
            found[key] = deflate(one, [each.ratio for each in own.values()], trials, unreadable=known.unreadable)
    return found


def deflate(sharpe: Sharpe, own: Sequence[float], others: Sequence[Trial], *, unreadable: int = 0) -> float:
    """Probability that a strategy's true Sharpe ratio exceeds what the best of all trials would show by chance.

    The trials are the strategies of this run, whose Sharpe ratios per bar are `own`, and of all other configurations
    on the data; the same model in two configurations is two trials, an unreadable line is one. Trials that resemble
    each other count in full, but reduce the variance of the ratios, and with it the benchmark. With one ratio there is
    no selection: the benchmark is 0.
    Raises UndefinedTest as `deflated_sharpe`.

    Source: Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40 (5), 94-107.
    """
    ratios = np.array([*own, *(ratio for trial in others for ratio in trial.sharpes.values())])
    variance = float(ratios.var(ddof=1)) if ratios.size > 1 else 0.0
    return deflated_sharpe(sharpe, max(ratios.size, 1) + unreadable, variance)


def trial_of(
    name: str, judged: Verdict, tests: pl.DataFrame, strategies: pl.DataFrame, *, data: str, config: str
) -> Trial:
    """Return a run as a trial: its name, status, the p-values of its primary test and its Sharpe ratios."""
    tested = primary(tests, judged.question).filter(pl.col("p_value").is_not_null())
    p_values: dict[str, dict[str, float]] = {"less": {}, "greater": {}, "two-sided": {}}
    for row in tested.iter_rows(named=True):
        key = Key(row["model"], row["horizon"], WEIGHTED if row["loss"] == WEIGHTED else "")
        p_values[row["alternative"]][name_of(key)] = row["p_value"]
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    sharpes = {name_of(key): found.ratio for key, found in _sharpes(strategies, judged.question).items()}
    about = (config, data, finished, name)
    return Trial(*about, p_values["less"], p_values["greater"], sharpes, judged.status, judged.question.code)


def _keyed(trials: Sequence[Trial], question: Question, unreadable: int, *, worse: bool) -> Iterator[tuple[Key, float]]:
    """P-values of other trials by model and horizon.

    A trial of another question counts with p = 1: it was an attempt, but says nothing of this one, and a rival that is
    easy to beat must not lend its small p-values to a step-up adjustment. So does an unreadable line.
    """
    for trial in trials:
        other = trial.question not in (None, question.code)
        for name, value in (trial.p_worse if worse else trial.p_values).items():
            key = key_of(name)
            yield (key._replace(model=f"{trial.config} {key.model}"), 1.0) if other else (key, value)
    for number in range(unreadable):
        yield Key("", number), 1.0


def _sharpes(strategies: pl.DataFrame, question: Question) -> dict[Key, Sharpe]:
    """Sharpe ratios per bar of all models but the references, as far as they are defined."""
    models = ~pl.col("model").is_in([HOLDING, *question.references])
    return {
        Key(row["model"], row["horizon"]): Sharpe(row["sharpe_per_bar"], row["skewness"], row["kurtosis"], row["n"])
        for row in strategies.filter(models, pl.col("sharpe_per_bar").is_not_null()).iter_rows(named=True)
    }
