"""Drawing: the pure half of paper. Designs, symbols, PDF and checks; it knows no rows and no settings."""
