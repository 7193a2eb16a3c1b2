"""The table of features, how a function joins it, and how a setting such as "rolling_mean_24" becomes expressions."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

import polars as pl

from backtest.data.errors import ConfigError
from backtest.data.schema import FEATURES as FEATURES_TABLE

Function = Callable[..., pl.Expr | Mapping[str, pl.Expr]]
Registered = TypeVar("Registered", bound=Function)
Spec = str | Mapping[str, object]

FEATURES: dict[str, Feature] = {}

KEYS = ("symbol", "time", "known_at")
"""Columns that are the same whichever asset a feature is of."""


@dataclass(frozen=True, slots=True)
class Feature:
    """An entry of FEATURES: `lookback` is how many EARLIER bars, before its own, a value may read.

    `tolerance` is how far, in standard deviations of the feature, it may still depend on bars before those.
    `logarithm` says that minus infinity is a value, the logarithm of zero.
    """

    name: str
    function: Function
    lookback: int | Callable[..., int]
    requires: tuple[str, ...] | Callable[..., Sequence[str]] = ()
    tolerance: float = 0.0
    logarithm: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        """What two registrations of the same code share, even when their module was imported again."""
        codes = [getattr(part, "__code__", part) for part in (self.function, self.lookback, self.requires)]
        return *codes, getattr(self.function, "__defaults__", None), self.tolerance, self.logarithm


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """A feature with its parameters: named expressions, their look-back, and what `Feature` says of it.

    `of` names the asset of the context whose columns the expressions read in place of the bars' own.
    """

    function: Function
    columns: tuple[str, ...]
    exprs: tuple[pl.Expr, ...]
    lookback: int
    requires: tuple[str, ...]
    tolerance: float = 0.0
    logarithm: bool = False
    of: str = ""

    @property
    def outside(self) -> tuple[str, ...]:
        """Names of the outside series that it reads."""
        return tuple(sorted({name.partition(".")[0] for name in self.requires if "." in name}))


def feature(
    *,
    lookback: int | Callable[..., int],
    requires: Sequence[str] | Callable[..., Sequence[str]] = (),
    name: str | None = None,
    tolerance: float = 0.0,
    logarithm: bool = False,
) -> Callable[[Registered], Registered]:
    """Register a function that returns an expression, or several by suffix, as a feature; it stays a plain function.

    `lookback` is a number of earlier bars, or a function of the feature's parameters that returns it; `requires` names
    the columns it reads beyond the obligatory ones, or is such a function that does: optional ones of BARS, further
    ones of a file, or `funding.rate` of an external series.
    `tolerance` is how far, in standard deviations of the feature, a value may still depend on bars before its
    look-back: an average with exponential weights never forgets entirely. 0: not at all.
    A `logarithm` may be minus infinity, that of zero: each fit counts it as the smallest value of its training rows,
    where any other feature has no value and its row is lost.
    Raises ConfigError when other code has that name already, or for a tolerance that is negative or not finite. A cell
    of a notebook may define its feature again.

    >>> import backtest as bt
    >>> import polars as pl
    >>> @bt.feature(lookback=lambda window: window)
    ... def drawdown(window: int = 24) -> pl.Expr:
    ...     return (pl.col("close") / pl.col("close").rolling_max(window + 1)).log()
    >>> bt.assert_causal("drawdown_48", bt.load_bars("synthetic:n=300"))
    """

    def register(function: Registered) -> Registered:
        needed = requires if callable(requires) else tuple(requires)
        entry = Feature(name or function.__name__, function, lookback, needed, tolerance, logarithm)
        if not 0 <= tolerance < math.inf:
            raise ConfigError(
                f"features: {entry.name}: tolerance: must be a finite number of standard deviations, at least 0 "
                f"(got {tolerance})"
            )
        known = FEATURES.setdefault(entry.name, entry)
        if known.identity != entry.identity:
            check_redefinition("features", entry.name, function, known.function)
            FEATURES[entry.name] = entry
        return function

    return register


def check_redefinition(kind: str, name: str, new: Callable[..., object], known: Callable[..., object]) -> None:
    """Raise ConfigError if other code has the `name` already, unless both are of an interactive session.

    A notebook's cell may be changed and run again; in modules, two functions of one name are a mistake.
    """
    if not new.__module__ == known.__module__ == "__main__":
        raise ConfigError(
            f"{kind}: {name} of module {new.__module__} is taken by other code in module {known.__module__}: "
            "give one of them another name"
        )


def at_least(minimum: int, **parameters: int) -> None:
    """Raise ConfigError unless each of `parameters` is at least `minimum`."""
    for name, value in parameters.items():
        if value < minimum:
            raise ConfigError(f"{name}: must be at least {minimum} (got {value})")


def resolve(specs: Sequence[Spec]) -> tuple[Resolved, ...]:
    """Turn settings, `"rolling_mean_24"` or `{"name": "rolling_mean", "window": 24}`, into expressions, in order.

    What a feature reads follows a dot: `"change_5.spread"` is `{"name": "change", "bars": 5, "column": "spread"}`, and
    `"series.funding.rate"` the column `rate` of the outside series `funding`. A column is named after its feature and
    the parameters that were given, so a string names its own column. `{"name": "momentum", "k": 5, "of": "ETH"}` is the
    feature of another asset of the context, in the column `momentum_5_of_ETH`.
    Raises ConfigError for an unknown name, an unusable parameter, one feature twice, or a column name that is taken.
    """
    resolved: list[Resolved] = []
    spelled: dict[tuple[str, str], Spec] = {}
    taken = set(FEATURES_TABLE.names)
    for spec in specs:
        entry, given, of = _bind(spec)
        key = entry.name, f"{_complete(given)} of {of}"
        if key in spelled:
            raise ConfigError(f"features: {spec!r} is the same feature as {spelled[key]!r}: remove one of them")
        spelled[key] = spec
        resolved.append(_express(spec, entry, given, of))
        for column in resolved[-1].columns:
            if column in taken or column.startswith("y_"):
                raise ConfigError(f"features: {spec!r} makes a column {column}, a name that is taken: rename it")
        taken.update(resolved[-1].columns)
    return tuple(resolved)


def _bind(spec: Spec) -> tuple[Feature, inspect.BoundArguments, str]:
    """Find the feature that `spec` names, bind the parameters that it gives, and return the asset that it is of."""
    named = {} if isinstance(spec, str) else dict(spec)
    name, values = _split(spec) if isinstance(spec, str) else (str(named.pop("name", "")), [])
    if name not in FEATURES and isinstance(spec, str) and "." in spec:
        head, _, column = spec.partition(".")
        name, values, named = *_split(head), {"column": column}
    if name not in FEATURES:
        near = get_close_matches(name.partition(".")[0].rstrip("_0123456789"), FEATURES) or sorted(FEATURES)
        raise ConfigError(
            f"features: {spec!r} is not known; nearest: {', '.join(near)}; `backtest list` shows them all, "
            "and `plugins` names the modules that define more"
        )
    signature, of = inspect.signature(FEATURES[name].function), named.get("of", "")
    if not isinstance(of, str):
        raise ConfigError(f"features: {spec!r}: of: must be the name of an asset in context.symbols (got {of!r})")
    try:
        given = {key: value for key, value in named.items() if key != "of" or key in signature.parameters}
        return FEATURES[name], signature.bind(*values, **given), of
    except TypeError as error:
        usage = ", ".join(signature.parameters) or "none"
        raise ConfigError(f"features: {spec!r}: {error}; parameters of {name}: {usage}") from None


def _split(text: str) -> tuple[str, list[int | float]]:
    """Split `text` into the longest registered name and the numbers that follow it; (text, []) if there is none."""
    name, values = text, list[int | float]()
    while name and name not in FEATURES:
        name, _, last = name.rpartition("_")
        if not last.replace(".", "", 1).isdecimal():
            return text, []
        values.insert(0, float(last) if "." in last else int(last))
    return name, values


def _express(spec: Spec, entry: Feature, given: inspect.BoundArguments, of: str) -> Resolved:
    """Call the feature's function and its look-back with all parameters, and name the columns."""
    parameters = _complete(given).arguments
    for name, value in parameters.items():
        default = given.signature.parameters[name].default
        if isinstance(default, int) and type(value) is not type(default):
            raise ConfigError(f"features: {spec!r}: {name}: must be {type(default).__name__} (got {value!r})")
    try:
        made = entry.function(**parameters)
        lookback = entry.lookback(**parameters) if callable(entry.lookback) else entry.lookback
        at_least(0, lookback=lookback)
        requires = tuple(entry.requires(**parameters)) if callable(entry.requires) else entry.requires
    except (ConfigError, TypeError, ValueError) as error:
        raise ConfigError(f"features: {spec!r}: {error}") from error
    named = made if isinstance(made, Mapping) else {"": made}
    names = [name for name in parameters if name != "of"]
    # a column has the parameters up to the last that was given, as settings write it
    count = max((names.index(name) + 1 for name in given.arguments if name != "of"), default=0)
    values = [parameters[name] for name in names[:count]]
    stem = entry.name + "".join(f"{'.' if isinstance(value, str) else '_'}{value}" for value in values)
    tail = f"_of_{of}" if of else ""
    columns = tuple(f"{stem}_{suffix}{tail}" if suffix else f"{stem}{tail}" for suffix in named)
    exprs = tuple(expr.alias(column) for column, expr in zip(columns, named.values(), strict=True))
    whose = "" if "of" in parameters else of
    if whose:
        read = dict.fromkeys((*requires, *(name for expr in named.values() for name in expr.meta.root_names())))
        requires = tuple(name if "." in name else f"{whose}.{name}" for name in read if name not in KEYS)
    return Resolved(entry.function, columns, exprs, lookback, requires, entry.tolerance, entry.logarithm, whose)


def _complete(given: inspect.BoundArguments) -> inspect.BoundArguments:
    """Return `given` with the defaults filled in."""
    complete = given.signature.bind(*given.args, **given.kwargs)
    complete.apply_defaults()
    return complete
