"""Segments: rules, and the buyers who match them, now and over time."""
