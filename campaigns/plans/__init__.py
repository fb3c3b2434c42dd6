"""Plans: who gets a campaign, who does not and why, and what it keeps to; decided before anything is written."""
