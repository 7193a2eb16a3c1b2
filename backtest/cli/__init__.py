"""The command line: commands, what they print, progress, and the catalogue of everything there is to choose from."""
