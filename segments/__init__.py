"""Who matches a rule, now and over time."""
