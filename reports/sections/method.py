"""How the run was made, on what data, and how to repeat it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from backtest.data.names import Scale, label
from backtest.data.question import Question
from backtest.data.records.audit import AUDIT
from backtest.data.records.manifest import SeriesCard
from backtest.data.records.verdict import Verdict
from backtest.data.result_tables import RUN_TABLES, SEEDS
from backtest.data.run_files import MANIFEST, SETTINGS, VERDICT
from backtest.data.schema import FEATURES
from backtest.reports.blocks import Block, Code, Details, Facts, Files, Heading, Text
from backtest.reports.formats import SPACE, bars, counted, day, decimal, duration, level, listed, moment, whole
from backtest.reports.run import RunResult
from backtest.reports.sections.scores import adjustment
from backtest.reports.wording.formulas import SIGNS, formulas_of
from backtest.reports.wording.proxy import proxy_text, returns_behind
from backtest.reports.wording.question import capital, fill
from backtest.reports.wording.terms import OF_MODELS

FILES = {table.file: table.meaning for table in (*RUN_TABLES, FEATURES)} | {
    SETTINGS: "the settings as used",
    VERDICT: "the verdict and the numbers behind it",
    AUDIT: "what the leak audit checked and found",
    MANIFEST: "how the run was made, with the SHA-256 of every file",
}
"""The files of a run folder besides its report."""


def method(result: RunResult) -> tuple[Block, ...]:
    """How was it done, and how can I repeat it? Method, command, settings, versions, hardware and files."""
    manifest, formulas = result.manifest, tuple(formulas_of(result.question, result.rival).items())
    files = tuple((name, text) for name, text in FILES.items() if name in manifest.files or name == MANIFEST)
    return (
        Heading("Everything needed to repeat this run", "How was it done, and how can I repeat it?"),
        Text(" ".join(filter(None, (method_text(result), proxy_text(result.question.about, manifest.data))))),
        Facts((*of_horizons(result), *of_models(result), *terms(result.verdict))),
        Details("The formulas, with their sources", (Text(result.fill(SIGNS)), Facts(formulas))),
        Code(manifest.command, "The command"),
        Details("The settings as used", (Code(result.config, SETTINGS),)),
        Facts(facts(result)),
        Files(files),
    )


METHOD = (
    "Walk-forward evaluation: in each fold the models are fitted on past data only and then forecast, from every bar "
    "of the test period, the {outcome} over the next bars. A network is fitted once per seed, and its forecast is the"
    " mean over the seeds. All models forecast exactly the same rows."
)
CLIP = (
    "Networks and ridge see no input beyond the range of their training rows, widened at each end by {share} of it "
    "(train.clip), and forecast nothing beyond the training outcomes."
)
SCALES: dict[Scale, str] = {
    "variance": (
        "Networks, linear models and models of your own forecast the logarithm f of the variance; it is turned back as "
        "exp(f + s2 / 2) with the residual variance s2, which is 0 for networks trained by QLIKE. A forecast above the "
        "largest variance that training, validation and its own window show becomes that one, one below the smallest "
        "the mean of its window; weighted means of past variances are left as they are."
    ),
    "probability": (
        "An outcome is 1 if the price is higher at the end and 0 if it is lower or the same. Networks, linear models "
        "and models of your own learn it, less its training mean, by squared error, which is the Brier score; with "
        "that mean their forecast is held within 1 / (2 n) and 1 − 1 / (2 n) of n training windows, so that no outcome "
        "is called impossible."
    ),
}
"""How models of any target take part where it is not a return."""


def method_text(result: RunResult) -> str:
    """Return how the walk is made, what is forecast, how inputs are held in range, and what the references are."""
    question = result.question
    clip = "" if result.clip == "off" else CLIP.format(share=level(result.clip))
    references = [
        fill(f"{capital(label(name))} {OF_MODELS[name]}.", question)
        for name in question.references
        if name in OF_MODELS
    ]
    scale = SCALES.get(question.about.scale, "")
    return " ".join(filter(None, [fill(METHOD, question), clip, *references, scale]))


def of_horizons(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return how several horizons are forecast and tested; nothing for one."""
    if len(result.horizons) == 1:
        return ()
    longest = bars([result.horizons[-1]])
    text = (
        f"{bars(result.horizons)}, forecast from the same bars: those whose outcome over {longest} is known. The gaps "
        f"of every fold are at least {longest} long; each test allows for the overlap of its own horizon."
    )
    return (("The horizons", text),)


