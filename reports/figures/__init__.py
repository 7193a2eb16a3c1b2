"""The pictures of a report, drawn by matplotlib as SVG: one file for each."""
