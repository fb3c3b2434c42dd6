"""Opt-outs: unsubscribing, topics, pauses, SMS replies, bounces and complaints; each applies everywhere at once."""
