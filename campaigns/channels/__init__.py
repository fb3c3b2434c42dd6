"""Ways a message leaves: one Protocol, and a module for each channel that speaks it."""
