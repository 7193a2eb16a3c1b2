"""From forecasts to numbers: matched rows, losses, scores, tests, regimes, intervals, strategies."""
