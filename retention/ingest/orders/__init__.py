"""Rows into orders: their lines, states and buyers, what comes a second time, and the merge with what is known."""
