"""Sending: deliveries claimed, looked at once more, handed over and recorded, by senders that can fail."""
