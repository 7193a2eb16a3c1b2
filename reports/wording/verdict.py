"""The verdict in words: its headline, and what candidates and rivals are called."""

from __future__ import annotations

from collections.abc import Sequence

from backtest.data.names import BEST, RANKING, Status, label
from backtest.data.records.verdict import Candidate, Verdict
from backtest.reports.formats import bars, counted, level, listed

OPENINGS: dict[Status, str] = {
    "leak suspected": "Leak suspected",
    "better": "Evidence of skill",
    "no evidence": "No evidence of skill",
    "worse": "Negative skill",
    "cannot tell": "Cannot tell",
}
FRAGILE: dict[Status, str] = {"better": "Fragile evidence of skill", "worse": "Negative skill, but fragile"}
"""The opening if no claim of the status holds without one of the folds."""

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
    if verdict.status == "leak suspected" and not spared(verdict):
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


def spared(verdict: Verdict) -> list[Candidate]:
    """Return the candidates that no leak concerns."""
    return [one for one in verdict.candidates if one.status != "leak suspected"]


def suspicion(verdict: Verdict) -> str:
    """Return what the title of every result begins with: whom a suspected leak concerns; empty without one."""
    if verdict.status != "leak suspected":
        return ""
    if not spared(verdict):
        return "Leak suspected, results unreliable: "
    return f"Leak suspected in {concerned(verdict)}: "


def concerned(verdict: Verdict) -> str:
    """Return the names of the candidates that a leak concerns."""
    names = list(dict.fromkeys(label(one.model) for one in verdict.candidates if one.status == "leak suspected"))
    return listed(names, len(names))


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
    """What else was tried on the same bars, what was declared first and what was forgotten; empty where nothing was."""
    return " ".join(filter(None, (_tried(verdict), _declared(verdict), _forgotten(verdict))))


def _tried(verdict: Verdict) -> str:
    """What else was tried, and what that means for the adjusted p."""
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


def _declared(verdict: Verdict) -> str:
    """By what the first run on the same bars was to be judged, if that was something else."""
    first = verdict.declared
    if first is None:
        return ""
    changes = [
        f"{name} {before}, this one {now}"
        for name, before, now in (
            ("the level", level(first.alpha), level(verdict.alpha)),
            ("the adjustment", first.multiplicity, verdict.adjustment),
        )
        if before != now
    ]
    declared = f"The first run on these bars ({first.run}, {first.finished[:10]}) declared"
    return f"{declared} {' and '.join(changes)}." if changes else ""


def _forgotten(verdict: Verdict) -> str:
    """What was deleted from the ledger."""
    lost = verdict.forgotten
    if lost is None:
        return ""
    return f"{counted(lost.trials, 'trial')} on these bars, forgotten on {lost.finished[:10]}, cannot be allowed for."


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
