"""The kinds of leak: what is said of each, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from backtest.data.records.audit import Counterexample, Leak


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of leak: what was `seen`, to be read after the name of what it was seen of, and the remedy."""

    seen: str
    remedy: str

    def leak(self, subject: str, counterexample: Counterexample | None = None, **words: object) -> Leak:
        """A leak of this kind, `words` put where `seen` has a place for them."""
        return Leak(subject, self.seen.format(**words), self.remedy, counterexample)


READS_AHEAD = Kind(
    "reads the future",
    "use the bar itself and earlier ones alone: shift(n) with n >= 0, windows that end at the bar, forward fills, "
    "statistics of the past",
)
NONDETERMINISTIC = Kind(
    "differs when it is computed twice from the same bars",
    "the same bars must give the same bits: seed what is random, and sort before adding up",
)
NONDETERMINISTIC_FIT = Kind(
    "forecasts otherwise when it is fitted twice on the same rows with the same seed: {moved}",
    "draw everything from the seed that the model is given: otherwise nobody can make the run again, or audit it",
)
STALE = Kind(
    "does not change with the bars that it is given",
    "compute it from the bars that it is given; a cache must have the data among its keys",
)
REMEMBERS = Kind(
    "depends on bars before its look-back of {lookback}",
    "declare the whole look-back; what never forgets, such as an EWMA, declares a tolerance too; what changes with "
    "the length of history, such as a mean since the first bar, has no look-back at all",
)
UNFINISHED = Kind(
    "claim to be known before their bar has closed",
    "a bar that opens at `time` is known at time + interval; resampled bars too are known at their end",
)
STAMPED_EARLY = Kind(
    "has {count} stamped before the end of what they are about",
    "`known_at` is when a value was published, `time` the end of the period that it covers",
)
UNPUBLISHED = Kind(
    "reads external series {name} before it was published",
    "join it on `known_at`, backward, as `@external` does by itself, and not on the time that it is about",
)
LABEL_EARLY = Kind(
    "claim to be known before all the bars that they are made of have closed",
    "`target_time` is the close of the last bar that the target reads",
)
LABEL_UNKNOWN = Kind(
    "learns from {count} not known yet when the next span begins",
    "leave a gap of at least the horizon between the spans, and drop labels that are known later",
)
WINDOW_BEYOND = Kind(
    "has {count} reaching behind the bar that is forecast from",
    "a window ends at its origin; the bar of the target is not among what the model sees",
)
FORESEES = Kind(
    "moves when later bars are replaced",
    "fit scalers, choose features, epochs and seeds on rows before the forecast alone, anew for each fold",
)
SEAL = Kind(
    "forecasts otherwise when what came later is replaced: {moved}",
    "fit scalers, choose features, epochs and seeds on the training and validation rows alone; start from no later fit",
)
CARRIED = Kind(
    "forecasts otherwise when it is fitted again after the other folds: {moved}",
    "a fit may depend on its own fold and seed alone: keep no weights, scalers or random state between fits",
)
UNMOVED = Kind(
    "forecasts the same when every bar is replaced",
    "compute forecasts from the rows that are given; a cache must have the data among its keys",
)
UNLEARNED = Kind(
    "has the same weights when every bar is replaced, but other ones in other folds",
    "learn from the rows that are given; a cache of fits must have the data among its keys",
)
REFUSED = Kind(
    "depends on later rows: {error}",
    "a forecast may use its own window alone: keep statistics of other rows out of `predict`",
)
SKILLED = Kind(
    "knows what cannot be known: skill {skill} against zero with {world}, p = {p} in tests of sign and rank, "
    "and again in a second draw",
    "something tells it the answer that levels 1 to 4 cannot name: look at how forecasts and targets are put side by "
    "side, and at data from outside of the bars",
)
