"""Texts: what a message says, checked, previewed and set for its medium by one renderer."""
