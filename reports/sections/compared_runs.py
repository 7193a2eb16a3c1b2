"""What a comparison says of its runs: whether they differ, whether it is fair, what each found, and their settings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from backtest.data.names import label
from backtest.data.records.comparison import ComparedRun, Pair
from backtest.reports.blocks import (
    Block,
    Column,
    Group,
    Heading,
    Item,
    Strip,
    Table,
    Text,
    Tone,
    Verdict,
)
from backtest.reports.compared import ComparisonResult
from backtest.reports.formats import MISSING, bars, counted, listed, whole
from backtest.reports.sections.verdict import tone_words
from backtest.reports.wording.comparison import digits_of, headline, headlined, noun, of, sentence
from backtest.reports.wording.verdict import headline as run_headline

MOST = 4
"""Pairs that are told with their numbers."""

WIDE = 24
"""Characters beyond which the value of a setting may be broken into lines."""


def comparison_verdict(result: ComparisonResult) -> tuple[Block, ...]:
    """Do the runs differ? The answer in plain words, the numbers of the leading pairs, and what it does not say."""
    return (verdict_of(result),)


def verdict_of(result: ComparisonResult) -> Verdict:
    """Return the answer; the terminal shows it, too."""
    pairs, named = headlined(result), result.names_horizons
    places = digits_of(pairs)
    lines = [sentence(pair, result.verdict.alpha, places, result.question, named=named) for pair in pairs[:MOST]]
    rest = [f"{counted(len(pairs) - MOST, f'more {noun(named=named)}')} below."] if len(pairs) > MOST else []
    words = headline(result)
    if result.leaky:
        lines, words = [words, *lines], f"Leak suspected: no number of {listed(result.leaky)} can be trusted."
    return Verdict(*tone_of(result, pairs), words, (*lines, *rest), remark(result))


def tone_of(result: ComparisonResult, pairs: Sequence[Pair]) -> tuple[Tone, str]:
    """Return the colour and the word of the comparison."""
    if result.leaky:
        return "bad", "Leak suspected"
    differing = of(pairs, "better", "worse")
    if differing:
        skilled, rival = [beats_rival(result, pair) for pair in differing], label(result.question.rival)
        if all(skilled):
            return "good", "A difference"
        return "care", f"A difference, {f'from {rival} only in part' if any(skilled) else f'but not from {rival}'}"
    if of(pairs, "no difference"):
        return "open", "No difference shown"
    return ("mute", "The same forecasts") if of(pairs, "the same") else ("mute", "Cannot tell")


def beats_rival(result: ComparisonResult, pair: Pair) -> bool:
    """Return whether the better one of a pair beats the rival at this horizon by its own run's verdict."""
    model, name = (pair.model, pair.run) if pair.finding == "better" else (pair.other_model, pair.other_run)
    own = next(run.verdict for run in result.found.runs if run.name == name)
    return any(one.status == "better" for one in own.candidates if (one.model, one.horizon) == (model, pair.horizon))


def remark(result: ComparisonResult) -> str:
    """Return what a difference between runs does not say, and at which horizons they are not compared."""
    runs, rival = result.found.runs, label(result.question.rival)
    winners = [run.name for run in runs if run.status == "better"]
    left = f" Not compared, because not all runs have them: {uncompared(result)}." if uncompared(result) else ""
    if not winners:
        return (
            f"Every run's own verdict stands as it is, and none finds a model better than {rival}: a difference "
            f"between two models that both fail against {rival} is no evidence for either.{left}"
        )
    others = "" if len(winners) == len(runs) else ", the others do not"
    found = f"{listed(winners)} {'finds' if len(winners) == 1 else 'find'} a model better than {rival}{others}"
    stands = f"Every run's own verdict stands as it is: {found}."
    return f"{stands} Being better than another model is not being better than {rival}.{left}"


def uncompared(result: ComparisonResult) -> str:
    """Return the horizons that not all runs have, `22 bars of long`; empty where there are none."""
    left = {run.name: [one for one in run.horizons if one not in result.found.horizons] for run in result.found.runs}
    return listed([f"{bars(own)} of {name}" for name, own in left.items() if own])


def fairness(result: ComparisonResult) -> tuple[Block, ...]:
    """Is the comparison fair? Common rows, bars, audits, settings and the number of tests."""
    horizons = (horizons_item(result),) if result.names_horizons else ()
    items = audits_item(result), settings_item(result), tests_item(result)
    strip = Strip((rows_item(result), *horizons, bars_item(result), *items))
    return Heading(fairness_title(result), "Is the comparison fair?"), strip


def fairness_title(result: ComparisonResult) -> str:
    """Return the main reason why a difference cannot be attributed to one setting."""
    names, alone = own_differences(result), one_apart(result)
    if result.leaky:
        return f"A leak was found in {listed(result.leaky)}: these results are unreliable"
    if not result.same_bars:
        return "The runs were fed with different bars, whose outcomes agree where they meet"
    if not names:
        return "The runs have the same settings and bars"
    if len(names) > 1 and alone:
        pairs = listed([" and ".join(pair) for pair in alone], 2)
        return f"The runs differ in {counted(len(names), 'setting')}, {pairs} in one alone"
    if len(names) > 1:
        return f"The runs differ in {counted(len(names), 'setting')}: no difference can be attributed to one of them"
    return f"The runs differ in one setting alone, {names[0]}"


def own_differences(result: ComparisonResult) -> list[str]:
    """Return the settings in which the runs differ, but for those that only bring what another one names."""
    return [setting.name for setting in result.found.settings if not setting.implied]


