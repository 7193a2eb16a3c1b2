"""Tests of data.reading."""
