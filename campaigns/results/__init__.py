"""Results: what a campaign brought, by code, by last touch and against its control group."""
