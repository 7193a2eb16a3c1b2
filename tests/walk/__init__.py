"""Tests of walk."""
