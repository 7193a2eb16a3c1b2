"""The tests other than the one behind the verdict, each with its question."""

from __future__ import annotations

from collections.abc import Sequence

from backtest.data.names import label
from backtest.data.result_tables import JOINT, TESTS
from backtest.reports.blocks import Block, Column, Details, Group, Heading, Table, Text
from backtest.reports.families import adjusted, family_size, family_text, is_against_rival, is_primary
from backtest.reports.formats import MISSING, counted, decimal, listed, p_value, shortened, tied
from backtest.reports.result import Result, Score
from backtest.reports.rows import Row
from backtest.reports.wording.question import capital, words_of_loss

QUESTION = "What do the other tests say?"
MOST_MODELS = 3
"""Models whose tests are shown; those of the others are in the file."""

DIRECTION = "direction"
"""What stands for a loss in tests on signs; like the loss of the verdict it is not named."""

NESTED = (
    "Diebold-Mariano asks whether these forecasts were better; Clark-West asks whether the larger model would be "
    "better if its weights were known. {rival} is nested in every network, and for nested models Diebold-Mariano is "
    "the more conservative test."
)


def nested_note(result: Result) -> tuple[Block, ...]:
    """Return what Clark-West adds, where the rival is a special case of every model."""
    nested = result.rival in result.question.about.nested
    return (Text(NESTED.format(rival=capital(result.rival_name))),) if nested else ()


def other_tests(result: Result) -> tuple[Block, ...]:
    """What do the other tests say? Every test of the leading candidates against the rival, then those of all models."""
    rows = leading_tests(result)
    numbers = Details("The numbers", (pair_table(rows, result),))
    pairs: tuple[Block, ...] = (*nested_note(result), answer_table(rows, result), numbers) if rows else ()
    rows_of_all = result.rows(JOINT)
    joint = (joint_table(rows_of_all, result),) if rows_of_all else ()
    return Heading(other_tests_title(rows, result), QUESTION), *pairs, *joint


def leading_tests(result: Result) -> tuple[Row, ...]:
    """Return the tests of the leading candidates: the one behind the verdict, other tests of skill, then the rest.

    Each is shown once per loss, preferably against the rival and one-sided.
    """
    models = [score.model for score in ranked_models(result)[:MOST_MODELS]]
    once: dict[tuple[str, str, str], Row] = {}
    asked, nearest = result.question, (result.question.rival, result.rival)
    for row in sorted(
        result.rows(TESTS, fold=None),
        key=lambda row: (*(row.baseline != rival for rival in nearest), row.alternative != "less"),
    ):
        once.setdefault((row.test, row.loss, row.model), row)

    def sort_key(row: Row) -> tuple[bool, bool, bool, str, int]:
        about = not is_of_skill(row, result), row.loss != asked.loss, row.test != asked.test
        return *about, name_of_test(row, result), models.index(row.model)

    return tuple(sorted((row for row in once.values() if row.model in models), key=sort_key))


def ranked_models(result: Result) -> tuple[Score, ...]:
    """Return the candidates, or without any all models but the rival, by loss."""
    return result.candidates or result.rivals


def name_of_test(row: Row, result: Result) -> str:
    """Return the name of a test, with loss and baseline where they are not those of the verdict."""
    loss = other_losses(row, result)
    return f"{row.title}{f' on {loss}' if loss else ''}" + (
        "" if is_against_rival(row, result) else f", against {label(row.baseline)}"
    )


def is_of_skill(row: Row, result: Result) -> bool:
    """Return whether a test is about skill against the rival."""
    return bool(row.of_skill and is_against_rival(row, result))


def asked_in_words(row: Row, result: Result) -> str:
    """Return the question of a test, with baseline and loss named where they are not those of the verdict."""
    asks = row.asks if is_against_rival(row, result) else row.asks.replace("the baseline", label(row.baseline))
    loss = other_losses(row, result)
    return f"{asks.removesuffix('?')}, in {loss}?" if loss else str(asks)


REGRESSIONS = {"mincer_zarnowitz", "mincer_zarnowitz_logs"}
"""Tests of outcomes regressed on forecasts: of no loss, although their rows name that of least squares."""


def other_losses(row: Row, result: Result) -> str:
    """Return what the losses of a test are called, nothing where it has none or those of the verdict.

    The squared error of a probability is its Brier score.
    """
    question = result.question
    loss = "brier" if question.about.scale == "probability" and row.loss == "squared" else row.loss
    return "" if loss in (question.loss, DIRECTION) or row.test in REGRESSIONS else words_of_loss(loss).several


def answer(row: Row, result: Result) -> str:
    """Return the answer of a test: yes if the adjusted p-value is at most alpha."""
    if row.p_value is None:
        return "undefined"
    chance = adjusted(row, result)
    return "yes" if (row.p_value if chance is None else chance) <= result.verdict.alpha else "no evidence"


def other_tests_title(rows: Sequence[Row], result: Result) -> str:
    """Return what the tests of skill against the rival find, in one sentence."""
    tests = [row for row in rows if is_of_skill(row, result)]
    computed = [row for row in tests if row.p_value is not None]
    passed = [row for row in computed if answer(row, result) == "yes"]
    if not computed:
        return "No test of skill could be computed"
    if result.status == "cannot tell":
        return "There is too little evidence to rely on the tests of skill"
    if any(is_primary(row, result.question) for row in passed):
        model = next(row.model for row in passed if is_primary(row, result.question))
        own, yes = (sum(row.model == model for row in some) for some in (computed, passed))
        verb = "finds" if yes == 1 else "find"
        return (
            f"{label(model)}: {yes} of {counted(own, 'test')} of skill {verb} it, including the one behind the verdict"
        )
    if passed:
        return f"{passed_sentence(passed, result)}; the test behind the verdict does not"
    none = (
        f"No test finds skill against {result.rival_name}"
        if len(computed) == len(tests)
        else f"No test that could be computed finds skill against {result.rival_name}"
    )
    where = f" in the {MOST_MODELS} best models" if len(ranked_models(result)) > MOST_MODELS else ""
    hidden = [row for row in computed if row.p_value <= result.verdict.alpha]
    if not hidden:
        return f"{none}{where}"
    largest = max(hidden, key=lambda row: family_size(row, result))
    return f"{none}{where} once {family_text(largest, result)} are allowed for"


