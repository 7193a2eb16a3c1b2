"""Takes over bars that stand in memory: a polars or pandas data frame as a table such as a file would give."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from backtest.data.errors import WrongSchema
from backtest.data.reading.files import numbered

FRAME = "data frame"
"""The place that messages name, as they name a file."""


def rows_of_frame(frame: object) -> pl.DataFrame:
    """Return the rows of a polars or pandas data frame with lower-case names and their number as `row`, from 1.

    A pandas DatetimeIndex becomes the column `time` where there is none. pandas itself is never imported. WrongSchema
    for anything else, and for a name that stands twice.
    """
    if isinstance(frame, pl.DataFrame):
        table = frame
    elif type(frame).__module__.partition(".")[0] == "pandas" and hasattr(frame, "columns"):
        table = _from_pandas(frame)
    else:
        raise WrongSchema(
            f"{FRAME}: expected a polars or pandas DataFrame of bars (got {type(frame).__name__}): convert it to one"
        )
    try:
        return numbered(table)
    except pl.exceptions.DuplicateError as twice:
        raise WrongSchema(f"{FRAME}: expected each column once (got {twice}): rename or drop one of them") from twice


def _from_pandas(table: Any) -> pl.DataFrame:
    """Copy a pandas frame column by column, which needs no pyarrow."""
    columns = [(str(name), table.iloc[:, place]) for place, name in enumerate(table.columns)]
    if hasattr(table.index, "tz") and "time" not in {name.strip().lower() for name, _ in columns}:
        columns.insert(0, ("time", table.index.to_series()))
    names = [name for name, _ in columns]
    if len(set(names)) < len(names):
        raise WrongSchema(f"{FRAME}: expected each column once (got columns {', '.join(names)}): rename or drop one")
    return pl.DataFrame([_column(name, values) for name, values in columns])


def _column(name: str, values: Any) -> pl.Series:
    """Copy one pandas series; what pandas takes for missing becomes null."""
    if getattr(values.dtype, "tz", None) is not None:
        plain = values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return pl.Series(name, plain).dt.replace_time_zone("UTC")
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biufM":
        return pl.Series(name, values.to_numpy(), nan_to_null=True)
    known = values.notna()
    return pl.Series(name, [value if there else None for value, there in zip(values, known, strict=True)], strict=False)
