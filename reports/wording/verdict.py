"""The verdict in words: every sentence is made here from its codes and numbers, never "p = 0.00" or "-0.0 %"."""

from __future__ import annotations

import math
from collections.abc import Sequence

from backtest.data.losses import WEIGHTED
from backtest.data.names import BEST, RANKING, Status, label
from backtest.data.records.audit import Audit
from backtest.data.records.verdict import Candidate, Reason, Verdict
from backtest.reports.formats import bars, counted, decimal, listed
from backtest.reports.wording.audit import leak_reason
from backtest.reports.wording.effects import chance_text, effect_text, short_p
from backtest.reports.wording.question import words_of_loss

CLAIMS: dict[Status, str] = {
    "leak suspected": "Leak suspected, no conclusion about {name}",
    "better": "{name} beats {rival}",
    "no evidence": "No evidence that {name} beats {rival}",
    "worse": "{name} does worse than {rival}",
    "cannot tell": "Cannot tell whether {name} beats {rival}",
}
OPENINGS: dict[Status, str] = {
    "leak suspected": "Leak suspected",
    "better": "Evidence of skill",
    "no evidence": "No evidence of skill",
    "worse": "Negative skill",
    "cannot tell": "Cannot tell",
}
FRAGILE: dict[Status, str] = {"better": "Fragile evidence of skill", "worse": "Negative skill, but fragile"}
"""The opening if no claim of the status holds without one of the folds."""

SUSPECT = "Leak suspected, results unreliable: "
"""What the title of every result begins with where the audit found a leak."""

NOTHING_TO_JUDGE = "Nothing to judge: the run has no model besides the references."


def headline(verdict: Verdict) -> str:
    """One sentence on all candidates of a verdict.

    "No evidence of skill: LSTM and GRU do not forecast significantly better than zero."
    """
    groups: dict[tuple[Status, bool], list[Candidate]] = {}
    for status in RANKING:
        for fragile in (False, True):
            found = [one for one in verdict.candidates if (one.status, one.fragile) == (status, fragile)]
            groups |= {(status, fragile): found} if found else {}
    if verdict.status == "leak suspected":
        return f"{OPENINGS[verdict.status]}: no number of this run can be trusted."
    if not groups:
        return NOTHING_TO_JUDGE
    status, fragile = next(iter(groups))
    opening = FRAGILE.get(status, OPENINGS[status]) if fragile else OPENINGS[status]
    rival = rival_words(verdict)
    clauses, models = list[str](), set[str]()
    for (status, fragile), members in groups.items():
        names, where = _named(members, verdict)
        again = where and status == "no evidence" and {one.model for one in members} == models
        clauses.append(f"no evidence{where}" if again else _clause(status, fragile, names, rival, where))
        models = models or {one.model for one in members}
    return f"{opening}: {'; '.join(clauses)}."


def sentences(verdict: Verdict, audit: Audit | None = None) -> tuple[str, ...]:
    """One sentence on each candidate: the claim, then the numbers that it rests on.

    `audit` adds what the leak is, where one is suspected.
    """
    return tuple(_sentence(one, verdict, audit) for one in verdict.candidates)


def rival_words(verdict: Verdict, horizon: int | None = None) -> str:
    """What the rival is called; the best of several baselines with its name, at one horizon or at each of them.

    "the best of 5 baselines (log HAR)"; "(log HAR at 1 bar, HAR at 5 and 22 bars)".
    """
    question = verdict.question
    if question.rival != BEST:
        return label(question.rival)
    found: dict[str, list[int]] = {}
    for one in verdict.best:
        if horizon in (None, one.horizon):
            found.setdefault(label(one.model), []).append(one.horizon)
    names = list(found) if len(found) == 1 else [f"{name} at {bars(own)}" for name, own in found.items()]
    return f"the best of {counted(len(question.baselines), 'baseline')} ({', '.join(names)})"


