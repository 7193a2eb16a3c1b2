"""A section of a run with several horizons: that of the leading one, those of the others unfold below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from typing import TypeVar

from backtest.reports.blocks import Block, Details, Figure, Heading, Text
from backtest.reports.formats import bars
from backtest.reports.render.svg import renamed
from backtest.reports.result import Result
from backtest.reports.wording.verdict import suspicion

R = TypeVar("R", bound=Result)


def by_horizon(section: Callable[[R], tuple[Block, ...]]) -> Callable[[R], tuple[Block, ...]]:
    """Return a section that shows every horizon of a run, each finding with the horizon that it is about.

    The section itself is about one horizon, that of the result's views, and opens with its heading; one that has
    nothing to say of a horizon leaves it out. With one horizon nothing changes.
    """

    @wraps(section)
    def shown(result: R) -> tuple[Block, ...]:
        if len(result.horizons) == 1:
            return section(result)
        others = (horizon for horizon in result.horizons if horizon != result.horizon)
        every = {result.horizon: section(result)} | {horizon: section(result.at(horizon)) for horizon in others}
        first, *rest = [(horizon, blocks) for horizon, blocks in every.items() if blocks] or [(0, ())]
        mark = suspicion(result.verdict)
        folded = (block for horizon, blocks in rest for block in _folded(blocks, horizon, mark))
        return (*(_named(block, first[0]) for block in first[1]), *folded)

    return shown


def at_horizon(finding: str, horizon: int) -> str:
    """Return a finding with its horizon: `At 5 bars: ...`."""
    return f"At {bars([horizon])}: {finding}"


def _named(block: Block, horizon: int) -> Block:
    """The block, with the horizon in the finding if it is a heading."""
    return replace(block, finding=at_horizon(block.finding, horizon)) if isinstance(block, Heading) else block


def _folded(blocks: tuple[Block, ...], horizon: int, mark: str) -> Iterator[Block]:
    """A section that unfolds from its finding; the finding alone where there is nothing more."""
    heading, *inside = blocks
    finding = at_horizon(heading.finding, horizon) if isinstance(heading, Heading) else f"At {bars([horizon])}"
    finding = f"{mark}{finding}"
    yield Details(finding, tuple(_apart(block, horizon) for block in inside)) if inside else Text(f"{finding}.")


def _apart(block: Block, horizon: int) -> Block:
    """The block with figures that have a file and ids of their own."""
    if isinstance(block, Details):
        return replace(block, inside=tuple(_apart(inner, horizon) for inner in block.inside))
    if isinstance(block, Figure):
        return replace(block, name=f"{block.name}_{horizon}", svg=renamed(block.svg, f"h{horizon}-"))
    return block
