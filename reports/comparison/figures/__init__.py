"""The pictures of a comparison's report."""
