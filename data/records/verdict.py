"""The verdict on a run, as `verdict.json` holds it: codes and numbers; the sentences are made in `reports.wording`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from backtest.data.json_io import JsonRecord
from backtest.data.names import Status
from backtest.data.question import Question
from backtest.data.run_files import VERDICT

ReasonCode = Literal[
    "leak",
    "leak_of_model",
    "leak_of_rival",
    "few_folds",
    "few_differences",
    "all_zero",
    "undefined_test",
    "no_forecasts",
]
"""Why nothing can be said about a model.

leak             the audit found a leak that all models share: of a feature, a label, a series or a fold
leak_of_model    the model itself leaks
leak_of_rival    a model leaks that this one is held against
few_folds        fewer folds with forecasts than a verdict needs
few_differences  fewer loss differences than a verdict needs at this horizon
all_zero         every outcome is zero, so that there is nothing to forecast
undefined_test   the primary test is undefined
no_forecasts     the model did not forecast the rows of the references
"""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why nothing can be said about a model; `got` and `needed` count folds or loss differences.

    `note` is the message of the error by which the primary test is undefined, as TESTS holds it, and empty for every
    other code.
    """

    code: ReasonCode
    got: int | None = None
    needed: int | None = None
    note: str = ""


SubVerdict = Literal["does_not_pay"]
"""What else is known of a model that is not better than its rival.

does_not_pay  it knows something: by Clark and West's test it would be better if its weights needed no estimation
"""


@dataclass(frozen=True, slots=True)
class ClarkWest:
    """Clark and West's one-sided test against a nested rival: p-value, and adjusted (Holm) over `members` candidates.

    A model counts once for each horizon.
    """

    p_value: float
    p_adjusted: float
    members: int


@dataclass(frozen=True, slots=True)
class Concentration:
    """A few days that hold much of the loss difference: how many, from the `first` to the `last`, and their share.

    Dates are those of the forecasts (UTC, ISO 8601), the share is of the sum of absolute loss differences.
    """

    first: str
    last: str
    days: int
    share: float


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of this run: "this model is better than the rival", with its p-value and the adjusted one.

    `p_worse` is that of the opposite claim; `loss` is empty for the question's own, and `weighted` for errors weighted
    by known variances.
    """

    model: str
    horizon: int
    p_value: float
    p_adjusted: float
    p_worse: float = 1.0
    loss: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The p-value of being better than a benchmark of the target: one test, not adjusted."""

    model: str
    p_value: float


