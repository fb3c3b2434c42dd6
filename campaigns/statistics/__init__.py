"""Statistics: intervals, lift, power and experiments; pure functions of numbers."""
