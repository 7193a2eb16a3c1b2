"""The question of a run as a value: what is forecast, by which loss, against which rival, by which test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PRIMARY_TEST = "diebold_mariano"
"""The test that a verdict rests on, a key of TESTS."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is forecast.

    Attributes
    ----------
    title, unit
        What an outcome is called, and in what it is measured.
    references
        Models that are always among those of a run, and stand first in its table.
    nested
        Those of them that every model contains as a special case.
    rival
        The model that the verdict tests against unless the settings name another.
    losses
        Those of LOSSES that are tabulated; the first is the verdict's unless the settings name another.
    metrics
        Those of METRICS that are tabulated; `skill` stands for the skill against each reference.
    tests
        Those of TESTS that make sense for it.
    tradable
        Whether a strategy on its forecasts is evaluated.
    largest
        No outcome and no forecast is larger in size than this.
    """

    title: str
    unit: str
    references: tuple[str, ...]
    nested: tuple[str, ...]
    rival: str
    losses: tuple[str, ...]
    metrics: tuple[str, ...]
    tests: tuple[str, ...]
    tradable: bool
    largest: float


TARGETS: Mapping[str, Target] = {
    "log_return": Target(
        title="log return",
        unit="log return",
        references=("zero", "naive"),
        nested=("zero",),
        rival="zero",
        losses=("squared", "absolute"),
        metrics=("mse", "rmse", "mae", "skill", "direction", "correlation"),
        tests=(
            "diebold_mariano",
            "ibragimov_muller",
            "clark_west",
            "encompassing",
            "giacomini_white",
            "fluctuation",
            "pesaran_timmermann",
            "anatolyev_gerko",
            "mincer_zarnowitz",
        ),
        tradable=True,
        largest=1e6,
    ),
}
"""Every target by the name that settings know it by; `features.target` computes it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the verdict answers: whether the mean loss of a model is smaller than that of the rival.

    >>> Question().primary
    {'test': 'diebold_mariano', 'loss': 'squared', 'baseline': 'zero'}
    """

    target: str = "log_return"
    loss: str = "squared"
    rival: str = "zero"
    test: str = PRIMARY_TEST

    def __post_init__(self) -> None:
        """Refuse a target that nobody knows, as a file from elsewhere may name one."""
        if self.target not in TARGETS:
            raise ValueError(f"target must be one of {', '.join(TARGETS)} (got {self.target})")

    @property
    def about(self) -> Target:
        """What is forecast."""
        return TARGETS[self.target]

    @property
    def primary(self) -> dict[str, Any]:
        """The columns of TESTS by which the verdict's own test is known."""
        return {"test": self.test, "loss": self.loss, "baseline": self.rival}

    @property
    def losses(self) -> tuple[str, ...]:
        """The losses that are tabulated, the verdict's first."""
        return tuple(dict.fromkeys((self.loss, *self.about.losses)))

    @property
    def references(self) -> tuple[str, ...]:
        """The models that are not judged: those that are always there, and the rival."""
        return tuple(dict.fromkeys((*self.about.references, self.rival)))
