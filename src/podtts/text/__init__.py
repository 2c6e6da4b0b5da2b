"""What a text may hold: characters, tags, and how it is normalised."""
