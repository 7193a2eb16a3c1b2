"""The command line, called in this process."""

from __future__ import annotations

import sys

import pytest

from backtest.__main__ import main


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["backtest", *arguments])
    try:
        main()
    except SystemExit as done:
        return int(done.code or 0)
    return 0
