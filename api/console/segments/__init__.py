"""Pages about people: segments with their builder, RFM, buyers and what they agreed to."""
