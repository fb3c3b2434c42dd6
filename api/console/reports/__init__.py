"""Pages that report: Today and Results, with the figures and pictures they share."""
