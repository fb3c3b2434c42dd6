"""Texts: messages with their variables, checks, preview, and one renderer for every medium."""
