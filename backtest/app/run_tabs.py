"""What the results of a run are worth: the header with verdict and audit, and the tabs on audit, folds and models."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import polars as pl
import streamlit as st
from pandas.io.formats.style import Styler

import backtest.reports as reports
from backtest.app import charts
from backtest.app.elements import palette, show_badge, show_chart, show_table, visible
from backtest.data.names import label
from backtest.data.records.audit import AUDIT, Leak
from backtest.reports.blocks import Tone
from backtest.reports.formats import counted, decimal, exponent_of, listed, moment, percent, power
from backtest.reports.result import Fold
from backtest.reports.run import RunResult
from backtest.reports.sections.validity import MOST_LEAKS, UNTRUSTED, audit_item, validity_title
from backtest.reports.sections.verdict import tone_of
from backtest.reports.wording.audit import (
    LEVELS,
    checked,
    counterexample_words,
    leak_remedy,
    leak_sentence,
    notes,
)
from backtest.reports.wording.evidence import sentences
from backtest.reports.wording.question import words_of_loss
from backtest.reports.wording.verdict import headline, remark

STATES: dict[str, tuple[Tone, str]] = {
    "passed": ("good", "passed"),
    "leak": ("bad", "leak"),
    "not run": ("mute", "not run"),
}


def show_header(result: RunResult) -> None:
    """Show the name of the run, its verdict in one line, and whether it was audited."""
    card = result.manifest.data
    ends = result.folds[0].test_start, result.folds[-1].test_end - card.interval
    first, last = (moment(time, card.interval)[:10] for time in ends)
    with st.container(border=True, gap="xsmall"):
        st.text(visible(f"{result.manifest.name}: {listed(card.symbols, 4)}, walked forward from {first} to {last}"))
        show_badge(*tone_of(result.verdict), headline(result.verdict))
        item = audit_item(result.audit)
        show_badge(item.tone, item.word, item.detail, item.label)


def show_audit(result: RunResult) -> None:
    """Show what the audit checked, what it found, and what to do about it."""
    st.subheader(validity_title(result))
    found = result.audit
    if found is None:
        st.text("This command checks features, labels, folds and the whole walk:")
        st.code("backtest audit CONFIG", language=None)
        return
    for one in found.levels:
        show_badge(*STATES[one.state], f"{one.number} {LEVELS[one.code]}: {'; '.join((checked(one), *notes(one)))}")
    if found.leaks:
        st.text(UNTRUSTED)
    for leak in found.leaks[:MOST_LEAKS]:
        show_leak(leak)
    if len(found.leaks) > MOST_LEAKS:
        st.text(f"{counted(len(found.leaks) - MOST_LEAKS, 'more leak')} in {AUDIT}.")


def show_leak(leak: Leak) -> None:
    """Show one leak: what was seen, the counterexample, and what to do."""
    with st.container(border=True):
        show_badge("bad", "leak", leak_sentence(leak))
        if leak.counterexample:
            st.text(visible(counterexample_words(leak.counterexample)))
        st.text(visible(f"What to do: {leak_remedy(leak)}"))


def show_folds(result: RunResult, model: str) -> None:
    """Show a model's skill against the rival in each fold, and the table of folds with every model's."""
    every = dict.fromkeys(score.model for score in (*result.candidates, *result.rivals))
    names = sorted(every, key=lambda name: name != model)
    rows = fold_rows(result.folds, names, result)
    rival, loss = result.rival_name, words_of_loss(result.question.loss)
    st.text(
        visible(f"Skill of {label(model)} against {rival}, fold by fold: above the line it was better than {rival}.")
    )
    if model in names and rows.height:
        place = str(names.index(model))
        bars = rows.select("fold", at=pl.col("from") + " to " + pl.col("until"), skill=pl.col(place) / 100)
        show_chart(charts.skills(bars, palette()), visible(f"Bars: skill against {rival} in each fold"), charts.LOW)
    places = {str(place): visible(f"Skill of {label(name)}") for place, name in enumerate(names)}
    heads = {**COUNTS, "mse": visible(f"{loss.mean} of {rival}{power(error_unit(result))}"), **places}
    columns = {name: st.column_config.NumberColumn(head) for name, head in heads.items()}
    spans = {"from": "Tested from", "until": "until"}
    st.dataframe(formatted(rows, places), hide_index=True, column_config={**columns, **spans})
    saved = f"the share of {rival}'s {loss.one} that a model saves, in per cent"
    st.text(visible(f"Times are UTC. Skill is {saved}."))


COUNTS = {"fold": "Fold", "train": "Train rows", "validation": "Validation rows", "test": "Forecasts", "lost": "Lost"}


def formatted(rows: pl.DataFrame, skills: Iterable[str]) -> Styler:
    """Return the rows with their numbers formatted as in the report; a click on a column still sorts numbers."""
    forms: dict[Any, str | Callable[[Any], str] | None] = {
        **dict.fromkeys(COUNTS, lambda value: decimal(value, 0)),
        "mse": lambda value: decimal(value, 3),
        **dict.fromkeys(skills, lambda value: percent(value / 100)),
    }
    numbers = [name for name in rows.columns if name in forms]
    return rows.cast(dict.fromkeys(numbers, pl.Float64)).to_pandas().style.format(forms)


def fold_rows(every: tuple[Fold, ...], models: list[str], result: RunResult) -> pl.DataFrame:
    """Return one row per fold, a model's skill in per cent under the number of its place."""
    interval, unit = result.manifest.data.interval, 10.0 ** error_unit(result)
    return pl.DataFrame(
        {
            "fold": fold.number,
            "from": moment(fold.test_start, interval),
            "until": moment(fold.test_end - interval, interval),
            "train": fold.n_train,
            "validation": fold.n_validation,
            "test": fold.n_test,
            "lost": fold.n_lost,
            "mse": None if fold.rival_loss is None else fold.rival_loss / unit,
            **{str(place): as_percent(fold.skills.get(model)) for place, model in enumerate(models)},
        }
        for fold in every
    )


def error_unit(result: RunResult) -> int:
    """Return the power of ten that the squared errors of folds are shown in."""
    return exponent_of(fold.rival_loss for fold in result.folds)


def as_percent(share: float | None) -> float | None:
    """Return a share in per cent."""
    return None if share is None else 100 * share


def show_models(result: RunResult) -> None:
    """Show the verdict on each candidate with its numbers, and the table of all models."""
    for sentence in sentences(result.verdict, result.audit):
        st.text(visible(sentence))
    if said := remark(result.verdict):
        st.text(visible(said))
    show_table(reports.headline(result))
