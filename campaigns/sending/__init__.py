"""Sending: deliveries are claimed, checked again, handed off to a channel, and their outcome is recorded."""
