"""Whether the comparison is fair: a strip of what the runs share and of what tells them apart."""

from __future__ import annotations

from itertools import combinations

from backtest.reports.blocks import Block, Heading, Item, Strip
from backtest.reports.comparison.result import Result
from backtest.reports.formats import counted, listed, whole

QUESTION = "Is the comparison fair?"


def fairness(result: Result) -> tuple[Block, ...]:
    """Is the comparison fair? Common rows, bars, audits, settings and the number of tests."""
    items = rows(result), bars(result), audits(result), settings(result), tests(result)
    return Heading(finding(result), QUESTION), Strip(items)


def finding(result: Result) -> str:
    """Return the worst that stands in the way of blaming a difference on one setting."""
    names, alone = [setting.name for setting in result.found.settings], one_apart(result)
    if result.leaky:
        return f"A leak was found in {listed(result.leaky)}: do not believe these numbers"
    if not result.same_bars:
        return "The runs were fed with different bars, whose outcomes agree where they meet"
    if not names:
        return "The runs have the same settings and bars"
    if len(names) > 1 and alone:
        pairs = listed([" and ".join(pair) for pair in alone], 2)
        return f"The runs differ in {counted(len(names), 'setting')}, {pairs} in one alone"
    if len(names) > 1:
        return f"The runs differ in {counted(len(names), 'setting')}: no difference can be blamed on one of them"
    return f"The runs differ in one setting alone, {names[0]}"


def one_apart(result: Result) -> list[tuple[str, str]]:
    """Return the runs, two by two, that differ in one setting alone."""
    runs, settings = result.found.runs, result.found.settings
    return [
        (runs[one].name, runs[other].name)
        for one, other in combinations(range(len(runs)), 2)
        if sum(setting.values[one] != setting.values[other] for setting in settings) == 1
    ]


def rows(result: Result) -> Item:
    """Return how many forecasts all runs share, and how many of each are left out."""
    left = [f"{whole(run.left_out)} of {run.name}" for run in result.found.runs if run.left_out]
    word = whole(result.found.rows)
    detail = f"left out: {listed(left, 4)}" if left else "all that the runs made"
    return Item("care" if left else "good", "Forecasts in common", word, detail)


def bars(result: Result) -> Item:
    """Return whether the runs were fed with the same bars."""
    if result.same_bars:
        return Item("good", "Bars", "the same", "one SHA-256; outcomes agree in every common row")
    return Item("care", "Bars", "different", "outcomes and baselines agree in every common row")


def audits(result: Result) -> Item:
    """Return how the leak audits of all runs came out."""
    label, runs = "Leak audits", result.found.runs
    if result.leaky:
        return Item("bad", label, counted(len(result.leaky), "leak"), f"in {listed(result.leaky, 4)}")
    missing = [run.name for run in runs if run.audited == "not audited"]
    if missing:
        return Item("care", label, f"{whole(len(missing))} not audited", f"{listed(missing, 4)}: run backtest audit")
    depths = sorted({str(run.depth) for run in runs})
    return Item("good", label, "all passed", f"{' or '.join(depths)} audits of all {whole(len(runs))} runs")


def settings(result: Result) -> Item:
    """Return in how many settings the runs differ."""
    names = [setting.name for setting in result.found.settings]
    word = f"{counted(len(names), 'difference')}" if names else "the same"
    return Item("care" if len(names) > 1 else "good", "Settings", word, listed(names, 4) or "in every setting")


def tests(result: Result) -> Item:
    """Return how many pairs were tested together."""
    equal = sum(pair.finding == "the same" for pair in result.found.pairs)
    detail = f"p adjusted for {counted(result.found.family, 'comparison')}"
    more = f"; {counted(equal, 'pair')} not tested: the same forecasts" if equal else ""
    return Item("good", "Tested", counted(len(result.tested), "pair"), detail + more)
