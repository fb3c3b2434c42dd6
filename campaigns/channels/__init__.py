"""Channels: one Protocol, and a module for each channel that implements it."""
