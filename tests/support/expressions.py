"""Hypothesis strategies for features as expression trees: causal ones, and the same with one leak planted in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import polars as pl
from hypothesis import strategies as st

Block = Callable[[pl.Expr, int], pl.Expr]
Join = Callable[[pl.Expr, pl.Expr], pl.Expr]

PRICES = ("close", "open", "high", "low")
HOUR, DATE = pl.col("time").dt.hour().cast(pl.Float64), pl.col("time").dt.date()

POINTWISE: dict[str, Block] = {
    "log1p of the size": lambda x, k: x.abs().log1p(),
    "sqrt of the size": lambda x, k: x.abs().sqrt(),
    "clip": lambda x, k: x.clip(-k, k),
    "halve from the hour": lambda x, k: pl.when(HOUR.lt(k)).then(x).otherwise(0.5 * x),
}
BACKWARD: dict[str, Block] = {
    "shift": lambda x, k: x.shift(k),
    "diff": lambda x, k: x.diff(k),
    "rolling_mean": lambda x, k: x.rolling_mean(k + 1),
    "rolling_std": lambda x, k: x.rolling_std(k + 1),
    "rolling_min": lambda x, k: x.rolling_min(k + 1),
    "rolling_max": lambda x, k: x.rolling_max(k + 1),
    "rolling_median": lambda x, k: x.rolling_median(k + 1),
}
"""Blocks that read k earlier values."""

ENDLESS: dict[str, Block] = {
    "ewm_mean": lambda x, k: x.ewm_mean(span=k + 1),
    "cum_sum": lambda x, k: x.cum_sum(),
    "cum_max": lambda x, k: x.cum_max(),
    "forward_fill": lambda x, k: pl.when(HOUR % (k + 1) == 0).then(x).forward_fill(),
}
"""Blocks that never forget."""

MONOTONE: dict[str, Block] = {
    "times minus": lambda x, k: -k * x,
    "plus": lambda x, k: x + k,
    "arcsinh": lambda x, k: x.arcsinh(),
    "cbrt": lambda x, k: x.cbrt(),
}
"""Maps that keep apart what differs."""

SQUASH: dict[str, Block] = {"squash": lambda x, k: x.arcsinh().fill_nan(0).fill_null(0)}
"""Between about -700 and 700, without a missing value."""

LEAKS: dict[str, Block] = {
    "negative shift": lambda x, k: x.shift(-k),
    "centred window": lambda x, k: x.rolling_mean(2 * k + 1, center=True),
    "global mean": lambda x, k: x - x.mean(),
    "global z-score": lambda x, k: (x - x.mean()) / x.std(),
    "global min-max": lambda x, k: (x - x.min()) / (x.max() - x.min()),
    "reversed sum": lambda x, k: x.cum_sum(reverse=True),
    "backward fill": lambda x, k: pl.when(HOUR % (k + 1) == 0).then(x).backward_fill(),
    "interpolation": lambda x, k: pl.when(HOUR % (k + 1) == 0).then(x).interpolate(),
    "mean of the day": lambda x, k: x.mean().over(DATE),
    "rank": lambda x, k: x.rank(),
}
BOUNDED = {"negative shift", "centred window"}
"""Leaks that read no more than k bars ahead."""

BLOCKS = POINTWISE | BACKWARD | ENDLESS | MONOTONE | SQUASH | LEAKS

JOINED: dict[str, Join] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/ 1 +": lambda x, y: x / (1 + y.abs()),
    "max": lambda x, y: pl.when(x > y).then(x).otherwise(y),
}


@dataclass(frozen=True, slots=True)
class Tree:
    """An expression over the columns of BARS; a value reads `lookback` earlier bars, None: it never forgets."""

    text: str
    expr: pl.Expr
    lookback: int | None = 0

    def under(self, block: str, k: int = 0) -> Tree:
        """Put a block of size k on top."""
        endless = block in ENDLESS or self.lookback is None
        lookback = None if endless else (self.lookback or 0) + k * (block in BACKWARD)
        return Tree(f"{block}({self.text}, {k})", BLOCKS[block](self.expr, k), lookback)

    def joined(self, other: Tree, join: str) -> Tree:
        """Join two trees value by value."""
        endless = self.lookback is None or other.lookback is None
        lookback = None if endless else max(self.lookback or 0, other.lookback or 0)
        return Tree(f"({self.text} {join} {other.text})", JOINED[join](self.expr, other.expr), lookback)


@dataclass(frozen=True, slots=True)
class Planted:
    """A causal tree, and the same with a leak; no value of it reads more than `reach` bars ahead (None: any)."""

    clean: Tree
    leaky: Tree
    reach: int | None


Step = Callable[[Tree], Tree]

WEEKDAY = Tree("weekday", pl.col("time").dt.weekday().cast(pl.Float64))
LEAVES = [*(Tree(name, pl.col(name)) for name in (*PRICES, "volume")), Tree("hour", HOUR), WEEKDAY]


def trees(max_leaves: int = 6, *, endless: bool = True) -> st.SearchStrategy[Tree]:
    """Draw trees out of blocks that read the bar itself and earlier ones; `endless` ones among them or not."""
    blocks = sorted(POINTWISE | BACKWARD | (ENDLESS if endless else {}))

    def grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        joined = st.builds(Tree.joined, inner, inner, st.sampled_from(sorted(JOINED)))
        return joined | st.builds(Tree.under, inner, st.sampled_from(blocks), st.integers(1, 12))

    return st.recursive(st.sampled_from(LEAVES), grown, max_leaves=max_leaves)


@st.composite
def alive(draw: st.DrawFn) -> Tree:
    """Draw a tree with a look-back that moves at a bar whenever the price of that bar does.

    It is a price under steps that keep that so: strictly monotone maps, sums in which the bar has a weight, differences
    from earlier bars. What is added to it is squashed and never missing, so that it neither drowns a small change nor
    turns it into NaN.
    """
    return _climb(draw(st.sampled_from(LEAVES[:4])), draw(_steps("rolling_mean", "diff")))


@st.composite
def planted(draw: st.DrawFn) -> Planted:
    """Draw a tree that a leak cannot hide in, and a place on the way from a price to its top to plant one.

    The steps are those of `alive`, and averages that never forget. Above the leak differences are left out, for they
    would cancel a mean over all rows; every other step gives the newest value a weight. Together the
    steps below it read less than a day, because blocks over a day restart each day.
    """
    leak, k = draw(st.sampled_from(sorted(LEAKS))), draw(st.integers(1, 5))
    low = _climb(draw(st.sampled_from(LEAVES[:4])), draw(_steps("rolling_mean", "diff", "ewm_mean")))
    above = draw(_steps("rolling_mean", "ewm_mean"))
    return Planted(_climb(low, above), _climb(low.under(leak, k), above), k if leak in BOUNDED else None)


def _steps(*kinds: str) -> st.SearchStrategy[list[Step]]:
    """At most three steps through which a change of a bar shows at the bar; `kinds` are those over earlier bars."""
    blocks = st.sampled_from([*sorted(MONOTONE), *kinds])
    others = trees(max_leaves=3, endless="ewm_mean" in kinds)
    block = st.builds(lambda name, k: lambda tree: tree.under(name, k), blocks, st.integers(1, 5))
    summand = st.builds(lambda other: lambda tree: tree.joined(other.under("squash"), "+"), others)
    return st.lists(block | summand, max_size=3)


def _climb(tree: Tree, steps: list[Step]) -> Tree:
    """Put steps on a tree, one after another."""
    return reduce(lambda low, step: step(low), steps, tree)
