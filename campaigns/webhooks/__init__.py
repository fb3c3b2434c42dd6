"""Outgoing webhooks: calls of ours that tell other systems what happened."""
