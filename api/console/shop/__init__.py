"""Pages about the shop itself: users, senders, webhooks, imports, requests about personal data."""