def remark(verdict: Verdict) -> str:
    """What else was tried on the same bars, and what that means for the adjusted p; empty where nothing was."""
    if verdict.configurations < 2:
        return ""
    tried, own = f"{verdict.configurations:,} configurations were tried on these bars", len(verdict.claims)
    if verdict.comparisons == max(1, own):
        return f"{tried}, but no forecasts other than these."
    allowed = (
        f"the adjusted p allows for all {verdict.comparisons:,} different comparisons, not only for the {own:,} of "
        "this run"
    )
    return f"{tried}: {allowed}."


def candidate_name(found: Candidate, verdict: Verdict) -> str:
    """What a candidate is called: its label, and its horizon where the verdict is about several."""
    return label(found.model) + (f" at {bars([found.horizon])}" if _several(verdict) and found.horizon else "")


def _several(verdict: Verdict) -> bool:
    """Whether a verdict is about several horizons."""
    return len({one.horizon for one in verdict.candidates if one.horizon}) > 1


def _named(members: Sequence[Candidate], verdict: Verdict) -> tuple[list[str], str]:
    """The models of a group, and where all of its claims hold: " at 1 and 5 bars"; empty with a single horizon.

    Where that differs, each model has its own horizons in brackets.
    """
    if not _several(verdict):
        return [label(one.model) for one in members], ""
    own: dict[str, list[int]] = {}
    for one in members:
        own.setdefault(label(one.model), []).append(one.horizon)
    known = {model: sorted(filter(None, horizons)) for model, horizons in own.items()}
    first = next(iter(known.values()))
    if first and all(horizons == first for horizons in known.values()):
        return list(known), f" at {bars(first)}"
    return [f"{model} ({bars(horizons)})" if horizons else model for model, horizons in known.items()], ""


def reason_words(reason: Reason, audit: Audit | None = None) -> str:
    """Why nothing can be said about a model, as a clause; `audit` tells what a suspected leak is."""
    if reason.code == "leak":
        return leak_reason(audit) if audit and not audit.passed else "see the leak audit of the run"
    return {
        "few_folds": f"{counted(reason.got or 0, 'fold')}, at least {reason.needed} are needed",
        "few_differences": f"{counted(reason.got or 0, 'loss difference')}, at least {reason.needed} are needed",
        "all_zero": "the rival makes no loss",
        "undefined_test": reason.note,
        "no_forecasts": "its forecasts do not cover the same rows as those of the rival",
    }[reason.code]


def _clause(status: Status, fragile: bool, names: Sequence[str], rival: str, where: str) -> str:
    """What is said of the models of one status."""
    models = listed(names, len(names))
    one = len(names) == 1
    carried = ", but not without one of the folds" if fragile else ""
    return {
        "leak suspected": f"a leak is suspected in the forecasts of {models}",
        "better": f"{models} {'forecasts' if one else 'forecast'} better than {rival}{where}{carried}",
        "no evidence": f"{models} {'does' if one else 'do'} not forecast significantly better than {rival}{where}",
        "worse": f"{models} {'forecasts' if one else 'forecast'} worse than {rival}{where}{carried}",
        "cannot tell": f"the evidence is insufficient to judge {models}{where}",
    }[status]


def _sentence(found: Candidate, verdict: Verdict, audit: Audit | None) -> str:
    """The claim on one candidate, then its numbers; the p-values are those of the claim."""
    rival = label(verdict.question.rival)
    against = rival_words(verdict, found.horizon or None)
    scope = ", ".join([counted(verdict.forecasts, "forecast"), counted(verdict.folds, "fold"), *_seeds(found, rival)])
    claim = CLAIMS[found.status].format(name=candidate_name(found, verdict), rival=against)
    claim = claim[:1].upper() + claim[1:]
    worse = found.status == "worse"
    raw, adjusted = (found.p_worse, found.p_worse_adjusted) if worse else (found.p_value, found.p_adjusted)
    if found.reason:
        return f"{claim}: {reason_words(found.reason, audit)}. {scope}."
    if found.skill is None or raw is None or adjusted is None:
        return f"{claim}: {scope}."
    effect = effect_text(found.skill, found.skill_low, found.skill_high, words_of_loss(verdict.question.loss).one)
    said = [f"{claim}: {effect}; {chance_text(raw, adjusted, verdict.alpha, worse=worse)}, {scope}."]
    said += _weighted(found, verdict)
    if found.fragile and found.worst_p is not None:
        without = short_p(found.worst_p, verdict.alpha).replace("<", "below")
        said.append(f"Fragile: without fold {found.worst_fold} the adjusted p is {without}.")
    return " ".join([*said, *_benchmarks(found, verdict), *_deciding(found, verdict), *_power(found)])


