"""In how many folds a model was better than each reference, and the test of every fold."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median

import polars as pl

from backtest.data.losses import WEIGHTED
from backtest.data.names import label
from backtest.data.result_tables import SCORES, TESTS
from backtest.data.targets import FOLD_TESTS
from backtest.reports.blocks import Block, Column, Details, Group, Heading, Table, Text, binned, binned_note
from backtest.reports.formats import MISSING, day, decimal, listed, p_value, percent, skill_digits, tied, whole
from backtest.reports.result import Fold, Result
from backtest.reports.rows import Row
from backtest.reports.sections.other_tests import ranked_models

QUESTION = "In how many folds was a model better?"
MOST_MODELS = 5
"""Models of which every fold is shown."""


@dataclass(frozen=True, slots=True)
class FoldPair:
    """A model against a reference, fold by fold: its skills, the tests of "better", and those on weighted errors.

    Folds without forecasts are in none of them.
    """

    model: str
    reference: str
    skills: dict[int, float | None]
    tests: dict[int, Row]
    weighted: dict[int, Row]

    @property
    def known(self) -> list[float]:
        """The skills that are defined."""
        return [skill for skill in self.skills.values() if skill is not None]

    @property
    def won(self) -> int:
        """In how many folds the model has the smaller loss."""
        return sum(skill > 0 for skill in self.known)

    def significant(self, alpha: float) -> int | None:
        """In how many of them significantly so, by the adjusted p; None where no fold could be tested."""
        chances = [row.p_adjusted for row in self.tests.values() if row.p_adjusted is not None]
        return sum(chance <= alpha for chance in chances) if chances else None


def fold_tests(result: Result) -> tuple[Block, ...]:
    """In how many folds was a model better? Skill and test of every fold, against every reference."""
    pairs = fold_pairs(result)
    blocks: list[Block] = [Heading(fold_tests_title(pairs, result), QUESTION)]
    if not pairs:
        return tuple(blocks)
    blocks.append(summary_table(pairs, result))
    if remark := drift_remark(pairs, result):
        blocks.append(Text(remark))
    return *blocks, Details("Skill and test of every fold", (every_fold(pairs, result),))


def fold_pairs(result: Result) -> list[FoldPair]:
    """Return every model that is judged, or shown without any that is, against the rival and each reference."""
    references = dict.fromkeys((result.rival, *result.question.about.references))
    models = [score.model for score in ranked_models(result)[:MOST_MODELS]]
    return [of_pair(model, name, result) for model in models for name in references if name != model]


def of_pair(model: str, reference: str, result: Result) -> FoldPair:
    """Return skill and test of every fold that has forecasts."""
    scores = result.frame(SCORES, seed=None, model=model, metric=f"skill_{reference}")
    skills = dict(scores.filter(pl.col("fold").is_not_null()).select("fold", "value").iter_rows())
    rows = result.rows(TESTS, model=model, baseline=reference, alternative="less")
    made = [row for row in rows if row.fold is not None]
    test = next((name for name in FOLD_TESTS if any(row.test == name for row in made)), "")
    plain, weighted = (
        {row.fold: row for row in made if row.test == test and row.loss == loss}
        for loss in (result.question.loss, WEIGHTED)
    )
    numbers = [fold.number for fold in result.folds if fold.n_test]
    return FoldPair(model, reference, {number: skills.get(number) for number in numbers}, plain, weighted)


def fold_tests_title(pairs: list[FoldPair], result: Result) -> str:
    """Return in how many folds the leading model is better than the rival, and in how many significantly."""
    leading = next((pair for pair in pairs if pair.reference == result.rival and pair.known), None)
    if leading is None:
        return "There is no skill by fold to test"
    found = leading.significant(result.verdict.alpha)
    shown = {None: "too short to be tested", 0: "significantly in none"}.get(found, f"significantly in {found}")
    folds = "the only fold" if (number := len(leading.skills)) == 1 else f"{leading.won} of {whole(number)} folds"
    if number == 1:
        ends = {None: ", which is too short to be tested", 0: ", not significantly"}.get(found, ", significantly")
        better, ends = ("better", ends) if leading.won or found is None else ("not better", "")
        return f"{label(leading.model)} is {better} than {result.rival_name} in {folds}{ends}"
    return f"{label(leading.model)} is better than {result.rival_name} in {folds}, {shown}"


def drift_of(result: Result) -> str | None:
    """Return the model that knows the drift alone, where it is in the run and no reference."""
    name = result.question.about.drift
    known = any(score.model == name for score in result.scores) and name not in result.question.references
    return name if known else None


def summary_table(pairs: list[FoldPair], result: Result) -> Table:
    """Return one row for each model and reference: folds better, significantly better, median and mean skill."""
    drift, alpha = drift_of(result), result.verdict.alpha
    judged = {pair.model for pair in pairs}
    references = dict.fromkeys(pair.reference for pair in pairs)
    alone = [of_pair(drift, name, result) for name in references] if drift and drift not in judged else []
    columns = ("Folds better", "Of them significantly", "Median skill", "Mean skill", "Worst fold", "Best fold")
    heads = (Column("Model", number=False), Column("Against", number=False))
    groups = (Group(tuple(summary_row(pair, alpha) for pair in own), name) for own, name in ((pairs, ""), (alone, "")))
    spare = {"Worst fold", "Best fold"}
    shown = (*heads, *(Column(name, spare=name in spare) for name in columns))
    return Table(shown, tuple(group for group in groups if group.rows), result.fill(SUMMARY_CAPTION))


def summary_row(pair: FoldPair, alpha: float) -> tuple[str, ...]:
    """Return one row of the summary."""
    folds, found = whole(len(pair.skills)), pair.significant(alpha)
    skills = [of(pair.known) for of in (median, fmean, min, max)] if pair.known else [None] * 4
    digits = skill_digits(*skills)
    counts = f"{whole(pair.won)} of {folds}", MISSING if found is None else f"{whole(found)} of {folds}"
    return (
        label(pair.model),
        label(pair.reference),
        *counts,
        *(percent(skill, digits) for skill in skills),
    )


SUMMARY_CAPTION = (
    "A fold is better if the {loss} is lower than the reference's, significantly so if the adjusted p of its test is "
    "at most the significance level; p is adjusted (Holm) for all folds and models. The mean weighs folds alike, "
    "whatever their size."
)


def drift_remark(pairs: list[FoldPair], result: Result) -> str:
    """Return in which folds a gain on the rival is no larger than that of the model that knows the drift alone."""
    drift = drift_of(result)
    if drift is None:
        return ""
    base = of_pair(drift, result.rival, result).skills
    sentences = []
    for pair in pairs:
        if pair.reference != result.rival or pair.model == drift:
            continue
        folds = [n for n, skill in pair.skills.items() if 0 < (skill or 0.0) <= (base.get(n) or 0.0)]
        if folds:
            them, their = ("fold", "is") if len(folds) == 1 else ("folds", "are")
            numbers = listed([whole(number) for number in folds])
            gains = "gain" if len(folds) == 1 else "gains"
            sentences.append(f"the {gains} of {label(pair.model)} in {them} {numbers} {their} no larger")
    if not sentences:
        return ""
    said = listed(sentences)
    return (
        f"{label(drift).capitalize()} forecasts the average of the past, which gains on {result.rival_name} where "
        f"outcomes drift and hardly move otherwise: {said}, and may be no more than that."
    )


def every_fold(pairs: list[FoldPair], result: Result) -> Table:
    """Return one row for each fold, model and reference: skill, statistic, p and adjusted p."""
    alpha, drift = result.verdict.alpha, drift_of(result)
    folds = [fold for fold in result.folds if fold.n_test]
    weighted = any(pair.weighted for pair in pairs)
    columns = (
        *(Column(name, number=False) for name in ("Fold", "Test from")),
        *map(Column, ("Skill", "Statistic", "p", "p adjusted")),
        *([Column("p weighted", spare=True)] if weighted else []),
        *([Column(f"Skill of {label(drift)}")] if drift else []),
    )

    def cells(fold: Fold, pair: FoldPair, base: dict[int, float | None]) -> tuple[str, ...]:
        """Return one row."""
        test, steady = pair.tests.get(fold.number), pair.weighted.get(fold.number)
        digits = skill_digits(*pair.skills.values(), *base.values())
        return (
            whole(fold.number),
            day(fold.test_start),
            percent(pair.skills.get(fold.number), digits),
            decimal(test.statistic if test else None, 2),
            p_value(test.p_value if test else None, alpha),
            p_value(test.p_adjusted if test else None, alpha),
            *([p_value(steady.p_value if steady else None, alpha)] if weighted else []),
            *([percent(base.get(fold.number), digits)] if drift else []),
        )

    groups = []
    for pair in pairs:
        base = of_pair(drift, pair.reference, result).skills if drift else {}
        rows = tuple(cells(fold, pair, base) for fold in binned(folds))
        groups.append(Group(rows, f"{label(pair.model)} against {label(pair.reference)}"))
    return Table(columns, tuple(groups), caption_of(pairs, result) + binned_note(folds))


def caption_of(pairs: list[FoldPair], result: Result) -> str:
    """Return how to read the table of every fold, and why tests are missing."""
    made = [row for pair in pairs for row in pair.tests.values()]
    title = next((row.title for row in made), "")
    tested = f" The test is {title}, one-sided; a negative statistic favours the model." if title else ""
    weighted = " p weighted is that of weighted errors, not adjusted." if any(pair.weighted for pair in pairs) else ""
    missing = next((row.note for row in made if row.p_value is None and row.note), "")
    why = f" {MISSING}: {tied(missing)}." if missing else ""
    return f"{result.fill(FOLDS_CAPTION)}{tested}{weighted}{why}"


FOLDS_CAPTION = (
    "Skill and test on {losses} of each fold alone. p is the probability of a result at least this good if the model "
    "were no better than the reference; the adjusted p allows for all folds and models."
)