def passed_sentence(passed: Sequence[Row], result: Result) -> str:
    """Return which tests find skill in which models."""
    models: dict[str, list[str]] = {}
    for row in passed:
        models.setdefault(name_of_test(row, result), []).append(label(row.model))
    groups: dict[str, list[str]] = {}
    for name, them in models.items():
        groups.setdefault(listed(them), []).append(name)
    return "; ".join(
        f"{listed(names)} {'finds' if len(names) == 1 else 'find'} skill in {them}" for them, names in groups.items()
    )


def answer_table(rows: Sequence[Row], result: Result) -> Table:
    """Return one row per test: its question, and its answer for each model with the adjusted p-value."""
    models = list(dict.fromkeys(row.model for row in rows))
    parts: dict[str, dict[tuple[str, str, str], dict[str, str]]] = {}
    for row in rows:
        groups = parts.setdefault(result.fill(ABOUT[is_of_skill(row, result)]), {})
        chance = p_value(adjusted(row, result), result.verdict.alpha)
        shown = answer(row, result) if chance == MISSING else f"{answer(row, result)} ({chance})"
        about = asked_in_words(row, result), family_of_test(row, rows, result), name_of_test(row, result)
        groups.setdefault(about, {})[row.model] = shown
    table = [
        Group(
            tuple(
                (asks, *(one.get(model, MISSING) for model in models), family, name)
                for (asks, family, name), one in answers
            ),
            about,
        )
        for about, answers in ((about, groups.items()) for about, groups in parts.items())
    ]
    columns = [Column("Question", number=False, wraps=True), *(Column(label(model), number=False) for model in models)]
    ends = Column("Adjusted over", number=False), Column("Test", number=False)
    return Table((*columns, *ends), tuple(table), result.fill(ANSWER_CAPTION))


def family_of_test(row: Row, rows: Sequence[Row], result: Result) -> str:
    """Return what the p-values of a test are adjusted over, the same for all of its models."""
    same = [one for one in rows if (one.test, one.loss, one.baseline) == (row.test, row.loss, row.baseline)]
    return family_text(max(same, key=lambda one: family_size(one, result)), result)


ABOUT = {True: "Skill against {rival}", False: "Other questions"}
"""The group of a row of the answers, by whether it is about skill against the rival."""

ANSWER_CAPTION = (
    "In brackets the p, adjusted over the same test of all models but the references, that of Clark-West against "
    "{rival} over the candidates, that of the verdict over everything tried on these bars. Different tests are not "
    "adjusted for each other. Yes: it is at most the significance level; no evidence is not proof of the opposite. The "
    "baseline is {rival} unless another one is named."
)


def pair_table(rows: Sequence[Row], result: Result) -> Table:
    """Return one row per test and model, in a group for each test that opens with its question."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        chances = (p_value(chance, result.verdict.alpha) for chance in (row.p_value, adjusted(row, result)))
        cells = label(row.model), answer(row, result), decimal(row.statistic, 2), *chances, note_cell(row.note)
        groups.setdefault(f"{name_of_test(row, result)}: {row.asks}", []).append(cells)
    columns = (*map(Column, ("Model", "Answer"), (False, False)), *map(Column, ("Statistic", "p", "p adjusted")), NOTE)
    return Table(columns, tuple(Group(tuple(cells), name) for name, cells in groups.items()), CAPTION)


def note_cell(note: str) -> str:
    """Return the note of a test as a cell."""
    return tied(shortened(note)) or MISSING


NOTE = Column("Note", number=False, wraps=True)

CAPTION = (
    "A negative statistic favours the model in tests on losses, a positive one in tests on direction; a test for any "
    "difference favours neither side. All tests of all models, also by fold, are in tests.parquet."
)


def joint_table(rows: Sequence[Row], result: Result) -> Table:
    """Return the answer of each joint test of all models, with its question."""
    groups, alpha = dict[str, list[Row]](), result.verdict.alpha
    for row in rows:
        other = "" if row.loss == result.question.loss else f" on {words_of_loss(row.loss).several}"
        groups.setdefault(f"{row.title}{other}: {row.asks}", []).append(row)
    cells = []
    for name, members in groups.items():
        first = members[0]
        chance = p_value(first.p_value if first.model is None else None, alpha)
        cells.append(Group(((joint_answer(members, alpha), chance, note_cell(first.note)),), name))
    columns = (Column("Answer", number=False, wraps=True), Column("p"), NOTE)
    return Table(columns, tuple(cells), result.fill(JOINT_CAPTION))


JOINT_CAPTION = (
    "Joint tests of all models, on {losses} unless others are named. Each allows for the number of models by itself; "
    "their p-values are not adjusted further."
)


def joint_answer(rows: Sequence[Row], alpha: float) -> str:
    """Return the answer of a joint test: the models that it selects, or whether there is any."""
    if rows[0].model is None:
        return "undefined" if rows[0].p_value is None else "yes" if rows[0].p_value <= alpha else "no evidence"
    return listed([label(row.model) for row in rows if row.model and row.selected]) or "no model"
