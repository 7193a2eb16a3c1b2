"""A run folder in which every sentence is hostile, as one from a stranger may be; its checksums are right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import polars as pl

from data.audit import AUDIT
from data.runs import MANIFEST, VERDICT, file_sums, read_manifest, write_json, write_table
from data.schema import FITS, JOINT, TESTS

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</style></title><script src=//x.test/x.js>",
    "{{ 7 * 7 }}{% raw %}",
    "]](javascript:alert(1))",
    "![x](http://x.test/x.png)",
    "a | b ` c $x$ ~~d~~",
)
"""Names that a careless report would run, load or take for markup."""


def poison(run: Path) -> Path:
    """Put payloads where a finished run has questions, notes and findings, those of an audit too; return the folder."""
    for table, columns in ((TESTS, ("title", "asks", "note")), (JOINT, ("title", "asks", "note")), (FITS, ("note",))):
        path = run / table.file
        payloads = {name: pl.lit(payload) for name, payload in zip(columns, PAYLOADS, strict=False)}
        write_table(path, pl.read_parquet(path).with_columns(**payloads), table)
    verdict: dict[str, Any] = json.loads((run / VERDICT).read_text())
    verdict |= dict(zip(("headline", "sentence", "remark", "adjustment"), PAYLOADS[::2], strict=True))
    for candidate in verdict["candidates"]:
        candidate |= dict(zip(("sentence", "reason", "name"), PAYLOADS[1::2], strict=False))
    write_json(run / VERDICT, verdict)
    manifest = read_manifest(run)
    if AUDIT in manifest["files"]:
        write_json(run / AUDIT, poisoned(json.loads((run / AUDIT).read_text()), cycle(PAYLOADS)))
    write_json(run / MANIFEST, manifest | {"files": file_sums(run, manifest["files"])})
    return run


def poisoned(value: Any, payloads: Iterator[str]) -> Any:
    """Return JSON with a payload for every string that is not one of a few fixed ones."""
    if isinstance(value, dict):
        return {key: item if key in {"depth", "state"} else poisoned(item, payloads) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, payloads) for item in value]
    return next(payloads) if isinstance(value, str) else value
