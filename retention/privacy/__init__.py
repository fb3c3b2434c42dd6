"""What is known of one person: exported, erased, and forgotten after its time."""
