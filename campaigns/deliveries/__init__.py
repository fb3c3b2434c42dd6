"""Deliveries: one row for each buyer of a run, how it moves, and the ledger that adds up."""
