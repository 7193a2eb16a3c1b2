"""Start the app: for this machine only, without telemetry, in the colours of the report."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from backtest.data.errors import ConfigError
from backtest.reports.render.svg import COLOURS

OPTIONS = {
    "server.address": "127.0.0.1",
    "server.enableCORS": "true",
    "server.enableXsrfProtection": "true",
    "server.fileWatcherType": "none",
    "server.maxUploadSize": "100",
    "server.showEmailPrompt": "false",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.toolbarMode": "minimal",
    "theme.metricValueFontSize": "1.5rem",
    "theme.paddingTop": "3rem",
}
HOSTS = ("127.0.0.1", "localhost")
"""Host names of pages that may talk to the server; any other is another site's."""

ROLES = {
    "backgroundColor": "paper",
    "secondaryBackgroundColor": "panel",
    "textColor": "ink",
    "borderColor": "rule",
    "primaryColor": "blue",
    "greenColor": "green",
    "greenTextColor": "green",
    "orangeColor": "amber",
    "orangeTextColor": "amber",
    "redColor": "vermilion",
    "redTextColor": "vermilion",
}
"""Settings of a theme, and the colour of the report that each of them takes."""

NEEDED = ("altair", "pandas", "backtest.reports", "backtest.forecast.next_step")
"""Modules to load before the first visitor waits; not the page itself, whose caches need a running server."""


def serve(run: Path | None, plugins: Sequence[str]) -> None:
    """Show a run, or those in the folder of runs, in the browser until stopped; ConfigError without Streamlit.

    `plugins` are modules of the runs that the user trusts.
    """
    if find_spec("streamlit") is None:
        raise ConfigError("app: needs streamlit, which is not installed: pip install 'beatzero[app]', or make setup")
    from streamlit.web.cli import main

    for module in NEEDED:
        import_module(module)
    page = Path(__file__).with_name("page.py")
    main(["run", str(page), *flags(), "--", str(run or ""), *plugins], prog_name="backtest app", standalone_mode=False)


def flags() -> list[str]:
    """Return the command line options of Streamlit, which overrule its own configuration."""
    themes = {
        f"theme.{theme}.{setting}": getattr(COLOURS[role], theme)
        for theme in ("light", "dark")
        for setting, role in ROLES.items()
    }
    pairs = [*OPTIONS.items(), *themes.items(), *(("server.allowedHosts", host) for host in HOSTS)]
    return [f"--{name}={value}" for name, value in pairs]
