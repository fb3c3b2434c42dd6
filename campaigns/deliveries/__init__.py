"""Deliveries: one row per buyer of a run, its state machine, and the ledger."""
