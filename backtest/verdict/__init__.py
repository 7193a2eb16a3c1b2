"""The verdict: its rule, the adjustment for everything that was tried, and the ledger that remembers it."""
