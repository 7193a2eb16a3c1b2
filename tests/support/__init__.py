"""Helpers of the tests: made-up runs, planted leaks, hostile strings."""
