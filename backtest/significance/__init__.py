"""Tests of forecasts, one file per family: of one model against one baseline in `table`, of all models in `joint`."""
