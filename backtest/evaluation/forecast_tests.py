"""From forecasts to the tables of tests: every model against every baseline, all at once, and along the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product

import polars as pl

from backtest.data import result_tables, schema
from backtest.data.errors import UndefinedTest
from backtest.data.names import BEST, MAX_T
from backtest.data.question import names_for
from backtest.evaluation.loss_panel import LossPanel
from backtest.evaluation.robustness import skill_of
from backtest.significance.best_baseline import best_of_baselines
from backtest.significance.joint_tests import HORIZON_TESTS, JOINT_TESTS
from backtest.significance.multiple_testing import adjustment_of, holm
from backtest.significance.primary import PrimaryTest
from backtest.significance.result import Alternative, TestResult
from backtest.significance.stability import fluctuation
from backtest.significance.table import TESTS, ForecastTest, Sample

FAMILY = ["test", "loss", "baseline", "alternative"]
"""Tests that agree in these columns are one family for the adjustment of p-values: one pooled, one of the folds.

Its members are all models but the references, at all horizons, and in folds every fold of each. A member whose test is
undefined makes no claim, has no p-value and does not count. The verdict adjusts its own test over more than one run:
see `verdict.multiple_testing`.
"""

SEED = 0
"""Of the bootstrap of the tests of all models at once."""

POINTS = 1000
"""At most so many points of each fluctuation path are kept, its extreme among them."""


def compare(panels: Sequence[LossPanel], adjustment: str = MAX_T) -> pl.DataFrame:
    """TESTS: every test of every model against the baselines, over all folds and for some in each fold.

    An undefined test keeps its row, with nulls, and `note` holds the message of the error that says why: the one text
    among the numbers. `adjustment`, of pooled tests, is one of MULTIPLICITY; tests of folds are adjusted by Holm.
    """
    rows: list[dict[str, object]] = []
    question = panels[0].question
    tests = {name: TESTS[name] for name in names_for(question.target, "tests", TESTS)}
    in_folds = {name: test.fold for name, test in tests.items() if test.fold}
    for panel in panels:
        rows += _rows_of(panel, None, {name: test.pooled for name, test in tests.items()})
        rows += _rows_of_best(panel) if question.rival == BEST else ()
        for number in panel.folds if in_folds else []:
            rows += _rows_of(panel.part(panel.fold == number), number, in_folds)
    found = pl.DataFrame(rows, schema=result_tables.TESTS.dtypes)
    in_family = ~pl.col("model").is_in(question.references) & pl.col("p_value").is_not_null()
    adjusted = [
        family.with_columns(p_adjusted=pl.Series(adjust(family["p_value"])))
        for where, adjust in (
            (pl.col("fold").is_null(), adjustment_of(adjustment)),
            (pl.col("fold").is_not_null(), holm),
        )
        for family in found.filter(in_family & where).partition_by(FAMILY)
    ]
    table = pl.concat([found.filter(~in_family), *adjusted])
    order = ["test", "loss", "horizon", "model", "baseline", "fold", "alternative"]
    return schema.check(table.sort(order, nulls_last=True), result_tables.TESTS)


def compare_jointly(panels: Sequence[LossPanel], alpha: float) -> pl.DataFrame:
    """JOINT: the tests of all models at once, on the primary loss against the rival, and some on every other loss.

    With several panels, one for each horizon, also the tests of each model at all horizons together; `horizon` is null.
    """
    rows: list[dict[str, object]] = []
    for panel in panels:
        asked, rival = panel.question, panel.rival
        common = {"horizon": panel.horizon, "n": panel.rival_loss().size}
        for (name, test), loss in product(JOINT_TESTS.items(), asked.losses):
            if loss != asked.loss and not test.every_loss:
                continue
            losses = {model: panel.loss(model, loss) for model in panel.models}
            about = {"test": name, "title": test.title, "asks": test.asks, "loss": loss, **common}
            try:
                found = test.run(losses, baseline=rival, horizon=panel.horizon, alpha=alpha, seed=SEED)
            except UndefinedTest as error:
                rows.append({**about, "note": str(error)})
                continue
            rows += [{**about, **asdict(row)} for row in found]
    if len(panels) > 1:
        rows += _over_horizons(panels)
    return schema.check(pl.DataFrame(rows, schema=result_tables.JOINT.dtypes), result_tables.JOINT)


def _over_horizons(panels: Sequence[LossPanel]) -> Iterator[dict[str, object]]:
    """Rows of the tests of each model but the rival at all horizons together."""
    question = panels[0].question
    rivals, rival = {panel.rival for panel in panels}, {panel.horizon: panel.rival_loss() for panel in panels}
    for (name, test), model in product(HORIZON_TESTS.items(), panels[0].models):
        if model in rivals:
            continue
        named = {"test": name, "title": test.title, "asks": test.asks, "loss": question.loss, "model": model}
        about: dict[str, object] = {**named, "n": panels[0].rival_loss().size}
        try:
            p_value, note = test.run({panel.horizon: panel.loss(model) for panel in panels}, rival, SEED)
        except UndefinedTest as error:
            yield {**about, "note": str(error)}
            continue
        yield {**about, "p_value": p_value, "note": note}


def fluctuation_paths(panels: Sequence[LossPanel]) -> pl.DataFrame:
    """FLUCTUATION: the path of the fluctuation test of each model against the rival; none where it is undefined.

    On `LossPanel.steady_loss`: on squared errors of returns one turbulent year would set the scale for all others.
    """
    frames = [pl.DataFrame(schema=result_tables.FLUCTUATION.dtypes)]
    for panel in panels:
        frames += [_path(panel, model) for model in panel.models if model != panel.rival]
    return schema.check(pl.concat(frames), result_tables.FLUCTUATION)


def _path(panel: LossPanel, model: str) -> pl.DataFrame:
    """The path of one model, thinned to what a picture can show."""
    try:
        losses = panel.loss(model, panel.steady_loss), panel.rival_loss(panel.steady_loss)
        found = fluctuation(*losses, horizon=panel.horizon)
    except UndefinedTest:
        return pl.DataFrame(schema=result_tables.FLUCTUATION.dtypes)
    points = pl.DataFrame({"time": panel.times[found.centres], "statistic": found.path}).with_row_index("place")
    step = -(-points.height // POINTS)
    extreme = int(points["statistic"].abs().arg_max() or 0)
    place = pl.col("place")
    kept = points.filter((place % step == 0) | place.is_in([extreme, points.height - 1]))
    constants = {"model": pl.lit(model), "horizon": pl.lit(panel.horizon), "band": pl.lit(found.band)}
    typed = kept.with_columns(pl.col("time").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"), **constants)
    return typed.select(pl.col(name).cast(dtype) for name, dtype in result_tables.FLUCTUATION.dtypes.items())


def _rows_of(
    panel: LossPanel, fold: int | None, asked: Mapping[str, Sequence[Alternative]]
) -> Iterator[dict[str, object]]:
    """Rows of the tests and alternatives that are asked of these forecasts; each skill is worked out once."""
    effects: dict[tuple[str, str, str], dict[str, float]] = {}
    common = {"fold": fold, "horizon": panel.horizon, "n": panel.rival_loss().size}
    for name, alternatives in asked.items():
        test = TESTS[name]
        named = {"test": name, "title": test.title, "of_skill": test.of_skill, "asks": test.asks, **common}
        asked_of = test.asked_of(panel.question, panel.rival, panel.tested_losses)
        for loss, baseline, model in product(*asked_of, panel.models):
            if model == baseline:
                continue
            sample = panel.sample(model, baseline, loss)
            if (loss, baseline, model) not in effects:
                effects[loss, baseline, model] = (
                    _effect(sample, panel.primary_test, of_fold=fold is not None) if loss in panel.tested_losses else {}
                )
            about = {**named, "loss": loss, "baseline": baseline, "model": model, **effects[loss, baseline, model]}
            for alternative in alternatives:
                gate = test.gate if fold is not None else None
                yield {**about, "alternative": alternative, **_outcome(test, sample, alternative, gate)}


def _rows_of_best(panel: LossPanel) -> Iterator[dict[str, object]]:
    """Rows of the primary test against the best baseline, both ways; skill and interval are against that one.

    They stand there under the name `best`, as the baseline of the claim.
    """
    question, primary, test = panel.question, panel.primary_test, TESTS[panel.question.test]
    about = {"title": test.title, "of_skill": test.of_skill, "asks": test.asks, "horizon": panel.horizon}
    candidates = [model for model in panel.models if model not in question.references]
    for loss, model in product(panel.primary_losses, candidates):
        named = {**about, **question.primary, "loss": loss, "model": model, "n": panel.times.size}
        named |= _effect(panel.sample(model, panel.rival, loss), primary)
        try:
            losses = panel.loss(model, loss), panel.rival_losses(loss)
            found = best_of_baselines(*losses, horizon=panel.horizon, test=primary.run)
        except UndefinedTest as error:
            yield from ({**named, "alternative": side, "note": str(error)} for side in ("less", "greater"))
            continue
        for result in (found.better, found.worse):
            yield {**named, "alternative": result.alternative, **_numbers(result)}


def _outcome(
    test: ForecastTest, sample: Sample, alternative: Alternative, gate: PrimaryTest | None
) -> dict[str, object]:
    """Statistic, p-value, number of values, lags and note; the reason alone where the test is undefined.

    It is, too, where the `gate` asks for more losses.
    """
    try:
        if gate:
            gate.require(sample.losses[0].size, sample.horizon)
        return _numbers(test.run(sample, alternative))
    except UndefinedTest as error:
        return {"note": str(error)}


def _numbers(result: TestResult) -> dict[str, object]:
    """What the columns of TESTS hold of a result."""
    return {name: getattr(result, name) for name in ("statistic", "p_value", "n", "lags", "note")}


def _effect(sample: Sample, primary: PrimaryTest, *, of_fold: bool = False) -> dict[str, float]:
    """Skill and its interval, that of the primary test, or what of them is defined, and in a fold shown."""
    model, baseline = sample.losses
    try:
        if of_fold:
            primary.require(model.size, sample.horizon)
        skill = primary.interval(model, baseline, horizon=sample.horizon)
    except UndefinedTest:
        return skill_of(model, baseline)
    return {"skill": skill.value, "skill_low": skill.low, "skill_high": skill.high}
