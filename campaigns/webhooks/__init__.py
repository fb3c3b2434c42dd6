"""Outgoing webhooks: calls that notify other systems of events."""
