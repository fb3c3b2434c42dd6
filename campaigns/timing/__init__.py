"""Timing: what makes a run and when, by the clock, by events, in waves; all rules of the wall clock."""
