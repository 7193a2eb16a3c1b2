"""The question of a run as a value: what is forecast, by which loss, against which rival, by which test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from backtest.data.losses import LOSSES
from backtest.data.names import BEST
from backtest.data.target_columns import outcome_column
from backtest.data.targets import PRIMARY_TEST, PRIMARY_TESTS, TARGETS, Target, canonical, target_of


@dataclass(frozen=True, slots=True)
class Question:
    """What the verdict answers: whether the mean loss of a model is smaller than that of the rival.

    The rival is a model, or `best`, the best of the `baselines`, which are named for it alone. It is asked at each of
    the `horizons`, bars ahead, ascending. Two questions that differ in them alone are equal: runs can be compared at
    the horizons that they share. Without a `test` it is that of the target.

    >>> Question().primary
    {'test': 'diebold_mariano', 'loss': 'squared', 'baseline': 'zero'}
    """

    target: str = "log_return"
    loss: str = "squared"
    rival: str = "zero"
    test: str = ""
    baselines: tuple[str, ...] = ()
    horizons: tuple[int, ...] = field(default=(1,), compare=False)

    def __post_init__(self) -> None:
        """Spell the target and take its test where none is named; refuse unknown names, as a file may hold them."""
        object.__setattr__(self, "target", canonical(self.target))
        try:
            target_of(self.target)
        except ValueError as unknown:
            raise ValueError(f"target {unknown}") from unknown
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)} (got {self.loss})")
        if not self.test:
            object.__setattr__(self, "test", self.about.primary_test)
        if self.test not in PRIMARY_TESTS:
            raise ValueError(f"test must be one of {', '.join(PRIMARY_TESTS)} (got {self.test})")
        if (self.rival == BEST) != bool(self.baselines):
            got = f"{', '.join(self.baselines) or 'none'}, rival {self.rival}"
            raise ValueError(f"baselines must be named for the rival {BEST}, and for no other (got {got})")
        if not self.horizons or self.horizons != tuple(sorted({*self.horizons})) or self.horizons[0] < 1:
            raise ValueError(f"horizons must be bars ahead, 1 or more, ascending (got {self.horizons})")

    @property
    def code(self) -> str:
        """Target, loss and rival as one word, by which the ledger knows the question, and the test unless it is usual.

        The best of other baselines is another rival: `log_return/squared/best(naive+ridge+zero)`. Lines of the ledger
        that name no test are of the usual one, or older than the choice: `log_variance/qlike/log_har` is another
        question than `log_variance/qlike/log_har/diebold_mariano_robust`.
        """
        those = f"({'+'.join(sorted(self.baselines))})" if self.baselines else ""
        test = "" if self.test == PRIMARY_TEST else f"/{self.test}"
        return f"{self.target}/{self.loss}/{self.rival}{those}{test}"

    @property
    def about(self) -> Target:
        """What is forecast."""
        return target_of(self.target)

    @property
    def outcomes(self) -> dict[int, str]:
        """The column of FEATURES that holds the outcomes of each horizon."""
        return {horizon: outcome_column(self.target, horizon) for horizon in self.horizons}

    @property
    def primary(self) -> dict[str, Any]:
        """The columns of TESTS by which the verdict's own test is known."""
        return {"test": self.test, "loss": self.loss, "baseline": self.rival}

    @property
    def weighted(self) -> bool:
        """Whether the verdict may also rest on errors weighted by the variance that was known at each forecast.

        That asks the same of the conditional mean, and so of squared errors of returns alone.
        """
        return self.loss == "squared" and self.about.scale == "return"

    @property
    def nested(self) -> bool:
        """Whether every model contains the rival as a special case, and errors are squared: as Clark-West asks."""
        return self.weighted and {*self.rivals} <= {*self.about.nested}

    @property
    def losses(self) -> tuple[str, ...]:
        """The losses that are tabulated, the verdict's first, then those of the target."""
        return tuple(dict.fromkeys((self.loss, *losses_of(self.target))))

    @property
    def rivals(self) -> tuple[str, ...]:
        """The models that a better one must beat: the rival, or each of the baselines."""
        return self.baselines or (self.rival,)

    @property
    def references(self) -> tuple[str, ...]:
        """The models that are not judged: those that are always there, and the rivals."""
        return tuple(dict.fromkeys((*self.about.references, *self.rivals)))


def losses_of(target: str) -> tuple[str, ...]:
    """Return the losses that are tabulated of a target: those that it names, then every other one for its scale."""
    about = target_of(target)
    return tuple(dict.fromkeys((*about.losses, *(name for name, loss in LOSSES.items() if about.scale in loss.scales))))


def names_for(target: str, kind: Literal["tests", "metrics"], table: Iterable[str]) -> tuple[str, ...]:
    """Return the entries of a table that a target names, then those that no target names: a user's own."""
    named = {name for each in TARGETS.values() for name in getattr(each, kind)}
    return (*getattr(target_of(target), kind), *(name for name in table if name not in named))
