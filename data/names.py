"""Names that every storey must agree on: the models that are always there, their labels, findings, the primary test."""

from __future__ import annotations

from typing import Literal, get_args

Status = Literal["leak suspected", "better", "no evidence", "worse", "cannot tell"]
"""What a run finds out about a model."""

RANKING: tuple[Status, ...] = get_args(Status)
"""What is reported first: that no number can be trusted, then from the strongest claim for a model to none at all."""

PRIMARY = {"test": "diebold_mariano", "loss": "squared", "baseline": "zero"}
"""The test that the verdict rests on, by the columns of TESTS."""

BEST = "best"
"""The rival that is whichever baseline of a run has the smallest mean loss, and no model's name."""

HOLDING = "holding"
"""Being long all the time: what strategies are compared with, and no model's name."""

REFERENCES = ("zero", "naive")
"""The models that every other one is measured against, always among those of a run."""

ACRONYMS = {"ar", "ewma", "garch", "gjr", "gru", "har", "harq", "lstm", "mlp", "rnn", "tcn"}


def label(model: str) -> str:
    """Name of a model as a reader expects it: `lstm` becomes LSTM, `cold:lstm`, that of a run, becomes LSTM of cold."""
    if model == BEST:
        return "the best baseline"
    run, of, own = model.rpartition(":")
    if of and run and own.isidentifier():
        return f"{label(own)} of {run}"
    return " ".join(word.upper() if word in ACRONYMS else word for word in model.split("_"))
