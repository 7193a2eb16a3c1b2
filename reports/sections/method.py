"""How the run was made, and how to make it again."""

from __future__ import annotations

from reports.blocks import Block, Code, Details, Facts, Files, Heading, Text
from reports.formats import count, decimal, duration
from reports.result import Result

FILES = {
    "forecasts.parquet": "every forecast beside what came, per model, seed and fold",
    "scores.parquet": "all metrics, per fold and over all folds, per seed and for the mean over seeds",
    "tests.parquet": "all tests against zero and naive",
    "folds.parquet": "the spans of every fold",
    "fits.parquet": "the loss of every epoch of every fit",
    "features.parquet": "the features and targets",
    "config.toml": "the settings as used",
    "verdict.json": "the verdict, with what it rests on",
    "manifest.json": "how the run was made, with the SHA-256 of every file",
}


def method(result: Result) -> tuple[Block, ...]:
    """How was it done, and how do I repeat it? Method, command, settings, versions, hardware and files."""
    manifest = result.manifest
    listed = tuple((name, text) for name, text in FILES.items() if name in manifest.files or name == "manifest.json")
    return (
        Heading("Everything needed to repeat this run", "How was it done, and how do I repeat it?"),
        Text(METHOD),
        Code(manifest.command, "The command"),
        Details("The settings as used", Code(result.config, "config.toml")),
        Facts(facts(result)),
        Files(listed),
    )


METHOD = (
    "The models walk forward through time: in each fold they are fitted on the past alone, then forecast, from every "
    "bar of the test span, the log return over the bars ahead. A network is fitted once for each seed and its forecast "
    "is the mean over the seeds. All models forecast exactly the same rows. Zero says that the price will not move, "
    "naive repeats the last return."
)


def facts(result: Result) -> tuple[tuple[str, str], ...]:
    """Return when, where and with what the run was made."""
    manifest, machine, tasks = result.manifest, result.manifest.hardware, result.manifest.tasks
    fits = f"{count(tasks.total, 'fit')}, {duration(tasks.seconds)} together, on {count(tasks.workers, 'worker')}"
    return (
        ("Started", f"{manifest.started:%Y-%m-%d %H:%M} UTC"),
        ("Took", duration(manifest.seconds)),
        ("Fits", fits),
        ("Machine", f"{machine.cpu}, {count(machine.cores, 'core')}, {decimal(machine.memory_gib, 1)} GiB"),
        ("Device", machine.device),
        ("Versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
        ("SHA-256 of the settings", manifest.config_sha256),
    )