def of_models(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return which settings single models have of their own, and which model goes by another name."""
    return tuple(
        (f"The settings of {label(name)}", own_settings(label(str(table.get("name", name))), table))
        for name, table in result.own_settings.items()
    )


def own_settings(model: str, table: Mapping[str, Any]) -> str:
    """Return the settings of one model in words: `LSTM with hidden = 16`."""
    fields = [f"{field} = {json.dumps(value)}" for field, value in table.items() if field != "name"]
    return f"{model} with {', '.join(fields)}" if fields else model


def terms(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """Return how the verdict and its numbers are defined."""
    tried = verdict.configurations
    family = (
        f"{counted(verdict.comparisons, 'p-value')} for a lower loss than the rival's: those of every model except the "
        "references, at every horizon, in every configuration tried on these bars"
    )
    others = (
        "Nothing else on these bars"
        if tried == 1
        else f"{counted(tried, 'configuration')} on these bars, including this one"
    )
    return (
        ("The test", fill(TEST + ROBUST.get(verdict.question.test, ""), verdict.question)),
        *best_baseline(verdict.question),
        ("The level", f"A claim is made if its adjusted p is at most {level(verdict.alpha)}."),
        ("The adjusted p", f"{adjustment(verdict)} adjustment over {family}."),
        ("Tried so far", f"{others}, according to the ledgers of the runs folder and of the user."),
        ("The 95 % interval", INTERVAL),
        ("Would have shown", fill(DETECTABLE, verdict.question)),
        ("Fragile", FRAGILE),
    )


def best_baseline(question: Question) -> tuple[tuple[str, str], ...]:
    """Return what it means to beat the best of the baselines; nothing for another rival."""
    names = listed([label(name) for name in question.baselines], len(question.baselines))
    return (("The best baseline", BEST_OF.format(names=names)),) if question.baselines else ()


BEST_OF = (
    "Baselines: {names}. A better model beats every one of them: its p is the largest of those against each "
    "(intersection-union test, Berger 1982), which allows for choosing the best. For a worse model it is the smallest, "
    "times their number (Bonferroni). Skill, interval and figures are against the baseline with the lowest mean loss "
    "on these forecasts, as if it had been known beforehand, which makes a model look slightly worse than it is."
)
TEST = (
    "One-sided {test} test of whether the model's {loss} is lower than that of {rival}, over all folds "
    "together, on the mean forecast over seeds. The critical values are those of Kiefer and Vogelsang (fixed-b), which"
    " allow for the uncertainty of the estimated long-run variance."
)
ROBUST = {
    "diebold_mariano_robust": (
        " Because losses of this kind are skewed or have fat tails, the claim must hold with and without Hall's "
        "correction for skewness, at a stricter critical value."
    )
}
"""What sets the test of some targets apart."""

INTERVAL = (
    "All values of the skill that the two-sided version of the test does not reject; it covers the true skill in 95 of "
    "100 samples like this one."
)
DETECTABLE = (
    f"The smallest true gain over {{rival}} that a sample like this one detects in 4 of 5 cases (80{SPACE}% power), as"
    f" a share of its {{loss}}, at the level after adjustment. It may lie outside the interval, because forecasts with"
    f" a larger gain also vary more. A smaller gain may exist without being detected."
)
FRAGILE = "A claim that depends on a single fold: without that fold its adjusted p is above the level."


def seeds(result: RunResult) -> str:
    """Return the seeds of the networks."""
    numbers = sorted({one.seed for one in result.rows(SEEDS)})
    return f"{listed([whole(number) for number in numbers], 20)}, for each network" if numbers else "none needed"


def facts(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return when, where and with what the run was made."""
    manifest, machine, tasks = result.manifest, result.manifest.hardware, result.manifest.tasks
    fits = f"{counted(tasks.total, 'fit')}, {duration(tasks.seconds)} in total, on {counted(tasks.workers, 'worker')}"
    return (
        ("Started", f"{manifest.started:%Y-%m-%d %H:%M} UTC"),
        ("Duration", duration(manifest.seconds)),
        ("Fits", fits),
        ("Seeds", seeds(result)),
        ("Machine", f"{machine.cpu}, {counted(machine.cores, 'core')}, {decimal(machine.memory_gib, 1)} GiB"),
        ("Device", machine.device),
        ("Versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
        ("SHA-256 of the settings", manifest.config_sha256),
    )


def data_card(result: RunResult) -> tuple[Block, ...]:
    """What data was used? Source, period, bars, holes and checksum."""
    card = result.manifest.data
    first, last = moment(card.start, card.interval), moment(card.end - card.interval, card.interval)
    title = f"{counted(card.bars, 'bar')} of {listed(card.symbols, 4)}, from {first[:10]} to {last[:10]}"
    market = (
        "trades around the clock" if card.always_open else "closes, and nights, weekends and holidays are not holes"
    )
    pairs = [
        ("Source", card.source),
        ("SHA-256 of the bars", card.sha256),
        (f"Symbols ({whole(len(card.symbols))})", listed(card.symbols, 20)),
        ("First and last bar", f"{first} and {last} UTC"),
        ("Bars", f"{whole(card.bars)} of {duration(card.interval_seconds)} each; the market {market}"),
        ("Holes", holes(result)),
        *returns_behind(card),
        *((f"Series {one.name}", of_series(one, card.bars)) for one in card.series),
        *([] if card.zero_volume_bars is None else [("Bars without volume", whole(card.zero_volume_bars))]),
        ("Incomplete bars", f"{whole(card.rows_lost)}: {INCOMPLETE}"),
        ("Test bars without a forecast", f"{whole(sum(fold.n_lost for fold in result.folds))}, for the same reasons"),
        (
            "Forecasts evaluated",
            f"{whole(result.origins.height)} of each model, {bars(result.horizons)} ahead",
        ),
    ]
    return Heading(title, "What data was used?"), Facts(tuple(pairs))


def of_series(card: SeriesCard, of_bars: int) -> str:
    """Return what an outside series is, when its values were known, and at how many of the bars none was."""
    missing = f"; {counted(card.missing, 'value')} missing" if card.missing else ""
    before = f", {whole(card.bars_before)} of them before its first" if card.bars_before else ""
    without = f"at the close of {whole(card.bars_without)} of {counted(of_bars, 'bar')} a value is missing{before}"
    return (
        f"{listed(card.columns)} of {card.source}, {counted(card.rows, 'row')} from {day(card.start)} to "
        f"{day(card.end)}{missing}; known {duration(card.median_lag_seconds)} after their time at the median, "
        f"{duration(card.longest_lag_seconds)} at most; {without if card.bars_without else 'every bar has its value'}; "
        f"SHA-256 {card.sha256}"
    )


INCOMPLETE = "too little history for a feature, a hole in the window, or the outcome not known yet"


def holes(result: RunResult) -> str:
    """Return how many holes there are and how long they are; none is filled."""
    card = result.manifest.data
    if not card.gaps:
        return "none"
    size = f"{counted(card.missing_bars, 'missing bar')}, the longest hole {counted(card.longest_gap_bars, 'bar')}"
    return f"{whole(card.gaps)}, together {size}; none was filled"
