"""Whether the run is valid: a strip of checks, and what the leak audit found."""

from __future__ import annotations

from collections.abc import Sequence

from backtest.data.records.audit import AUDIT, Audit, Leak, Level
from backtest.data.records.manifest import DataCard
from backtest.data.records.verdict import Verdict
from backtest.reports.blocks import Block, Column, Details, Facts, Group, Heading, Item, Note, Strip, Table, Text
from backtest.reports.formats import MISSING, counted, listed, whole
from backtest.reports.run import RunResult
from backtest.reports.sections.folds import in_order
from backtest.reports.wording.audit import (
    LEVELS,
    checked,
    counterexample_words,
    leak_remedy,
    leak_sentence,
    notes,
)
from backtest.reports.wording.verdict import concerned, spared

QUESTION = "Is the run valid?"
MOST_LEAKS = 20
"""Leaks that are listed."""

UNTRUSTED = "No number{whose} is reliable until the leak is fixed and the run is repeated."


def validity(result: RunResult) -> tuple[Block, ...]:
    """Is the run valid? Leak audit, holes, folds, what a repeat needs, and what else was tried on the same bars."""
    audit, card = result.audit, result.manifest.data
    strip = Strip(
        (
            audit_item(audit),
            data_item(card),
            folds_item(result),
            reproducibility_item(result),
            trials_item(result.verdict.configurations),
        )
    )
    found = leak_blocks(audit, of_whom(result.verdict)) if audit and audit.leaks else ()
    details = (Details("The levels of the audit", (level_table(audit.levels),)),) if audit else ()
    return (Heading(validity_title(result), QUESTION), strip, *found, *details)


def validity_title(result: RunResult) -> str:
    """Return the worst problem in one sentence."""
    audit = result.audit
    if audit and not audit.passed:
        return f"A leak was found: the results{of_whom(result.verdict)} are unreliable"
    if not all(map(in_order, result.folds)):
        return "A test period overlaps training or validation: the results are unreliable"
    if not audit or not audit.done:
        return "This run has not been audited for leaks"
    return f"The {audit.depth} audit found no leak"


def audit_item(audit: Audit | None) -> Item:
    """Return the result of the leak audit, and how deep it went."""
    label = "Leak audit"
    if not audit or not (audit.leaks or audit.done):
        return Item("care", label, "not audited", "run backtest audit to look for leaks")
    if not audit.passed:
        first, others = audit.leaks[0], len(audit.leaks) - 1
        more = f", and {whole(others)} more" if others else ""
        return Item("bad", label, counted(len(audit.leaks), "leak"), f"{leak_sentence(first)}{more}")
    more = "; run backtest audit for all 5" if audit.depth == "quick" else ""
    return Item("good", label, "passed", f"{audit.depth}: {level_range(audit.done)}{more}")


def level_range(numbers: Sequence[int]) -> str:
    """Return which levels these are: `level 3`, `levels 1 to 4`, or `levels 1, 2 and 4`."""
    first, last = numbers[0], numbers[-1]
    if last - first == len(numbers) - 1 > 1:
        return f"levels {whole(first)} to {whole(last)}"
    return f"level{'s' if len(numbers) > 1 else ''} {listed([whole(number) for number in numbers])}"


def data_item(card: DataCard) -> Item:
    """Return whether the bars have holes."""
    missing = f"{whole(card.missing_bars)} missing, never filled" if card.gaps else "none missing"
    word = counted(card.gaps, "hole") if card.gaps else "no holes"
    return Item("care" if card.gaps else "good", "Data check", word, f"{counted(card.bars, 'bar')}; {missing}")


def folds_item(result: RunResult) -> Item:
    """Return how many folds have forecasts, or which of them are invalid."""
    label, every = "Folds completed", result.folds
    late = [whole(fold.number) for fold in every if not in_order(fold)]
    if late:
        return Item(
            "bad", label, "overlapping", f"the test period of fold {listed(late)} overlaps training or validation"
        )
    full = sum(fold.n_test > 0 for fold in every)
    lost = sum(fold.n_lost for fold in every)
    cost = f"{counted(lost, 'test bar')} without a forecast" if lost else "every test bar has a forecast"
    return Item("good" if full == len(every) else "care", label, f"{whole(full)} of {whole(len(every))}", cost)


def reproducibility_item(result: RunResult) -> Item:
    """Return whether the run can be repeated; only a CPU gives the same bits again."""
    label, word, device = "Reproducible", "recorded", result.manifest.hardware.device
    if device != "cpu":
        return Item("care", label, word, f"fitted on {device}: a repeat may differ in the last digits")
    return Item("good", label, word, "files match their SHA-256; settings, seeds and versions are kept")


def trials_item(configurations: int) -> Item:
    """Return how much was tried: many attempts are fine, because the p-values allow for them."""
    label = "Tried on these bars"
    if configurations == 1:
        return Item("good", label, "nothing else", "according to the ledgers")
    return Item("good", label, f"{whole(configurations)} in all", "configurations; the p-values allow for all of them")


def of_whom(verdict: Verdict) -> str:
    """Return whose results a leak makes unreliable, ` of GRU`; empty where it concerns all candidates, or none."""
    names = concerned(verdict)
    return f" of {names}" if names and spared(verdict) else ""


def leak_blocks(audit: Audit, whose: str = "") -> tuple[Block, ...]:
    """Return every leak with its evidence and its remedy; `whose` names the models that it concerns, if not all."""
    found = [
        (f"Level {whole(level.number)}, {LEVELS[level.code]}", leak_paragraph(leak))
        for level in audit.levels
        for leak in level.leaks
    ]
    rest = len(found) - MOST_LEAKS
    more = (Text(f"{counted(rest, 'more leak')} in {AUDIT}."),) if rest > 0 else ()
    return (Note(UNTRUSTED.format(whose=whose or " of this report")), Facts(tuple(found[:MOST_LEAKS])), *more)


def leak_paragraph(leak: Leak) -> str:
    """Return the leak, the counterexample and the remedy, as sentences."""
    found = leak_sentence(leak)
    proof = [counterexample_words(leak.counterexample)] if leak.counterexample else []
    return " ".join(
        f"{part.rstrip('.')}." for part in (found[:1].upper() + found[1:], *proof, f"What to do: {leak_remedy(leak)}")
    )


def level_table(every: Sequence[Level]) -> Table:
    """Return what each level checked, its result, and the counterexample of its first leak."""
    columns = (
        Column("Level", number=False),
        Column("Name", number=False),
        Column("Result", number=False),
        Column("Checked", number=False, wraps=True),
        Column("Counterexample", number=False, wraps=True),
    )
    rows = (
        (
            whole(level.number),
            LEVELS[level.code],
            level.state,
            "; ".join((checked(level), *notes(level))),
            counterexample_of(level),
        )
        for level in every
    )
    return Table(columns, (Group(tuple(rows)),))


def counterexample_of(level: Level) -> str:
    """Return the first counterexample of a level in words; a dash where it has none."""
    return next((counterexample_words(leak.counterexample) for leak in level.leaks if leak.counterexample), MISSING)
