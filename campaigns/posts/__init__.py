"""Posts: things said once in a chat group or to one buyer, by a robot or by a person of the shop."""
