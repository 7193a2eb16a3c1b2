"""What earlier runs on the same data mean for a verdict: their p-values, the deflated Sharpe ratio, ledger entries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
import polars as pl

from backtest.data.errors import UndefinedTest
from backtest.data.losses import WEIGHTED
from backtest.data.names import HOLDING
from backtest.data.question import Question
from backtest.data.records.verdict import Declared, Forgotten, Verdict
from backtest.data.result_tables import STRATEGIES, TESTS
from backtest.evaluation.evaluate import Evaluation, EvaluationSettings
from backtest.significance.sharpe_ratio import Sharpe, deflated_sharpe
from backtest.significance.stepdown import Hypothesis
from backtest.verdict import ledger
from backtest.verdict.coincidence import rows_of
from backtest.verdict.family import Key, Known, Tried
from backtest.verdict.kept_losses import find_losses, hypotheses_in, key_of, name_of
from backtest.verdict.ledger import Ledger, Trial

MOST_SIMULATED = 60
"""Tests of other trials from which on no more are simulated, the latest first: the time grows with their square."""


def primary(tests: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The rows of TESTS that a family is made of: the primary test over all folds, of all models but the references.

    On each of the losses that the verdict can rest on.
    """
    about = {name: value for name, value in question.primary.items() if name != "loss"}
    losses, models = pl.col("loss").is_in([question.loss, WEIGHTED]), ~pl.col("model").is_in(question.references)
    return tests.filter(pl.col("fold").is_null(), models, losses, **about)


def tried_before(known: Ledger, question: Question, own: Trial) -> Tried:
    """Return what else was tried on the test rows of a trial."""
    return tried_of(ledger.others(known, own), known, question, own)


def tried_of(trials: Sequence[Trial], known: Ledger, question: Question, own: Trial) -> Tried:
    """Return trials as what was tried besides `own`, an unreadable line of the ledger that is `known` as one more.

    A trial of another question counts with p = 1: it was an attempt, but says nothing of this one, and a rival that is
    easy to beat must not lend its small p-values to a step-up adjustment. So does an unreadable line.
    """
    better, worse = set[tuple[Key, float]](), set[tuple[Key, float]]()
    simulated: dict[tuple[Key, float], Known] = {}
    for trial in reversed(trials):
        if trial.question not in (None, question.code):
            asked = {(key._replace(model=f"{trial.config} {key.model}"), 1.0) for key in map(key_of, trial.p_values)}
            better, worse = better | asked, worse | asked
            continue
        differences = _losses(trial, known) if len(simulated) < MOST_SIMULATED else {}
        both = trial.p_values.keys() & trial.p_worse.keys()
        for name in sorted(both & {name_of(key) for key in differences}):
            key, p_value = key_of(name), trial.p_values[name]
            simulated.setdefault((key, p_value), Known(key, p_value, trial.p_worse[name], differences[key]))
        better |= {(key_of(name), value) for name, value in trial.p_values.items()}
        worse |= {(key_of(name), value) for name, value in trial.p_worse.items()}
    unreadable = {(Key("", number), 1.0) for number in range(known.unreadable)}
    return Tried(
        1 + len(trials) + known.unreadable,  # as `counted`
        frozenset(better | unreadable) - {(one.key, one.better) for one in simulated.values()},
        frozenset(worse | unreadable) - {(one.key, one.worse) for one in simulated.values()},
        tuple(simulated.values()),
        declared_first(known, own),
        forgotten_on(known, own),
    )


def declared_first(known: Ledger, own: Trial) -> Declared | None:
    """Return how the first trial on the same rows was to be judged, if that is another way than that of `own`."""
    trials = ledger.on_same_data(known, own).trials
    told = (one for one in trials if None not in (one.alpha, one.multiplicity))
    first = min(told, key=lambda trial: trial.finished, default=own)
    if first.alpha is None or first.multiplicity is None:
        return None
    differs = (first.alpha, first.multiplicity) != (own.alpha, own.multiplicity)
    return Declared(first.run, first.finished, first.alpha, first.multiplicity) if differs else None


def forgotten_on(known: Ledger, own: Trial) -> Forgotten | None:
    """Return how many trials on the same rows were deleted from the ledger, if any."""
    lines = ledger.on_same_data(known, own).forgotten
    if not lines:
        return None
    return Forgotten(sum(line.forgotten for line in lines), max(line.finished for line in lines))


def deflated_ratios(strategies: pl.DataFrame, known: Ledger, question: Question, own: Trial) -> dict[Key, float]:
    """Return the deflated Sharpe ratio of each model's strategy in STRATEGIES, as far as it is defined."""
    ratios, trials = _sharpes(strategies, question), ledger.others(known, own)
    found = {}
    for key, one in ratios.items():
        with suppress(UndefinedTest):
            found[key] = deflate(one, [each.ratio for each in ratios.values()], trials, unreadable=known.unreadable)
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
    name: str,
    evaluation: Evaluation,
    settings: EvaluationSettings,
    *,
    data: str,
    config: str,
) -> Trial:
    """Return an evaluated run as a trial, not judged yet; `data` and `config` are the hashes of bars and settings."""
    question, tables = settings.question, evaluation.tables
    tested = primary(tables[TESTS.file], question).filter(pl.col("p_value").is_not_null())
    p_values: dict[str, dict[str, float]] = {"less": {}, "greater": {}, "two-sided": {}}
    for row in tested.iter_rows(named=True):
        key = Key(row["model"], row["horizon"], WEIGHTED if row["loss"] == WEIGHTED else "")
        p_values[row["alternative"]][name_of(key)] = row["p_value"]
    return Trial(
        config=config,
        data=data,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        run=name,
        p_values=p_values["less"],
        p_worse=p_values["greater"],
        sharpes={name_of(key): found.ratio for key, found in _sharpes(tables[STRATEGIES.file], question).items()},
        question=question.code,
        alpha=settings.alpha,
        multiplicity=settings.adjustment,
        rows=rows_of(evaluation.panels, settings.interval, evaluation.returns),
    )


def claimed(name: str, judged: Verdict, *, data: str, config: str) -> Trial:
    """Return what a verdict tells of a run as a trial: settings, bars and p-values; `line_of` finds the rest."""
    claims = {name_of(Key(one.model, one.horizon, one.loss)): one for one in judged.claims}
    p_values, p_worse = ({key: getattr(one, side) for key, one in claims.items()} for side in ("p_value", "p_worse"))
    return Trial(config, data, "", name, p_values, p_worse, {}, judged.status, judged.question.code)


def _losses(trial: Trial, known: Ledger) -> dict[Key, Hypothesis]:
    """The loss differences of a trial, empty where they were not kept or are damaged."""
    content = find_losses(trial.losses, known.folders) if trial.losses else None
    return hypotheses_in(content) if content else {}


def _sharpes(strategies: pl.DataFrame, question: Question) -> dict[Key, Sharpe]:
    """Sharpe ratios per bar of all models but the references, as far as they are defined."""
    models = ~pl.col("model").is_in([HOLDING, *question.references])
    return {
        Key(row["model"], row["horizon"]): Sharpe(row["sharpe_per_bar"], row["skewness"], row["kurtosis"], row["n"])
        for row in strategies.filter(models, pl.col("sharpe_per_bar").is_not_null()).iter_rows(named=True)
    }
