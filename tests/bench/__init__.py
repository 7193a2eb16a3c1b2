"""Benchmarks: every promise about speed and memory as a ratio that is measured in one run."""
