"""The numbers behind a verdict: a line for each candidate, the counts once, then what else must be known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

from backtest.data.losses import WEIGHTED
from backtest.data.names import label
from backtest.data.records.audit import Audit
from backtest.data.records.verdict import Candidate, Concentration, Reason, Verdict, Weighted
from backtest.reports.formats import MONTHS, counted, decimal, listed
from backtest.reports.wording.audit import leak_reason
from backtest.reports.wording.effects import effect_text, equal_p, short_p
from backtest.reports.wording.question import capital, words_of_loss
from backtest.reports.wording.verdict import candidate_name, rival_words

MOST_GAINS = 6
"""Detectable gains that are listed one by one."""

PAYS = "does_not_pay"
DEFINITION = "Weighted: errors in units of the volatility known at each forecast."


def sentences(verdict: Verdict, audit: Audit | None = None) -> tuple[str, ...]:
    """Return the lines below a headline: one for each candidate, the counts, then the notes.

    `audit` adds what the leak is, where one is suspected. Nothing without candidates.
    """
    lines = tuple(_line(one, verdict, audit) for one in verdict.candidates)
    return (*lines, _counts(verdict), *_notes(verdict)) if lines else ()


def reason_words(reason: Reason, model: str, audit: Audit | None = None) -> str:
    """Return why nothing can be said about a model, as a clause; `audit` tells what a suspected leak is."""
    leaks = audit.leaks if audit else ()
    match reason.code:
        case "leak":
            shared = leak_reason([leak for leak in leaks if not leak.of_one_model])
            return f"{shared}, which concerns every model" if shared else "see the leak audit of the run"
        case "leak_of_model":
            own = leak_reason([leak for leak in leaks if leak.of_one_model and leak.subject.name == model])
            return own or "it or its run leaks, see the leak audit of the run"
        case "leak_of_rival":
            others = leak_reason([leak for leak in leaks if leak.of_one_model])
            return f"{others}, which it is held against" if others else "its rival leaks, see the leak audit of the run"
    return {
        "few_folds": f"{counted(reason.got or 0, 'fold')}, at least {reason.needed} are needed",
        "few_differences": f"{counted(reason.got or 0, 'loss difference')}, at least {reason.needed} are needed",
        "all_zero": "the rival makes no loss",
        "undefined_test": reason.note,
        "no_forecasts": "its forecasts do not cover the same rows as those of the rival",
    }[reason.code]


def _line(found: Candidate, verdict: Verdict, audit: Audit | None) -> str:
    """The finding on one candidate: the test that made the claim with its effect, and the p-value of the other one.

    "LSTM: MSE 0.4 % lower (-0.3 to +1.1 %), adjusted p = 0.62, weighted 0.24."
    """
    name = capital(candidate_name(found, verdict))
    if found.reason:
        return f"{name}: {found.status}; {reason_words(found.reason, found.model, audit)}."
    worse, alpha = found.status == "worse", verdict.alpha
    mean = words_of_loss(verdict.question.loss).mean
    plain = found.skill, found.skill_low, found.skill_high, *_chances(found, worse=worse)
    tests = [(mean, "plain", plain)]
    if found.weighted:
        own = found.weighted
        tests.append(
            (
                words_of_loss(WEIGHTED).mean,
                "weighted",
                (own.skill, own.skill_low, own.skill_high, *_chances(own, worse=worse)),
            )
        )
    if found.found_by == (WEIGHTED,):
        tests.reverse()
    (loss, _, (skill, low, high, raw, adjusted)), *others = tests
    if skill is None or raw is None or adjusted is None:
        return f"{name}: {found.status}."
    kind = "adjusted p of being worse" if worse else "adjusted p"
    chances = [f"{kind} {equal_p(adjusted, alpha)}{_before(raw, adjusted, alpha)}"]
    for mean, called, (gain, *_, first, p) in others:
        if p is not None and first is not None:
            # of a claim that weighted errors alone make, a reader wants to know the plain gain too
            size = f" ({effect_text(gain, None, None, mean)})" if called == "plain" and gain is not None else ""
            chances.append(f"{called} {short_p(p, alpha)}{_before(first, p, alpha)}{size}")
    if found.fragile and found.worst_p is not None:
        chances.append(f"fragile: {short_p(found.worst_p, alpha)} without fold {found.worst_fold}")
    return f"{name}{_claim(found)}: {effect_text(skill, low, high, loss)}, {', '.join(chances)}."


def _chances(found: Candidate | Weighted, *, worse: bool) -> tuple[float | None, float | None]:
    """The p-value of a claim and the adjusted one."""
    return (found.p_worse, found.p_worse_adjusted) if worse else (found.p_value, found.p_adjusted)


def _before(raw: float, adjusted: float, alpha: float) -> str:
    """The raw p-value where it alone would make a claim."""
    return f" ({short_p(raw, alpha)} before adjustment)" if raw <= alpha < adjusted else ""


def _claim(found: Candidate) -> str:
    """What is claimed of a model, and by which test where there are two."""
    if found.status not in ("better", "worse"):
        return ""
    if not found.weighted or not found.found_by:
        return f", {found.status}"
    by = (
        "both tests" if len(found.found_by) > 1 else "weighted errors" if WEIGHTED in found.found_by else "plain errors"
    )
    return f", {found.status} by {by}"


def _counts(verdict: Verdict) -> str:
    """How much was tested, and how to read the lines."""
    seeds = sorted({one.seeds for one in verdict.candidates if one.seeds})
    several = f"{seeds[0]} to {seeds[-1]} seeds" if len(seeds) > 1 else counted(seeds[0], "seed") if seeds else ""
    numbers = counted(verdict.forecasts, "forecast"), counted(verdict.folds, "fold"), several
    told = f"{', '.join(filter(None, numbers))}."
    if all(one.reason or one.p_adjusted is None for one in verdict.candidates):
        return told
    mean = words_of_loss(verdict.question.loss).mean
    family = f"adjusted for {counted(verdict.comparisons, 'comparison')}" if verdict.comparisons > 1 else "one test"
    told += f" {mean} against {rival_words(verdict)}, 95 % intervals of the gain; p one-sided, {family}."
    return f"{told} {DEFINITION}" if any(one.weighted for one in verdict.candidates) else told


def _notes(verdict: Verdict) -> Iterator[str]:
    """What else must be known of the candidates, each kind of note once or once for each of them."""
    yield from _knowing(verdict)
    for one in verdict.candidates:
        name = candidate_name(one, verdict)
        yield from _benchmarks(one, name, verdict)
        yield from _deciding(one, name, verdict)
    yield from _concentrations(verdict)
    yield from _power(verdict)


def _knowing(verdict: Verdict) -> Iterator[str]:
    """Which models know something that does not pay; where the losses of one are not worse, that is not shown."""
    for status, pays in (("no evidence", "is not shown to pay"), ("worse", "does not pay")):
        known = [(one, one.clark_west) for one in verdict.candidates if (one.status, one.sub_verdict) == (status, PAYS)]
        told = [
            f"{candidate_name(one, verdict)} ({short_p(test.p_adjusted, verdict.alpha)})" for one, test in known if test
        ]
        if told:
            members = max(test.members for _, test in known if test)
            family = f"adjusted for {counted(members, 'test')}" if members > 1 else "not adjusted"
            verb = "knows" if len(told) == 1 else "know"
            yield f"{capital(listed(told))} {verb} something, but it {pays}: Clark-West p, {family}."


def _benchmarks(found: Candidate, name: str, verdict: Verdict) -> Iterator[str]:
    """Whether a model that beats the rival beats the benchmarks of its target too."""
    if found.status != "better":
        return
    known = {*(one.model for one in found.benchmarks), found.model, *verdict.question.rivals}
    absent = [label(model) for model in verdict.question.about.benchmarks if model not in known]
    if absent:
        yield f"The run has no {listed(absent)} to compare {name} with."
    for one in found.benchmarks:
        beats = "beats" if one.p_value <= verdict.alpha else "does not significantly beat"
        yield f"{capital(name)} {beats} {label(one.model)} (p {equal_p(one.p_value, verdict.alpha)}, not adjusted)."


def _deciding(found: Candidate, name: str, verdict: Verdict) -> Iterator[str]:
    """How the p-value follows from those against the baselines, where the rival is the best of them."""
    if found.hardest is None:
        return
    tests, decides = counted(len(verdict.question.baselines), "test"), label(found.hardest)
    which = f"smallest of {tests}, times their number" if found.status == "worse" else f"largest of {tests}"
    yield f"The p of {name} is the {which}, one against each baseline: that against {decides}."


def _concentrations(verdict: Verdict) -> Iterator[str]:
    """Which few days hold much of the loss difference of which models."""
    found: dict[tuple[str, str], list[Candidate]] = {}
    for one in verdict.candidates:
        if one.concentration:
            found.setdefault((one.concentration.first, one.concentration.last), []).append(one)
    for members in found.values():
        places = [(candidate_name(one, verdict), one.concentration) for one in members if one.concentration]
        shares = [f"{decimal(100 * place.share, 0)} % ({name})" for name, place in places]
        what = f"absolute {words_of_loss(verdict.question.loss).one} differences"
        yield f"{days_text(places[0][1])} of the {what}: {listed(shares, len(shares))}."


def days_text(found: Concentration) -> str:
    """Return which days hold much of a loss difference, as the opening of a sentence.

    "10 days of October 2008 hold much"; "3 days from 30 September to 2 October 2008"; "15 October 2008 holds much".
    """
    with suppress(ValueError):
        first, last = date.fromisoformat(found.first), date.fromisoformat(found.last)
        of_first, of_last = (f"{MONTHS[each.month - 1]} {each.year}" for each in (first, last))
        if first == last:
            return f"{first.day} {of_first} holds much"
        if of_first == of_last:
            return f"{counted(found.days, 'day')} of {of_first} hold much"
        begin = of_first if first.year != last.year else MONTHS[first.month - 1]
        return f"{counted(found.days, 'day')} from {first.day} {begin} to {last.day} {of_last} hold much"
    return f"{counted(found.days, 'day')} from {found.first} to {found.last} hold much"


def _power(verdict: Verdict) -> Iterator[str]:
    """The smallest detectable gains; not of a model whose gain is significant and smaller."""
    known = [
        (candidate_name(one, verdict), one.detectable, one.detectable_following)
        for one in verdict.candidates
        if one.detectable is not None and not (one.status == "better" and one.detectable > (one.skill or 0))
    ]
    hopeless = [name for name, least, _ in known if least >= 1]
    if hopeless:
        yield f"This sample is too small to detect even a perfect forecast by {listed(hopeless)}."
    gains = sorted((least, name, following) for name, least, following in known if least < 1)
    if not gains:
        return
    shown = [f"{name} {_range(least, following)}" for least, name, following in gains]
    if len(shown) > MOST_GAINS:
        shown = [f"from {shown[0]} to {shown[-1]}"]
    ranges = any(_range(least, following) != _range(least, None) for least, _, following in gains)
    more = "; the second number if gains come when volatility is high" if ranges else ""
    plain = any(one.weighted for one in verdict.candidates)
    shows = "plain errors alone would" if plain else "this sample would"
    yield f"In four of five cases {shows} have shown gains of: {', '.join(shown)} or more{more}."


def _range(least: float, following: float | None) -> str:
    """A detectable gain, and what it is if the gain follows volatility where that is another number."""
    one = _two_digits(100 * least)
    other = _two_digits(100 * following) if following is not None and following < 1 else one
    return f"{one} %" if other == one else f"{one} or {other} %"


def _two_digits(percent: float) -> str:
    """A percentage with two significant digits, without a power of ten."""
    return decimal(percent, max(0, 1 - math.floor(math.log10(percent))))
