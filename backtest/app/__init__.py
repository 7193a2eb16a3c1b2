"""The app: verdict and audit, the next forecast, and the replayed walk in a browser, served to this machine only."""
