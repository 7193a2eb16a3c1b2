"""Reading bars: files, formats, times, checks, and the built-in series."""
