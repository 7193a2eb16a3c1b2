"""Results in words: every sentence that is made from numbers."""
