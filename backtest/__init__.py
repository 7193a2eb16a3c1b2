"""Walk-forward backtests of forecasters of returns, with an honest verdict."""
