"""What `backtest list` shows: settings, presets, data, features, models, metrics, tests, sections and executors."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from backtest.data.combinations import COMBINATIONS
from backtest.data.losses import LOSSES, metric_of
from backtest.data.reading.built_in import BUILT_IN
from backtest.data.targets import LOG_VARIANCE_OF, SERIES_OF, TARGETS, target_of
from backtest.evaluation.metrics import METRICS
from backtest.features import FEATURES
from backtest.models import MODELS
from backtest.reports.sections import SECTIONS
from backtest.reports.wording.question import words_of_loss
from backtest.significance.joint_tests import HORIZON_TESTS, JOINT_TESTS
from backtest.significance.table import TESTS
from backtest.walk.config_file import all_settings, presets
from backtest.walk.executors import EXECUTORS

Rows = list[tuple[str, str]]

SKILL = ("skill_<reference>", "1 - mean loss / mean loss of the reference, such as skill_zero")


def entries() -> dict[str, Rows]:
    """Rows (name, summary) of each table, by its title."""
    return {
        "settings [with defaults]": settings(),
        "presets": [(name, text.partition("\n")[0].removeprefix("# ")) for name, text in presets().items()],
        "built-in data": _described(BUILT_IN),
        "targets": targets(),
        "features": [(name, first_line(entry.function)) for name, entry in FEATURES.items()],
        "models": [(name, entry.doc) for name, entry in MODELS.items()],
        "combinations": [(name, entry.doc) for name, entry in COMBINATIONS.items()],
        "losses": losses(),
        "metrics": [
            *((metric_of(name), mean) for name, mean in losses()),
            *((name, metric.summary) for name, metric in METRICS.items()),
            SKILL,
        ],
        "tests of one model": [(name, test.asks) for name, test in TESTS.items()],
        "tests of all models": [(name, test.asks) for name, test in JOINT_TESTS.items()],
        "tests over several horizons": [(name, test.asks) for name, test in HORIZON_TESTS.items()],
        "report sections": _described(SECTIONS),
        "executors": _described(EXECUTORS),
    }


def targets() -> Rows:
    """Every target, those about a column under the name that stands for it, with its loss and its rival."""
    found = TARGETS | {name: target_of(name) for name in (f"{LOG_VARIANCE_OF}NAME", f"{SERIES_OF}NAME")}
    return [(name, f"{one.title}; {one.losses[0]} loss, against {one.rival}") for name, one in found.items()]


def losses() -> Rows:
    """Every loss with what its mean is."""
    words = {name: words_of_loss(name) for name in LOSSES}
    return [(name, one.meaning or one.mean) for name, one in words.items()]


def settings() -> Rows:
    """Every setting by its dotted name, with its meaning and its default in brackets."""
    rows: Rows = []
    own = [all_settings(entry.settings, f"model.{name}.") for name, entry in MODELS.items() if entry.settings]
    for name, field in chain(all_settings().items(), *(fields.items() for fields in own)):
        default = "required" if field.is_required() else field.default
        shown = (
            ", ".join(map(str, default)) or "none"
            if isinstance(default, tuple)
            else "none"
            if default in (None, {})
            else default
        )
        rows.append((name, f"{field.description} [{shown}]"))
    return rows


def first_line(thing: object) -> str:
    """First line of a docstring."""
    return (thing.__doc__ or "").strip().partition("\n")[0]


def _described(table: Mapping[str, object]) -> Rows:
    return [(name, first_line(entry)) for name, entry in table.items()]
