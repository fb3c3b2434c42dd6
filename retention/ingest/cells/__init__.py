"""Cells into values: identifiers, numbers, dates and currencies, and what a whole column says about its cells."""
