"""The sentences of an audit, made from its codes and numbers: the same in report, terminal and app."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from backtest.data.records.audit import (
    FEATURE_LEAKS,
    PERTURBATION_WORDS,
    Counterexample,
    Leak,
    LeakCode,
    Level,
    LevelCode,
    Note,
    NoteCode,
    Subject,
    Trial,
)
from backtest.reports.formats import counted, listed, moment

LEVELS: dict[LevelCode, str] = {
    "causality": "causality of features",
    "warm_up": "warm-up",
    "availability": "availability",
    "fold_isolation": "fold isolation",
    "placebo": "placebo",
}

LEAKS: dict[LeakCode, tuple[str, str]] = {
    **FEATURE_LEAKS,
    "known_before_close": (
        "claim to be known before their bar has closed",
        "a bar that opens at `time` is known at time + interval; resampled bars too are known at their end",
    ),
    "label_known_early": (
        "claim to be known before all the bars that they are made of have closed",
        "`target_time` is the close of the last bar that the target reads",
    ),
    "label_not_known": (
        "learns from {count} not known yet when the next span begins",
        "leave a gap of at least the horizon between the spans, and drop labels that are known later",
    ),
    "window_too_long": (
        "has {count} that extend past the forecast origin",
        "a window ends at its origin; the bar of the target is not part of it",
    ),
    "fold_not_isolated": (
        "forecasts differently when later rows are replaced: {moved}",
        (
            "fit scalers and choose features, epochs and seeds on the training and validation rows only; "
            "do not start from a later fit"
        ),
    ),
    "nondeterministic_fit": (
        "forecasts differently when it is fitted twice on the same rows with the same seed: {moved}",
        "draw all random numbers from the seed that the model is given; otherwise a run cannot be repeated or audited",
    ),
    "depends_on_other_fits": (
        "forecasts differently when it is fitted again after the other folds: {moved}",
        "a fit may depend only on its own fold and seed: keep no weights, scalers or random state between fits",
    ),
    "forecasts_ignore_rows": (
        "forecasts the same when every bar is replaced",
        "compute forecasts from the rows that are given; the key of a cache must include the data",
    ),
    "fit_ignores_rows": (
        "has the same weights when every bar is replaced, but different ones in other folds",
        "learn from the rows that are given; the key of a cache of fits must include the data",
    ),
    "refused": (
        "depends on later rows: {error}",
        "a forecast may use only its own window: keep statistics of other rows out of `predict`",
    ),
    "skill_on_placebo": (
        (
            "has skill where none is possible: {skill} against zero with {names}, p = {p_value} in sign and rank "
            "tests, and again in a second draw"
        ),
        (
            "the answer leaks in a way that levels 1 to 4 do not detect: check how forecasts and targets are matched, "
            "and data from outside the bars"
        ),
    ),
}
"""What each leak does, to be read after its subject, and what to do about it."""

NOTES: dict[NoteCode, str] = {
    "full_only": "only in the full audit",
    "nothing_left": "no feature left: each of them leaks",
    "newest_bars": "features: checked on the newest {bars} of {total} bars",
    "sampled_bars": "{names}: checked at {bars} of {total} bars",
    "unstable": "the last digits of {names} differ from one computation to the next: rounding, no leak",
    "rounding": "the last digits of {names} change with the number of later bars: rounding, no leak",
    "reads_other_data": "{names} reads data by time that is not among the bars: this was not audited (see @external)",
    "not_computed": "{subject} could not be computed with {trial}: {error}",
    "windows_not_traced": "windows could not be traced, because the fit rescales its rows; level 4 checks them",
    "fit_rounding": "{subject}: two fits on the same rows differ in their state or last digits: no leak",
}

TRIALS: dict[Trial, str] = {
    **PERTURBATION_WORDS,
    "same_bars": "the same bars again",
    "other_bars": "other values everywhere",
    "other_times": "other times",
    "earlier_end": "an earlier end",
    "later_start": "a later start",
    "true_rows": "the true rows",
    "noise_everywhere": "noise in every bar",
    "grid": "extreme values at regular distances",
    "series_noise": "noise in later values of {names}",
    "series_removed": "no later values of {names}",
    "shuffled_targets": "targets shuffled in blocks",
    "random_walk": "a random walk with GARCH volatility",
}


PLACEBOS = {"shuffled_targets": TRIALS["shuffled_targets"], "random_walk": TRIALS["random_walk"]}


def checked(level: Level) -> str:
    """Return what a level checked: its counts, or why there are none."""
    counts = level.checked
    if not counts:
        return "; ".join(note_sentence(note) for note in level.notes)
    if level.code == "availability":
        series = f", external series: {counts['series']}" if counts["series"] else ""
        rows, folds = counted(counts["rows"], "row"), counted(counts["folds"], "fold")
        return f"{rows}{series}, labels at {counts['instants']} instants, windows of {folds}"
    return ", ".join(counted(count, name.removesuffix("s")) for name, count in counts.items())


def notes(level: Level) -> list[str]:
    """Return the notes on what a level checked, each a sentence without a full stop."""
    return [note_sentence(note) for note in level.notes] if level.checked else []


def note_sentence(note: Note) -> str:
    """Return a note as a sentence without a full stop."""
    names, numbers = listed(note.names, 4), {name: f"{number:,}" for name, number in note.numbers.items()}
    trial = TRIALS[note.trial].format(names=names) if note.trial else ""
    subject = subject_words(note.subject) if note.subject else "the features"
    return NOTES[note.code].format(names=names, trial=trial, subject=subject, error=note.error, **numbers)


def subject_words(subject: Subject) -> str:
    """Return what leaks: `feature x`, `model ridge, fold 3`, `fold 0, training`."""
    fold = "" if subject.fold is None else f"fold {subject.fold}"
    match subject.kind:
        case "fold":
            return f"{fold}, {subject.name}" if subject.name else fold
        case "features":
            return "rows of features"
        case "series":
            return f"external series {subject.name}"
        case _:
            return ", ".join(part for part in (f"{subject.kind} {subject.name}".strip(), fold) if part)


def leak_sentence(leak: Leak) -> str:
    """Return what was found, as a sentence without a full stop: `feature x reads the future`."""
    numbers = leak.numbers
    subject, words = subject_words(leak.subject), LEAKS[leak.code][0]
    known: dict[str, object] = {
        "error": leak.error,
        "moved": _moved(leak),
        "lookback": f"{numbers.get('lookback', 0):,}",
    }
    noun = {"label_not_known": "label", "window_too_long": "window", "stamped_early": "value"}.get(leak.code, "row")
    known["count"] = counted(int(numbers.get("count", 0)), noun)
    placebo = leak.code == "skill_on_placebo"
    known["names"] = listed([PLACEBOS.get(name, name) if placebo else name for name in leak.names], 4)
    known |= {"skill": f"{numbers.get('skill', 0):+.2%}", "p_value": f"{numbers.get('p_value', 0):.1g}"}
    if leak.code == "known_before_close":
        subject = f"{known['count']} of features"
    return f"{subject} {words.format(**known)}"


def leak_remedy(leak: Leak) -> str:
    """Return what to do about a leak."""
    return LEAKS[leak.code][1]


def leak_words(leak: Leak) -> str:
    """Return a leak in lines: what was found, the counterexample, and what to do."""
    lines = [leak_sentence(leak)]
    if leak.counterexample:
        lines.append(f"  {counterexample_words(leak.counterexample)}")
    return "\n".join([*lines, f"  what to do: {leak_remedy(leak)}"])


def leak_reason(leaks: Sequence[Leak]) -> str:
    """Return why numbers are unreliable, in a clause on the first leak; empty if there is none."""
    if not leaks:
        return ""
    more = f" (and {len(leaks) - 1} more)" if leaks[1:] else ""
    return f"the audit found that {leak_sentence(leaks[0])}{more}"


def _moved(leak: Leak) -> str:
    """How two fits differ: in their forecasts, in their fitted arrays, or both."""
    numbers, parts = leak.numbers, []
    if numbers.get("moved"):
        moved, total, largest = numbers["moved"], numbers.get("forecasts", 0), numbers.get("largest", 0)
        parts.append(f"{moved:,} of {total:,} forecasts moved, by up to {largest:.2g}")
    if leak.names:
        parts.append(f"fitted arrays differ: {listed(leak.names, 4)}")
    return ", ".join(parts)


def counterexample_words(shown: Counterexample) -> str:
    """Return the proof of a leak as a clause: which value of which bar reads what, and how that showed.

    Such as `x of BTC at 2024-01-05 13:00 reads the bar of 2024-01-05 14:00, 1 bar ahead (with noise there, the value
    changes)`; `x at 2024-01-05: known at 2024-01-07` where nothing else is read. Text that is no time is shown as is.
    """
    interval = _interval(shown)
    symbol = f" of {shown.symbol}" if shown.symbol else ""
    where = f"{shown.column}{symbol} at {_time(shown.time, interval)}"
    change = TRIALS[shown.perturbation] if shown.perturbation else ""
    if shown.reads:
        read = f"{'the value of' if shown.ahead is None else 'the bar of'} {_time(shown.reads, interval)}"
        proof = f" (with {change} there, the value changes)" if change else ""
        return f"{where} reads {read}{distance(shown.ahead)}{proof}"
    return f"{where}: {_contradiction(shown, change)}" if shown.known_at or change else where


def _contradiction(shown: Counterexample, change: str) -> str:
    """When a value is known, against what shows that this is wrong."""
    known, limit = (_time(time, timedelta()) if time else "" for time in (shown.known_at, shown.limit))
    if not known:
        return f"changes with {change} in later rows"
    if change:
        return f"claims to be known at {known}, but changes with {change} in bars that close after {limit}"
    return (
        f"claims to be known at {known}, but ends at {limit}" if known < limit else f"known at {known}, used at {limit}"
    )


def distance(ahead: int | None) -> str:
    """Return how many bars ahead something lies, or back where that is below zero."""
    return "" if ahead is None else f", {counted(abs(ahead), 'bar')} {'back' if ahead < 0 else 'ahead'}"


def _interval(shown: Counterexample) -> timedelta:
    """Time from bar to bar, as far as a counterexample tells; a day where it does not."""
    with suppress(ValueError, TypeError):
        span = datetime.fromisoformat(shown.reads or "") - datetime.fromisoformat(shown.time)
        return span / (shown.ahead or 1)
    return timedelta(days=1)


def _time(time: str, interval: timedelta) -> str:
    """A time in ISO 8601 as a reader expects it."""
    with suppress(ValueError):
        return moment(datetime.fromisoformat(time), interval)
    return time