def _weighted(found: Candidate, verdict: Verdict) -> list[str]:
    """What errors weighted by known variances say, and whether a claim rests on them alone."""
    own = found.weighted
    if own is None or own.skill is None:
        return []
    worse = found.status == "worse"
    raw, adjusted = (own.p_worse, own.p_worse_adjusted) if worse else (own.p_value, own.p_adjusted)
    if raw is None or adjusted is None:
        return []
    effect = effect_text(own.skill, own.skill_low, own.skill_high, "squared error")
    alone = " The claim rests on these alone." if found.found_by == (WEIGHTED,) else ""
    chance = chance_text(raw, adjusted, verdict.alpha, worse=worse)
    return [f"Errors in units of the volatility known at each forecast: {effect}; {chance}.{alone}"]


def _benchmarks(found: Candidate, verdict: Verdict) -> list[str]:
    """Whether a model that beats the rival beats the benchmarks of its target too."""
    named = {one.model for one in found.benchmarks}
    absent = [
        label(name)
        for name in verdict.question.about.benchmarks
        if name not in {*named, found.model, *verdict.question.rivals}
    ]
    said = [f"The run has no {listed(absent)} to compare it with."] if absent and found.status == "better" else []
    for one in found.benchmarks:
        beats = "It beats" if one.p_value <= verdict.alpha else "It does not significantly beat"
        shown = short_p(one.p_value, verdict.alpha)
        said.append(
            f"{beats} {label(one.model)} (DM p {shown if shown.startswith('<') else f'= {shown}'}, not adjusted)."
        )
    return said


def _deciding(found: Candidate, verdict: Verdict) -> list[str]:
    """How the p-value follows from those against the baselines, where the rival is the best of them."""
    if found.hardest is None:
        return []
    tests = f"{counted(len(verdict.question.baselines), 'test')}, one against each baseline"
    if found.status == "worse":
        return [f"The p is the smallest of {tests}, times their number: that against {label(found.hardest)}."]
    return [f"The p is the largest of {tests}: that against {label(found.hardest)}."]


def _power(found: Candidate) -> list[str]:
    """The smallest detectable gain; nothing if the observed gain is significant and smaller."""
    if found.detectable is None or (found.status == "better" and found.detectable > (found.skill or 0)):
        return []
    if found.detectable >= 1:
        return ["This sample is too small to detect even a perfect forecast."]
    least, following = _two_digits(100 * found.detectable), found.detectable_following
    other = _two_digits(100 * following) if following is not None and following < 1 else least
    range_ = f", of {other} % if the gain comes when volatility is high" if other != least else ""
    return [f"This sample would have shown a gain of {least} % or more{range_}."]


def _two_digits(percent: float) -> str:
    """A percentage with two significant digits, without a power of ten."""
    return decimal(percent, max(0, 1 - math.floor(math.log10(percent))))


def _seeds(found: Candidate, rival: str) -> list[str]:
    """How many seeds there were, and how many of them would have had the verdict "better" alone."""
    if not found.seeds:
        return []
    if len(found.seed_verdicts) < 2 or found.reason:
        return [counted(found.seeds, "seed")]
    better = found.seed_verdicts.count("better")
    alone = f"{better} alone {'beats' if better == 1 else 'beat'} {rival}" if better else f"no seed alone beats {rival}"
    return [f"{counted(found.seeds, 'seed')} ({alone})"]
