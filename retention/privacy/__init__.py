"""Personal data of one buyer: exported, erased, and deleted after its retention period."""
