"""Many scripts to many episodes: read, checked, spoken side by side, by workers that may die."""
