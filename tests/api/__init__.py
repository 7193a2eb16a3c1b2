"""Tests of `import backtest as bt`."""
