"""Posts: things said once in a chat group or to one buyer, by a bot or by a person of the shop."""
