"""The next step from the newest bars, with intervals from the errors of the walk."""
