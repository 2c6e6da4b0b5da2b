"""Many scripts to many episodes: workers synthesize several at a time, and may die."""
