"""Runs: campaigns drafted, approved, scheduled and launched, by a person, the clock or an event."""
