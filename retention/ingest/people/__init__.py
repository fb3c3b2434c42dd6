"""Rows about persons: buyers, their consent, followers and group members, and who a row is about."""
