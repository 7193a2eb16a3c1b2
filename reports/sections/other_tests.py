"""What the tests beside the verdict's own say, each with its question."""

from __future__ import annotations

from collections.abc import Sequence

from data.names import PRIMARY, label
from reports.blocks import Block, Column, Details, Group, Heading, Table, Text
from reports.evidence import JointTest, PairTest
from reports.formats import MISSING, decimal, listed, p_value
from reports.result import Result

QUESTION = "What do the other tests say?"
LEADING = 3
"""Models whose tests are shown; the others' stand in the file."""

NAMES = {
    "diebold_mariano": "Diebold-Mariano",
    "clark_west": "Clark-West",
    "encompassing": "Encompassing",
    "giacomini_white": "Giacomini-White",
    "fluctuation": "Fluctuation (Giacomini-Rossi)",
    "pesaran_timmermann": "Pesaran-Timmermann",
    "anatolyev_gerko": "Anatolyev-Gerko",
    "mincer_zarnowitz": "Mincer-Zarnowitz",
    "model_confidence_set": "Model Confidence Set",
    "superior_predictive_ability": "Superior predictive ability (SPA)",
    "stepwise": "Stepwise (StepM)",
}
"""Tests as a reader knows them, in the order in which they are shown; those without a name here come last."""

OF_SKILL = ("diebold_mariano", "clark_west", "pesaran_timmermann", "anatolyev_gerko")
"""Tests whose rejection says that a model knows something that zero does not."""

NESTED = (
    "Diebold-Mariano asks: were these forecasts better? Clark-West asks: would the larger model be better if its "
    "weights were known? Zero is a special case of every network, and there Diebold-Mariano is the cautious one."
)


def other_tests(result: Result) -> tuple[Block, ...]:
    """What do the other tests say? Every test of the leading candidates against zero, then those of all models."""
    rows = leading(result)
    numbers = Details("The numbers", pair_table(rows, result))
    pairs: tuple[Block, ...] = (Text(NESTED), answers(rows, result), numbers) if rows else ()
    joint = (joint_table(result.joint, result.verdict.alpha),) if result.joint else ()
    return Heading(finding(rows, result), QUESTION), *pairs, *joint


def leading(result: Result) -> tuple[PairTest, ...]:
    """Return the tests of the leading candidates, test by test; absolute errors come last."""
    models = {score.model: score for score in (result.candidates or result.rivals)[:LEADING]}
    order = list(NAMES)

    def place(row: PairTest) -> tuple[bool, int, str, int]:
        known = order.index(row.test) if row.test in NAMES else len(order)
        return row.loss == "absolute", known, row.test, list(models).index(row.model)

    return tuple(sorted(filter(lambda row: row.model in models and is_shown(row), result.tests), key=place))


def is_shown(row: PairTest) -> bool:
    """Return whether a test is shown: against zero, for encompassing against naive, and for being better."""
    if row.test == PRIMARY["test"] and row.alternative != "less":
        return False
    return row.baseline == ("naive" if row.test == "encompassing" else "zero")


def name_of(row: PairTest | JointTest) -> str:
    """Return the name of a test, with loss and baseline where they are not squared error and zero."""
    name = NAMES.get(row.test, label(row.test))
    if isinstance(row, JointTest):
        return name
    loss = ", absolute error" if row.loss == "absolute" else ""
    return f"{name}{loss}" if row.baseline == "zero" else f"{name}{loss}, against {row.baseline}"


def adjusted(row: PairTest, result: Result) -> float | None:
    """Return the adjusted p-value; of the verdict's own test the one that allows for all that was tried."""
    if (row.test, row.loss, row.baseline) == tuple(PRIMARY.values()):
        return next((score.p_adjusted for score in result.scores if score.model == row.model), None)
    return row.p_adjusted


def answer(row: PairTest, result: Result) -> str:
    """Return what a test answers in words: yes where the adjusted p-value is at most alpha."""
    if row.p_value is None:
        return "undefined"
    chance = adjusted(row, result)
    return "yes" if (row.p_value if chance is None else chance) <= result.verdict.alpha else "not shown"


