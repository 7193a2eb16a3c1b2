"""Names that every storey must agree on: findings, the labels of models, and what no model may be called."""

from __future__ import annotations

from typing import Literal, get_args

Status = Literal["leak suspected", "better", "no evidence", "worse", "cannot tell"]
"""What a run finds out about a model."""

Scale = Literal["return", "variance", "probability"]
"""On which scale an outcome is forecast: as it is, as a variance, or as the probability of an event."""

SCALES: tuple[Scale, ...] = get_args(Scale)

RANKING: tuple[Status, ...] = get_args(Status)
"""What is reported first: that no number can be trusted, then from the strongest claim for a model to none at all."""

BEST = "best"
"""The rival that is whichever baseline of a run has the smallest mean loss, and no model's name."""

HOLDING = "holding"
"""Being long all the time: what strategies are compared with, and no model's name."""

ACRONYMS = {"ar", "ewma", "garch", "gjr", "gru", "har", "harq", "lstm", "mlp", "rnn", "tcn"}


def label(model: str) -> str:
    """Name of a model as a reader expects it: `lstm` becomes LSTM, `cold:lstm`, that of a run, becomes LSTM of cold."""
    if model == BEST:
        return "the best baseline"
    run, of, own = model.rpartition(":")
    if of and run and own.isidentifier():
        return f"{label(own)} of {run}"
    return " ".join(word.upper() if word in ACRONYMS else word for word in model.split("_"))


MAX_T = "max-t"
"""The adjustment of p-values by the joint distribution of the largest statistic (`significance.stepdown`)."""
