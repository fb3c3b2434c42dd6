"""A campaign: its rows, what moves it, and the rules its owner sets."""
