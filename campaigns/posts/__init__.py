"""Posts: messages sent once to a chat group or to one buyer, by a bot or a user."""
