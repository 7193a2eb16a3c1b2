"""Settings of every test run."""

from __future__ import annotations

from hypothesis import settings

# a busy machine or the first import of a large library is no failure
settings.register_profile("beatzero", deadline=None)
settings.load_profile("beatzero")
