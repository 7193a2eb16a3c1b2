"""Several runs on the rows that all of them forecast."""
