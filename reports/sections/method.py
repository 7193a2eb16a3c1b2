"""How the run was made, and how to make it again."""

from __future__ import annotations

from backtest.data.records.audit import AUDIT
from backtest.data.records.verdict import Verdict
from backtest.data.result_tables import RUN_TABLES, SEEDS
from backtest.data.run_files import MANIFEST, SETTINGS, VERDICT
from backtest.data.schema import FEATURES
from backtest.reports.blocks import Block, Code, Details, Facts, Files, Heading, Text
from backtest.reports.formats import SPACE, counted, decimal, duration, level, listed, whole
from backtest.reports.run import RunResult
from backtest.reports.sections.formulas import FORMULAS, SIGNS
from backtest.reports.summary import adjustment

FILES = {table.file: table.meaning for table in (*RUN_TABLES, FEATURES)} | {
    SETTINGS: "the settings as used",
    VERDICT: "the verdict, with what it rests on",
    AUDIT: "what the leak audit checked and found",
    MANIFEST: "how the run was made, with the SHA-256 of every file",
}
"""What a run folder holds beside its report."""


def method(result: RunResult) -> tuple[Block, ...]:
    """How was it done, and how do I repeat it? Method, command, settings, versions, hardware and files."""
    manifest = result.manifest
    files = tuple((name, text) for name, text in FILES.items() if name in manifest.files or name == MANIFEST)
    return (
        Heading("Everything needed to repeat this run", "How was it done, and how do I repeat it?"),
        Text(METHOD),
        Facts(terms(result.verdict)),
        Details("The formulas, with their sources", (Text(SIGNS), Facts(tuple(FORMULAS.items())))),
        Code(manifest.command, "The command"),
        Details("The settings as used", (Code(result.config, SETTINGS),)),
        Facts(facts(result)),
        Files(files),
    )


METHOD = (
    "The models walk forward through time: in each fold they are fitted on the past alone, then forecast, from every "
    "bar of the test span, the log return over the bars ahead. A network is fitted once for each seed and its forecast "
    "is the mean over the seeds. All models forecast exactly the same rows. Zero says that the price will not move, "
    "naive repeats the last return."
)


def terms(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """Return in plain words what the verdict and its numbers are."""
    tried = verdict.configurations
    family = (
        "the family of all p-values for a smaller squared error than zero's: every model but zero and naive, at every "
        f"horizon, in every configuration tried on these bars, together {counted(verdict.comparisons, 'p-value')}"
    )
    others = (
        "Nothing else on these bars"
        if tried == 1
        else f"{counted(tried, 'configuration')} on these bars, with this one"
    )
    return (
        ("The test", TEST),
        ("The level", f"A claim is made where its adjusted p is at most {level(verdict.alpha)}."),
        ("The adjusted p", f"{adjustment(verdict)}'s adjustment, over {family}."),
        ("Tried so far", f"{others}, as far as the ledger beside the runs knows."),
        ("The 95 % interval", INTERVAL),
        ("Would have shown", DETECTABLE),
        ("Fragile", FRAGILE),
    )


TEST = (
    "Diebold-Mariano: is the model's squared error smaller than zero's by more than chance would make it? One-sided, "
    "over all folds together, on the mean over seeds. The critical values are those of Kiefer and Vogelsang (fixed-b): "
    "they count that the variance, too, is only an estimate, from forecasts that depend on each other."
)
INTERVAL = (
    "All skills that the same test, two-sided, does not reject: it holds the true skill in 95 of 100 samples like "
    "this one."
)
DETECTABLE = (
    f"The smallest true gain on zero that a sample like this shows in 4 of 5 cases (80{SPACE}% power), as a share of "
    "zero's squared error, at the level that the adjustment leaves. It may lie beyond the interval, because forecasts "
    "that gain more also vary more. A smaller gain may be there without showing."
)
FRAGILE = "Said of a claim that one fold carries: without that fold its adjusted p is above the level."


def seeds(result: RunResult) -> str:
    """Return the numbers of the seeds that the fits were drawn from."""
    numbers = sorted({one.seed for one in result.rows(SEEDS)})
    return f"{listed([whole(number) for number in numbers], 20)}, for each network" if numbers else "none was needed"


def facts(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return when, where and with what the run was made."""
    manifest, machine, tasks = result.manifest, result.manifest.hardware, result.manifest.tasks
    fits = f"{counted(tasks.total, 'fit')}, {duration(tasks.seconds)} together, on {counted(tasks.workers, 'worker')}"
    return (
        ("Started", f"{manifest.started:%Y-%m-%d %H:%M} UTC"),
        ("Took", duration(manifest.seconds)),
        ("Fits", fits),
        ("Seeds", seeds(result)),
        ("Machine", f"{machine.cpu}, {counted(machine.cores, 'core')}, {decimal(machine.memory_gib, 1)} GiB"),
        ("Device", machine.device),
        ("Versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
        ("SHA-256 of the settings", manifest.config_sha256),
    )
