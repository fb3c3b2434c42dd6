"""Pages about campaigns: the list, the editor in steps, the run, offers, tasks and policies."""
