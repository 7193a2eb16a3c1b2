"""Tests of data.records."""
