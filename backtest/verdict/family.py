"""The family of claims that a verdict is one of: every model, horizon and loss of the run, and what else was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import polars as pl

from backtest.data.losses import WEIGHTED
from backtest.data.names import MAX_T
from backtest.data.records.verdict import Claim, Declared, Forgotten
from backtest.evaluation.robustness import P_VALUES
from backtest.significance.multiple_testing import adjustment_of
from backtest.significance.stepdown import Hypothesis, JointNull, joint_null


class Key(NamedTuple):
    """One hypothesis: a model at a horizon, by the question's own loss or, with `loss`, by another one."""

    model: str
    horizon: int
    loss: str = ""


LOSSES = ("", WEIGHTED)
"""The losses of a key, in the order of `P_VALUES`."""


class Adjusted(NamedTuple):
    """Adjusted p-values of one model and horizon for being better and for being worse, by each loss that has them.

    `agree` says of both sides whether every loss points that way: whether no p-value of it is above 1/2.
    """

    better: Mapping[str, float]
    worse: Mapping[str, float]
    agree: tuple[bool, bool] = (True, True)


class Known(NamedTuple):
    """A test of another trial whose loss differences are known, and its p-values."""

    key: Key
    better: float
    worse: float
    hypothesis: Hypothesis


@dataclass(frozen=True, slots=True)
class Tried:
    """What was tried on the same rows: `configurations`, this one included, and the p-values of the others.

    Those are pairs of what was tested and its p-value, for "better" and for "worse", and in `known` the tests whose
    loss differences are known as well. The same test of the same model whose p-value agrees to the last digit is a
    repetition, and counts once. `declared` is what the first trial was to be judged by, where that was another level or
    adjustment; `forgotten` says how many trials were deleted from the ledger, and when last.
    """

    configurations: int = 1
    better: frozenset[tuple[Key, float]] = frozenset()
    worse: frozenset[tuple[Key, float]] = frozenset()
    known: tuple[Known, ...] = ()
    declared: Declared | None = None
    forgotten: Forgotten | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """P-values of this run for both claims, those of other configurations, and how they are adjusted.

    `null` has a column for each of `better`, in that order, and then for each of `known`; it is None unless the
    adjustment is MAX_T, which falls back to Holm's for everything of which no losses are known.
    """

    better: Mapping[Key, float]
    worse: Mapping[Key, float]
    tried: Tried
    adjustment: str
    null: JointNull | None = None

    @classmethod
    def of(
        cls,
        better: Mapping[Key, float],
        worse: Mapping[Key, float],
        tried: Tried,
        adjustment: str,
        hypotheses: Mapping[Key, Hypothesis],
    ) -> Self:
        """Family of defined tests, and of the loss differences that they were made with."""
        family = cls(better, worse, tried, adjustment)
        columns = [hypotheses[key] for key in better] + [one.hypothesis for one in family.known]
        simulated = adjustment == MAX_T and better and len(columns) > 1
        return replace(family, null=joint_null(columns)) if simulated else family

    @property
    def known(self) -> tuple[Known, ...]:
        """Tests of other trials whose loss differences are known, without those that this run repeats."""
        return tuple(one for one in self.tried.known if self.better.get(one.key) != one.better)

    @property
    def size(self) -> int:
        """How many p-values are adjusted together, at least 1."""
        return max(1, len(self.better) + len(self.known) + len(self._others(worse=False)))

    def level(self, alpha: float) -> float:
        """Raw p-value whose adjusted value is alpha, where every other hypothesis has p = 1."""
        if self.null is not None:
            return self.null.level(alpha, self.size - len(self.better) - len(self.known))
        tiny = 1e-9
        return alpha * tiny / float(adjustment_of(self.adjustment)([tiny, *[1.0] * (self.size - 1)])[0])

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims of this run."""
        adjusted = self.adjust(self.better)
        return tuple(
            Claim(key.model, key.horizon, p, adjusted[key], self.worse.get(key, 1.0), key.loss)
            for key, p in self.better.items()
        )

    def adjust(self, own: Mapping[Key, float | None], *, worse: bool = False) -> dict[Key, float]:
        """Adjusted p-values of hypotheses of this run, as far as they are defined, beside other configurations."""
        known = {key: value for key, value in own.items() if value is not None}
        others, simulated = self._others(worse=worse), [one.worse if worse else one.better for one in self.known]
        if self.null is not None and known:
            columns = [place for place, key in enumerate(self.better) if key in known]
            columns += range(len(self.better), len(self.better) + len(simulated))
            ordered = {key: known[key] for key in self.better if key in known}
            adjusted = self.null.part(columns).adjust([*ordered.values(), *simulated], others)
            return dict(zip(ordered, adjusted.tolist(), strict=False))
        adjusted = adjustment_of(self.adjustment)([*known.values(), *simulated, *others])
        return dict(zip(known, adjusted.tolist(), strict=False))

    def of_model(self, model: str, horizon: int) -> Adjusted:
        """The adjusted p-values of one model at one horizon."""
        return self._pick(self.better, self.worse, model, horizon)

    def by_seed(self, seeds: pl.DataFrame, model: str, horizon: int) -> list[Adjusted]:
        """The same of each seed in SEEDS, as if it had been the only seed of the run."""
        found = []
        for number in seeds.filter(model=model, horizon=horizon)["seed"]:
            better, worse = p_values(list(seeds.filter(seed=number).iter_rows(named=True)))
            found.append(self._pick({**self.better, **better}, {**self.worse, **worse}, model, horizon))
        return found

    def without_a_fold(
        self, dropped: pl.DataFrame, model: str, horizon: int, *, worse: bool
    ) -> tuple[float | None, int | None]:
        """Largest adjusted p-value of a claim when one fold is left out, and that fold; None where DROPPED has none.

        Of a claim that two losses can make, the smaller p-value counts. A test that is undefined without a fold counts
        as p = 1.
        """
        largest: tuple[float | None, int | None] = (None, None)
        for (fold,), rows in dropped.sort("fold").partition_by("fold", as_dict=True).items():
            if rows.filter(model=model, horizon=horizon).is_empty():
                continue
            own = p_values(list(rows.iter_rows(named=True)))[int(worse)]
            adjusted = self.adjust(own, worse=worse)
            p_value = min((adjusted[key] for key in _keys(model, horizon) if key in adjusted), default=1.0)
            if largest[0] is None or p_value > largest[0]:
                largest = (p_value, fold)
        return largest

    def _pick(self, better: Mapping[Key, float], worse: Mapping[Key, float], model: str, horizon: int) -> Adjusted:
        """The adjusted p-values of one model among those of all."""
        sides, keys = (self.adjust(better), self.adjust(worse, worse=True)), _keys(model, horizon)
        agree = all(better.get(key, 0.0) <= 0.5 for key in keys), all(worse.get(key, 0.0) <= 0.5 for key in keys)
        by_loss = ({key.loss: side[key] for key in keys if key in side} for side in sides)
        return Adjusted(next(by_loss), next(by_loss), agree)

    def _others(self, *, worse: bool) -> list[float]:
        """P-values of other configurations of which no more is known, without tests that this run repeats."""
        own, others = (self.worse, self.tried.worse) if worse else (self.better, self.tried.better)
        return sorted(p_value for _, p_value in others - set(own.items()))


def p_values(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[Key, float], dict[Key, float]]:
    """The defined p-values for "better" and for "worse" in rows with model, horizon and the columns of `P_VALUES`."""
    better: dict[Key, float] = {}
    worse: dict[Key, float] = {}
    for row in rows:
        for loss, names in zip(LOSSES, P_VALUES, strict=True):
            for side, name in zip((better, worse), names, strict=True):
                if row[name] is not None:
                    side[Key(row["model"], row["horizon"], loss)] = float(row[name])
    return better, worse


def _keys(model: str, horizon: int) -> tuple[Key, ...]:
    """The hypotheses about one model at one horizon."""
    return tuple(Key(model, horizon, loss) for loss in LOSSES)
