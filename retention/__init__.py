"""Buyers and what they did, and the ground everything stands on: settings, database, queue, clock, errors."""