def one_apart(result: ComparisonResult) -> list[tuple[str, str]]:
    """Return the runs, two by two, that differ in one setting alone."""
    runs, settings = result.found.runs, result.found.settings
    return [
        (runs[one].name, runs[other].name)
        for one, other in combinations(range(len(runs)), 2)
        if sum(setting.values[one] != setting.values[other] for setting in settings if not setting.implied) == 1
    ]


def rows_item(result: ComparisonResult) -> Item:
    """Return how many forecasts all runs share, and how many of each are left out."""
    left = [f"{whole(run.left_out)} of {run.name}" for run in result.found.runs if run.left_out]
    detail = f"left out: {listed(left, 4)}" if left else "all that the runs made"
    return Item("care" if left else "good", "Forecasts in common", whole(result.found.rows), detail)


def horizons_item(result: ComparisonResult) -> Item:
    """Return at which horizons the runs are compared, and which ones are left out."""
    left, every = uncompared(result), bars(result.found.horizons)
    return Item(
        "care" if left else "good", "Horizons", every, f"left out: {left}" if left else "all that the runs have"
    )


def bars_item(result: ComparisonResult) -> Item:
    """Return whether the runs were fed with the same bars."""
    if result.same_bars:
        return Item("good", "Bars", "the same", "one SHA-256; outcomes agree in every common row")
    return Item("care", "Bars", "different", "outcomes and baselines agree in every common row")


def audits_item(result: ComparisonResult) -> Item:
    """Return how the leak audits of all runs came out."""
    label, runs = "Leak audits", result.found.runs
    if result.leaky:
        return Item("bad", label, counted(len(result.leaky), "leak"), f"in {listed(result.leaky, 4)}")
    missing = [run.name for run in runs if run.audited == "not audited"]
    if missing:
        return Item("care", label, f"{whole(len(missing))} not audited", f"{listed(missing, 4)}: run backtest audit")
    depths = sorted({str(run.depth) for run in runs})
    return Item("good", label, "all passed", f"{' or '.join(depths)} audits of all {whole(len(runs))} runs")


def settings_item(result: ComparisonResult) -> Item:
    """Return in how many settings the runs differ."""
    names, implied = own_differences(result), [one.name for one in result.found.settings if one.implied]
    word = f"{counted(len(names), 'difference')}" if names else "the same"
    detail = "; ".join(filter(None, [listed(names, 4), f"{listed(implied)} bring it" if implied else ""]))
    return Item("care" if len(names) > 1 else "good", "Settings", word, detail or "in every setting")


def tests_item(result: ComparisonResult) -> Item:
    """Return how many pairs were tested together."""
    equal = sum(pair.finding == "the same" for pair in result.found.pairs)
    what = noun(named=result.names_horizons)
    detail = f"p adjusted for {counted(result.found.family, 'comparison')}"
    more = f"; {counted(equal, what)} not tested: the same forecasts" if equal else ""
    return Item("good", "Tested", counted(len(result.tested), what), detail + more)


OWN_CAPTION = (
    "As each run's own report has it, over all of its rows. The number tried allows for what was tried on its bars "
    "when it was judged; backtest report RUN judges it again where more has been tried since."
)


def own_verdicts(result: ComparisonResult) -> tuple[Block, ...]:
    """What did each run find by itself? Its verdict against the rival, in its own words, and its leak audit."""
    runs = result.found.runs
    columns = (
        Column("Run", number=False),
        Column("Verdict", number=False),
        Column("In words", number=False, wraps=True),
        Column("Leak audit", number=False),
        Column("Tried on its bars"),
    )
    rows = tuple(
        (
            run.name,
            tone_words(run.verdict)[1],
            run_headline(run.verdict),
            f"{run.audited}, {run.depth}" if run.audited == "passed" else run.audited,
            whole(run.verdict.configurations),
        )
        for run in runs
    )
    heading = Heading(own_title(runs, label(result.question.rival)), "What did each run find by itself?")
    return heading, Table(columns, (Group(rows),), OWN_CAPTION)


def own_title(runs: Sequence[ComparedRun], rival: str) -> str:
    """Return which runs have a model that beats {rival}, in one sentence."""
    winners = [run.name for run in runs if run.status == "better"]
    if not winners:
        return f"{'Neither' if len(runs) == 2 else 'No'} run has shown a model that beats {rival}"
    if len(winners) == len(runs):
        return f"{'Both runs have' if len(runs) == 2 else 'Every run has'} shown a model that beats {rival}"
    return f"Only {listed(winners, 4)} {'has' if len(winners) == 1 else 'have'} shown a model that beats {rival}"


SETTINGS_CAPTION = (
    "Settings by their dotted names, versions of libraries and the device; what is not listed is the same in all runs. "
    "A dash: not set."
)


def settings(result: ComparisonResult) -> tuple[Block, ...]:
    """What differs between the runs? Every setting that is not the same in all, with its value in each."""
    found, question = result.found, "What differs between the runs?"
    names = [setting.name for setting in found.settings]
    if not names:
        return Heading("Nothing differs between the runs", question), Text(
            "They have the same settings, code, bars, versions and device; only the processor may round differently."
        )
    wide = [max(len(setting.values[place]) for setting in found.settings) > WIDE for place in range(len(found.runs))]
    of_runs = (Column(run.name, number=False, wraps=wraps) for run, wraps in zip(found.runs, wide, strict=True))
    columns = (Column("Setting", number=False, wraps=True), *of_runs)
    rows = tuple((setting.name, *(value or MISSING for value in setting.values)) for setting in found.settings)
    return Heading(f"The runs differ in {listed(names, 4)}", question), Table(columns, (Group(rows),), SETTINGS_CAPTION)
