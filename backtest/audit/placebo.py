"""Level 5: where nothing can be known, the pipeline must show no skill. What shows some was told the answer.

Skill is the verdict's own test at a stricter level, adjusted for all models and worlds, and believed only if it shows
again in a second draw of the same world. It finds what changes no forecast, such as targets put beside the wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backtest.aligned import align
from backtest.audit.kinds import PLACEBO
from backtest.audit.seal import Sample
from backtest.audit.subject import Subject
from backtest.audit.worlds import WORLDS
from backtest.pairing import pair
from backtest.robustness import against_zero
from backtest.significance.multiplicity import holm
from backtest.tasks import Task
from data.audit import Leak, Level
from data.names import PRIMARY, REFERENCES
from models import MODELS
from reports.formats import counted

NAME = "placebo"
ALPHA = 0.001


@dataclass(frozen=True, slots=True)
class Shown:
    """What a model showed in a world: skill against zero, and how likely that is by chance."""

    world: str
    model: str
    skill: float
    p_value: float


def placebo(subject: Subject, sample: Sample, seed: int = 0) -> Level:
    """Walk through worlds without anything to know, and look for skill."""
    shown = [one for world in WORLDS for one in walk(subject, sample, world, seed)]
    adjusted = holm([one.p_value for one in shown])
    leaks = []
    for one, p_adjusted in zip(shown, adjusted, strict=True):
        if p_adjusted <= ALPHA and one.skill > 0:
            again = [other for other in walk(subject, sample, one.world, seed + 1) if other.model == one.model]
            if any(other.p_value <= ALPHA and other.skill > 0 for other in again):
                leaks.append(_leak(one))
    models = len({one.model for one in shown})
    checked = f"{counted(models, 'model')} in {counted(len(WORLDS), 'world')} without a signal"
    return Level(5, NAME, checked, tuple(leaks))


def walk(subject: Subject, sample: Sample, world: str, seed: int) -> list[Shown]:
    """What each model shows in one draw of a world, cheap ones in their folds and networks in theirs."""
    features = WORLDS[world](subject, np.random.default_rng([seed, len(world)]))
    prepared = replace(subject.prepared, features=features, rows=subject.rows(features))
    other = replace(subject, prepared=prepared)
    networks = [model for model in subject.config.all_models if MODELS[model].seeded]
    cheap = [model for model in subject.config.all_models if model not in networks]
    shown = _shown(other, {model: sample.of(subject, model) for model in cheap}, sample, world)
    if networks:
        tasks = {model: sample.of(subject, model) for model in networks}
        folds = {task.fold.index for task in tasks[networks[0]]}
        for model in REFERENCES:
            tasks[model] = [task for task in subject.tasks(model) if task.fold.index in folds]
        shown += [one for one in _shown(other, tasks, sample, world) if one.model in networks]
    return shown


def _shown(subject: Subject, tasks: Mapping[str, Sequence[Task]], sample: Sample, world: str) -> list[Shown]:
    """Fit, gather and test the tasks of some models; a model whose test is undefined shows nothing."""
    every = [task for own in tasks.values() for task in own]
    found = {task.key: subject.fitted(subject.prepared.rows, task, sample.epochs).forecasts for task in every}
    prepared = replace(subject.prepared, tasks=tuple(every))
    forecasts = subject.gather(prepared, lambda task: found[task.key])
    (aligned,) = align(pair(forecasts))
    shown = {model: against_zero(aligned, model) for model in aligned.models if model != PRIMARY["baseline"]}
    return [
        Shown(world, model, one["skill"], one["p_value"]) for model, one in sorted(shown.items()) if "p_value" in one
    ]


def _leak(one: Shown) -> Leak:
    skill = f"{one.skill:+.2%} against zero, p = {one.p_value:.1g}, and again in a second draw, with {one.world}"
    return PLACEBO.leak(f"model {one.model}", skill=skill)
