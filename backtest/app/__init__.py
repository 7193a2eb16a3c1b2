"""The app: a run's verdict and audit, its next step, its forecasts replayed, in a browser on this machine alone."""
