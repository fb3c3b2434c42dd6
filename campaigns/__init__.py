"""What is offered to whom, when, through what, and what came of it."""
