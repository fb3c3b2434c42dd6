"""Pages about buyers: segments with their builder, RFM, buyers and their consent."""
