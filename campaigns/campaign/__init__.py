"""A campaign: its tables, lifecycle, policy, triggers, reasons and recipes."""
