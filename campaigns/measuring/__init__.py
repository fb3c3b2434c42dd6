"""Measuring: what a campaign brought, against its control group."""
