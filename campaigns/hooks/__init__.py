"""Hooks: the shop's other systems told of what happened."""
