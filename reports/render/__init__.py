"""Writes a document as HTML, Markdown and SVG."""
