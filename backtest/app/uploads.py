"""Bars that were uploaded: a file for as long as they are read, and errors that call it by its own name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from backtest.data.errors import BacktestError
from backtest.reports.run_folder import printable

LONGEST = 60
"""Signs of a file's name that are kept, the last ones: in any script fewer bytes than a name may have."""


@contextmanager
def as_file(name: str, content: bytes) -> Iterator[str]:
    """Yield the path of a file with this name and content, which is gone with the block.

    An error in the block is raised again with the name in the place of the path, as if the file had been named on the
    command line from its own folder.
    """
    with TemporaryDirectory(prefix="beatzero-") as folder:
        path = Path(folder) / plain(name)
        path.write_bytes(content)
        try:
            yield str(path)
        except BacktestError as problem:
            raise type(problem)(str(problem).replace(f"{folder}/", "")) from None


def plain(name: str) -> str:
    """Return the name of a file that can be made in any folder and lies in no other one."""
    own = Path(printable(name)).name[-LONGEST:]
    return "upload" if own in {"", ".", ".."} else own
