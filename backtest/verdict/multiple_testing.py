"""Adjustment for earlier runs on the same data: the family of p-values, the deflated Sharpe ratio, the ledger entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from backtest.data.errors import UndefinedTest
from backtest.data.names import HOLDING
from backtest.data.question import Question
from backtest.data.records.verdict import Claim, Verdict
from backtest.significance.multiple_testing import ADJUSTMENTS
from backtest.significance.sharpe_ratio import Sharpe, deflated_sharpe
from backtest.verdict import ledger
from backtest.verdict.ledger import LEDGER, Key, Ledger, Trial, key_of, name_of


def primary(tests: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The rows of TESTS that a family is made of: the primary test over all folds, of all models but the references."""
    return tests.filter(pl.col("fold").is_null(), ~pl.col("model").is_in(question.references), **question.primary)


@dataclass(frozen=True, slots=True)
class Tried:
    """What was tried on the same bars: `configurations`, this one included, and the p-values of the others.

    Those are pairs of what was tested and its p-value, for "better" and for "worse". The same test of the same model
    whose p-value agrees to the last digit is a repetition, and counts once.
    """

    configurations: int = 1
    better: frozenset[tuple[Key, float]] = frozenset()
    worse: frozenset[tuple[Key, float]] = frozenset()


@dataclass(frozen=True, slots=True)
class Family:
    """P-values of this run for both claims, by model and horizon, those of other configurations, and the adjustment."""

    better: Mapping[Key, float]
    worse: Mapping[Key, float]
    tried: Tried
    adjustment: str

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], tried: Tried, adjustment: str) -> Self:
        """Family of rows with model, horizon, p_value and p_worse; an undefined test makes no claim."""
        defined = {(row["model"], row["horizon"]): row for row in rows if row["p_value"] is not None}
        better = {key: float(row["p_value"]) for key, row in defined.items()}
        return cls(better, {key: float(row["p_worse"]) for key, row in defined.items()}, tried, adjustment)

    @property
    def size(self) -> int:
        """How many p-values are adjusted together, at least 1."""
        return max(1, len(self.better) + len(self._others(worse=False)))

    def level(self, alpha: float) -> float:
        """Raw p-value whose adjusted value is alpha, where every other hypothesis has p = 1."""
        tiny = 1e-9
        return alpha * tiny / float(ADJUSTMENTS[self.adjustment]([tiny, *[1.0] * (self.size - 1)])[0])

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims of this run."""
        adjusted = self._adjust(self.better, worse=False)
        return tuple(Claim(*key, p_value, adjusted[key]) for key, p_value in self.better.items())

    def adjusted(self, key: Key, *, worse: bool = False) -> float | None:
        """Adjusted p-value of one claim; None where it is undefined."""
        return self._adjust(self.worse if worse else self.better, worse=worse).get(key)

    def by_seed(self, seeds: pl.DataFrame, key: Key) -> list[dict[str, Any]]:
        """SEEDS of one model with the adjusted p-values that each would have had as the only seed of the run."""
        found = []
        for number in seeds.filter(model=key[0], horizon=key[1])["seed"]:
            rows = {(row["model"], row["horizon"]): row for row in seeds.filter(seed=number).iter_rows(named=True)}
            adjusted = {}
            for worse, name in ((False, "p_value"), (True, "p_worse")):
                own = dict(self.worse if worse else self.better) | {each: row[name] for each, row in rows.items()}
                adjusted[worse] = self._adjust(own, worse=worse).get(key)
            found.append({**rows[key], "p_adjusted": adjusted[False], "p_worse_adjusted": adjusted[True]})
        return found

    def without_a_fold(self, dropped: pl.DataFrame, key: Key, *, worse: bool) -> tuple[float | None, int | None]:
        """Largest adjusted p-value of a claim when one fold is left out, and that fold; None where DROPPED has none.

        A test that is undefined without a fold counts as p = 1.
        """
        largest: tuple[float | None, int | None] = (None, None)
        name = "p_worse" if worse else "p_value"
        for (fold,), rows in dropped.sort("fold").partition_by("fold", as_dict=True).items():
            own = {(row["model"], row["horizon"]): row[name] for row in rows.iter_rows(named=True)}
            if key not in own:
                continue
            p_value = self._adjust(own, worse=worse).get(key, 1.0)
            if largest[0] is None or p_value > largest[0]:
                largest = (p_value, fold)
        return largest

    def _adjust(self, own: Mapping[Key, float | None], *, worse: bool) -> dict[Key, float]:
        """Adjusted p-values of this run's, together with those of other configurations."""
        known = {key: value for key, value in own.items() if value is not None}
        values = [*known.values(), *self._others(worse=worse)]
        return dict(zip(known, ADJUSTMENTS[self.adjustment](values).tolist(), strict=False))

    def _others(self, *, worse: bool) -> list[float]:
        """P-values of other configurations, without tests that this run repeats."""
        own, others = (self.worse, self.tried.worse) if worse else (self.better, self.tried.better)
        return sorted(p_value for _, p_value in others - set(own.items()))


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
            model, horizon = key_of(name)
            yield ((f"{trial.config} {model}", horizon), 1.0) if other else ((model, horizon), value)
    for number in range(unreadable):
        yield ("", number), 1.0


def _sharpes(strategies: pl.DataFrame, question: Question) -> dict[Key, Sharpe]:
    """Sharpe ratios per bar of all models but the references, as far as they are defined."""
    models = ~pl.col("model").is_in([HOLDING, *question.references])
    return {
        (row["model"], row["horizon"]): Sharpe(row["sharpe_per_bar"], row["skewness"], row["kurtosis"], row["n"])
        for row in strategies.filter(models, pl.col("sharpe_per_bar").is_not_null()).iter_rows(named=True)
    }
