"""Plans: who gets a campaign, who does not and why; computed before anything is written."""
