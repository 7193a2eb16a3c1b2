"""Calibration: what the tests, the intervals and the verdict do in worlds whose truth is known."""
