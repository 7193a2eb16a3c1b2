"""The command line: commands, terminal output, progress, and the catalog of everything that can be chosen."""
