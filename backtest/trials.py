"""What a run owes to others on the same bars: their p-values and Sharpe ratios, from the ledger, and a line in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from backtest import ledger
from backtest.costs import HOLDING
from backtest.family import Key, Tried
from backtest.significance.sharpe import Sharpe
from data.errors import UndefinedTest
from data.names import PRIMARY, REFERENCES
from data.runs import runs_folder
from data.verdict import Verdict


def _ledger() -> Path:
    return runs_folder() / ledger.LEDGER


def tried_before(strategies: pl.DataFrame, *, data: str, config: str) -> tuple[Tried, dict[str, float]]:
    """Return what else was tried on the same bars, and the deflated Sharpe ratio of each model's strategy.

    `data` and `config` are the hashes of the bars and of the settings that make a trial.
    """
    known = ledger.read(_ledger())
    trials = ledger.others(known, data=data, config=config)
    tried = Tried(
        ledger.counted(known, data=data, config=config),
        frozenset(_keyed([trial.p_values for trial in trials], known.unreadable)),
        frozenset(_keyed([trial.p_worse for trial in trials], known.unreadable)),
    )
    own = _sharpes(strategies)
    ratios = {model: found.ratio for model, found in own.items()}
    deflated = {}
    for model, found in own.items():
        with suppress(UndefinedTest):
            deflated[model] = ledger.deflate(found, ratios, trials, unreadable=known.unreadable)
    return tried, deflated


def _keyed(trials: Sequence[Mapping[str, float]], unreadable: int) -> Iterator[tuple[Key, float]]:
    """P-values of other trials with what they are of; a line that nobody can read stands for one without evidence."""
    for p_values in trials:
        for name, value in p_values.items():
            model, _, horizon = name.rpartition("@")
            yield (model, int(horizon)), value
    for number in range(unreadable):
        yield ("", number), 1.0


def _sharpes(strategies: pl.DataFrame) -> dict[str, Sharpe]:
    """Sharpe ratios per bar of all models that are no baseline of the comparison, as far as they are defined."""
    rows = strategies.filter(
        ~pl.col("model").is_in([HOLDING, *REFERENCES]) & pl.col("sharpe_per_bar").is_not_null()
    ).iter_rows(named=True)
    return {row["model"]: Sharpe(row["sharpe_per_bar"], row["skewness"], row["kurtosis"], row["n"]) for row in rows}


def enter(run: Path, judged: Verdict, tests: pl.DataFrame, strategies: pl.DataFrame, *, data: str, config: str) -> None:
    """Enter a run into the ledger, with its headline, the p-values of its primary test and its Sharpe ratios."""
    defined = pl.col("fold").is_null() & pl.col("p_value").is_not_null() & ~pl.col("model").is_in(REFERENCES)
    primary = tests.filter(defined, **PRIMARY)
    p_values = {
        alternative: {
            f"{row['model']}@{row['horizon']}": row["p_value"]
            for row in primary.filter(alternative=alternative).iter_rows(named=True)
        }
        for alternative in ("less", "greater")
    }
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    sharpes = {model: found.ratio for model, found in _sharpes(strategies).items()}
    about = (config, data, finished, run.name, judged.headline)
    ledger.append(_ledger(), ledger.Trial(*about, p_values["less"], p_values["greater"], sharpes))
