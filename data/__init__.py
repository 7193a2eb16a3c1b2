"""Market data and run folders: the lowest storey, which knows none of the others."""
