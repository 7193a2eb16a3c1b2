"""Whether a checkout is complete: four folders of the package are links, which Windows keeps only when asked to."""

from __future__ import annotations

from pathlib import Path

LINKED = ("data", "features", "models", "reports")
"""Sub-packages that stand beside `backtest` in the repository; `backtest/data` is a link to `../data`, and so on."""


def broken_links(package: Path = Path(__file__).parent) -> str:
    """Return what is wrong with the links in `package` and what to do, in one sentence; empty if nothing is.

    Git writes a link as a text file that holds its target where the system or a setting forbids links.
    """
    broken = [name for name in LINKED if not (package / name).is_dir()]
    if not broken:
        return ""
    return (
        f"{package}: expected folders named {', '.join(broken)}, got text files or nothing, because this checkout was "
        "made without symbolic links: on Windows, turn on Developer Mode, then run "
        "`git config core.symlinks true` and `git checkout -- backtest`; or install the wheel, which needs no links"
    )
