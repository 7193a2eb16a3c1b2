"""Reading bars: files, layouts, times, checks, and the built-in series."""
