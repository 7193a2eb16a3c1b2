"""Tests of Beatzero."""
