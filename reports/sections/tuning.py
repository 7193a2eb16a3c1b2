"""Which settings tuning chose in each fold, and what the choice cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from backtest.data.names import label
from backtest.data.schema import FITS, FOLDS
from backtest.reports.blocks import Block, Heading, Table, Text, binned, binned_note, table
from backtest.reports.formats import counted, duration, listed, percent, whole
from backtest.reports.rows import Row, rows_of
from backtest.reports.run import RunResult

QUESTION = "Which settings did tuning choose?"
EXPLANATION = (
    "Every fit of a tuned model tries each set of settings on its training period and keeps the one whose forecasts of "
    "its validation period have the lowest {mean}; it sees no test period. The choice is a part of the fit, so that a "
    "tuned model is one candidate of the verdict."
)
CAPTION = (
    "Chosen in so many of the seeds, where not in all; the gain is the validation loss of the chosen settings against "
    "those that did worst, over that of a perfect forecast, a median over seeds."
)


def tuning(result: RunResult) -> tuple[Block, ...]:
    """Which settings did tuning choose? The choice of every fold, and what it cost; nothing where none were tuned."""
    fits = result.frame(FITS)
    if "chosen" not in fits.columns:
        return ()
    walked = fits.join(result.frame(FOLDS).select("fold"), on="fold", how="semi")
    chosen = walked.drop_nulls(["chosen", "candidates", "chosen_loss", "worst_loss"])
    fits_of: dict[str, list[Row]] = {}
    for fit in rows_of(chosen.unique(["model", "seed", "fold"], keep="first", maintain_order=True)):
        fits_of.setdefault(fit.model, []).append(fit)
    ranked = [score.model for score in (*result.candidates, *result.scores) if score.model in fits_of]
    if not ranked:
        return ()
    cost, text = result.manifest.tuning, result.fill(EXPLANATION)
    if cost:
        text += f" In all, {counted(cost.fits, 'fit')} took {duration(cost.seconds)}."
    own = {model: fits_of[model] for model in dict.fromkeys(ranked)}
    return Heading(tuning_title(own), QUESTION), Text(text), choice_table(own)


def tuning_title(fits: dict[str, list[Row]]) -> str:
    """Return what was chosen most often for the first model, and how often."""
    model, own = next(iter(fits.items()))
    (chosen, times), *_ = Counter(fit.chosen for fit in own).most_common(1)
    others = f"; {listed([label(other) for other in list(fits)[1:]], 3)} tuned too" if len(fits) > 1 else ""
    how_often = "every fit" if times == len(own) else f"{whole(times)} of {counted(len(own), 'fit')}"
    return f"For {label(model)}, {chosen} was chosen in {how_often}{others}"


def choice_table(fits: dict[str, list[Row]]) -> Table:
    """Return the choice of each model in each fold."""
    folds = sorted({fit.fold for own in fits.values() for fit in own})
    rows = []
    for model, own in fits.items():
        for fold in binned(folds):
            here = [fit for fit in own if fit.fold == fold]
            if here:
                rows.append((label(model), in_words(here), whole(fold), whole(here[0].candidates), gain(here)))
    heads = ["Model", "Chosen", "Fold", "Candidates", "Gain"]
    return table(heads, rows, f"{CAPTION}{binned_note(folds)}", words=2)


def in_words(fits: Sequence[Row]) -> str:
    """Return what the seeds of a fold chose, the most frequent first."""
    chosen = Counter(fit.chosen for fit in fits).most_common()
    if len(chosen) == 1:
        return str(chosen[0][0])
    return "; ".join(f"{values} ({whole(times)})" for values, times in chosen)


def gain(fits: Sequence[Row]) -> str:
    """Return how much lower the loss of the chosen settings was than that of the worst."""
    shares = [1 - fit.chosen_loss / fit.worst_loss if fit.worst_loss > 0 else None for fit in fits]
    known = pl.Series([share for share in shares if share is not None], dtype=pl.Float64)
    return percent(known.median(), 1, signed=False)  # type: ignore[arg-type]  # of floats
