"""Imports that have landed: what each of them changed, and how it is undone."""