@dataclass(frozen=True, slots=True)
class Weighted:
    """The same test on errors weighted by the variance known at each forecast: skill, interval and p-values."""

    skill: float | None
    skill_low: float | None
    skill_high: float | None
    p_value: float | None
    p_adjusted: float | None
    p_worse: float | None
    p_worse_adjusted: float | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model under judgement; None where a number is undefined.

    `skill` is 1 - loss / loss of the rival with its 95 % interval, `p_value` and `p_adjusted` speak for "better",
    `p_worse` and `p_worse_adjusted` for the opposite, `n` counts loss differences (times), `seeds` is 0 for a model
    without seeds, `reason` says why a status is "cannot tell" or "leak suspected" and is None otherwise. `horizon` is 0
    for a model without forecasts.
    `detectable` is the smallest skill that a sample like this shows in 80 % of cases, of a signal that is even over
    time; `detectable_following` that of one that follows volatility, None where errors are not weighted by it.
    `worst_p` is the largest adjusted p-value of the claim (of being worse where the status is "worse") when a single
    fold, `worst_fold`, is left out; a claim that does not survive that is `fragile`. `seed_verdicts` are those that
    each seed alone would have had, and `time_share` the part that time has in the variance of one seed's mean loss
    difference, the rest being initialisation. `deflated_sharpe` is the probability that the strategy after costs earns
    more than the best of all that were tried would by chance. `hardest` is the baseline that decides about the claim
    "better than the best of the baselines": the one that the model is least clearly better than. `benchmarks` are what
    a model that is better than the rival was also compared with. `weighted` holds the numbers of the test on weighted
    errors, None where they are not weighted; `found_by` names the losses that a claim "better" or "worse" rests on.
    `clark_west` is None where the rival is not nested in every model, or the loss not the squared error of returns, and
    `sub_verdict` what follows from it. `concentration` names the few days that hold much of the loss difference, if any
    do.
    """

    model: str
    horizon: int
    status: Status
    reason: Reason | None
    skill: float | None
    skill_low: float | None
    skill_high: float | None
    p_value: float | None
    p_adjusted: float | None
    p_worse: float | None
    p_worse_adjusted: float | None
    n: int
    seeds: int
    detectable: float | None
    fragile: bool
    worst_p: float | None
    worst_fold: int | None
    seed_verdicts: tuple[Status, ...]
    time_share: float | None
    deflated_sharpe: float | None
    hardest: str | None = None
    benchmarks: tuple[Comparison, ...] = ()
    detectable_following: float | None = None
    weighted: Weighted | None = None
    found_by: tuple[str, ...] = ()
    clark_west: ClarkWest | None = None
    sub_verdict: SubVerdict | None = None
    concentration: Concentration | None = None


@dataclass(frozen=True, slots=True)
class Tested:
    """Skill against the rival with its 95 % interval, and the p-value of being better: one test, not adjusted."""

    skill: float | None = None
    skill_low: float | None = None
    skill_high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Combination:
    """The candidates `models` combined at a horizon; shown beside them and never a claim of the verdict.

    `equal` is their mean, with equal weights, `mixed` a mix of that mean and the rival, in which the mean has one of
    the `weights`, in the order of the folds, each from earlier folds alone.
    """

    horizon: int
    models: tuple[str, ...]
    equal: Tested
    mixed: Tested
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BestBaseline:
    """The baseline with the smallest mean loss over all forecasts at a horizon."""

    horizon: int
    model: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What the first run on the same rows was to be judged by: the level and the adjustment; `finished` is ISO time."""

    run: str
    finished: str
    alpha: float
    multiplicity: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many trials on the same rows were deleted from the ledger, and when last, as ISO time."""

    trials: int
    finished: str


@dataclass(frozen=True, slots=True)
class Verdict(JsonRecord):
    """What `verdict.json` holds.

    `candidates` are the networks, or without any all models but the references: by status in the order of RANKING, then
    by skill, the horizons of a model together. `status` and `model` are those of the first (None if there is no
    candidate). `folds` and `forecasts` count what was tested, `configurations` those tried on these rows, this one
    included, `comparisons` the p-values adjusted together; `claims` are those of this run. `question` is what was
    asked; `best` says which baseline the best one was at each horizon, where that is the rival, and skills are against
    it. `combinations` are those of two or more candidates that no leak concerns, at each horizon.
    `declared` is set where the first run on these rows was to be judged by another level or adjustment, `forgotten`
    where trials on them were deleted from the ledger.
    """

    status: Status
    model: str | None
    alpha: float
    adjustment: str
    configurations: int
    comparisons: int
    folds: int
    forecasts: int
    candidates: tuple[Candidate, ...]
    claims: tuple[Claim, ...]
    question: Question = field(default_factory=Question)
    best: tuple[BestBaseline, ...] = ()
    combinations: tuple[Combination, ...] = ()
    declared: Declared | None = None
    forgotten: Forgotten | None = None

    file: ClassVar[str] = VERDICT
    remedy: ClassVar[str] = "run it again"

    def __post_init__(self) -> None:
        """Refuse a best baseline that is none of the question's, as a file from elsewhere may name one."""
        strange = [one.model for one in self.best if one.model not in self.question.baselines]
        if strange:
            raise ValueError(f"best must name baselines of the question (got {', '.join(strange)})")

    def rival_at(self, horizon: int) -> str:
        """The model that skills at a horizon are against: the rival, or the baseline that was the best one."""
        return next((one.model for one in self.best if one.horizon == horizon), self.question.rivals[0])