def finding(rows: Sequence[PairTest], result: Result) -> str:
    """Return what the tests of skill say together, in one sentence."""
    asked = [row for row in rows if row.test in OF_SKILL and row.p_value is not None]
    if result.verdict.status == "leak suspected":
        return "A leak is suspected: no test here can be believed"
    if not asked:
        return "No test of skill could be made"
    passed = [row for row in asked if answer(row, result) == "yes"]
    paid = [row.model for row in passed if (row.test, row.loss) == (PRIMARY["test"], PRIMARY["loss"])]
    if paid:
        first = label(paid[0])
        own, yes = (sum(row.model == paid[0] for row in some) for some in (asked, passed))
        agree = f"all {own} tests of skill say yes" if yes == own else f"{yes} of {own} tests of skill say yes"
        return f"{first}: {agree}, the verdict's own among them"
    models = list(dict.fromkeys(label(row.model) for row in passed))
    if any(row.test == "clark_west" for row in passed):
        seen = listed([label(row.model) for row in passed if row.test == "clark_west"])
        return f"Clark-West sees a signal in {seen} that squared error does not pay for yet"
    if passed:
        names = listed(list(dict.fromkeys(name_of(row) for row in passed)))
        return f"{names} {'speaks' if len(passed) == 1 else 'speak'} for {listed(models)}, squared error does not"
    sure = result.verdict.status != "cannot tell"
    return f"{'All tests of skill agree' if sure else 'The tests of skill rest on too little'}: no sign of any"


def answers(rows: Sequence[PairTest], result: Result) -> Table:
    """Return one row per test: what it asks, and its answer for each model with the adjusted p-value."""
    models = list(dict.fromkeys(row.model for row in rows))
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        chance = p_value(adjusted(row, result))
        shown = answer(row, result) if chance == MISSING else f"{answer(row, result)} ({chance})"
        groups.setdefault((row.asks or MISSING, name_of(row)), {})[row.model] = shown
    cells = [(asks, *(found.get(model, MISSING) for model in models), name) for (asks, name), found in groups.items()]
    heads = [Column("Question", number=False, wraps=True), *(Column(label(model), number=False) for model in models)]
    return Table((*heads, Column("Test", number=False)), (Group(tuple(cells)),), ANSWERS)


ANSWERS = (
    "In brackets the adjusted p. Yes: it is at most the level of the verdict; not shown is no proof of the opposite. "
    "The p allows for the models of this run, in the first row for all else that was tried, too. The baseline is zero; "
    "of encompassing it is naive, because a mix with zero is what Clark-West looks at."
)


def pair_table(rows: Sequence[PairTest], result: Result) -> Table:
    """Return one row per test and model, in a group for each test that opens with its question."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        numbers = decimal(row.statistic, 2), p_value(row.p_value), p_value(adjusted(row, result))
        cells = label(row.model), answer(row, result), *numbers, row.note or MISSING
        groups.setdefault(question(row), []).append(cells)
    columns = (*map(Column, ("Model", "Answer"), (False, False)), *map(Column, ("Statistic", "p", "p adjusted")), NOTE)
    return Table(columns, tuple(Group(tuple(cells), name) for name, cells in groups.items()), CAPTION)


NOTE = Column("Note", number=False, wraps=True)

CAPTION = (
    "A negative statistic favours the model where losses are compared, a positive one where directions are; those of "
    "Giacomini-White and Mincer-Zarnowitz have no direction. All tests of all models, and of single folds, are in "
    "tests.parquet."
)


def question(row: PairTest | JointTest) -> str:
    """Return what a test asks, after its name."""
    return ": ".join(filter(None, [name_of(row), row.asks]))


def joint_table(rows: Sequence[JointTest], alpha: float) -> Table:
    """Return what each test of all models at once says, with its question."""
    groups: dict[str, list[JointTest]] = {}
    for row in rows:
        groups.setdefault(question(row), []).append(row)
    cells = [
        Group(((said(members, alpha), p_value(members[0].p_value if members[0].model is None else None), note),), name)
        for name, members in groups.items()
        for note in [members[0].note or MISSING]
    ]
    columns = (Column("Answer", number=False), Column("p"), NOTE)
    return Table(columns, tuple(cells), "Tests of all models at once, on squared errors.")


def said(rows: Sequence[JointTest], alpha: float) -> str:
    """Return what a test of all models answers: the models that it selects, or whether there is any."""
    if rows[0].model is None:
        return "undefined" if rows[0].p_value is None else "yes" if rows[0].p_value <= alpha else "not shown"
    return listed([label(row.model) for row in rows if row.model and row.selected]) or "no model"
