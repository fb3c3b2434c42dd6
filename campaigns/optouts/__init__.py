"""Noes: unsubscribing, topics, pauses, replies, bounces and complaints; each holds everywhere at once."""
