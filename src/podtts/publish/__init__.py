"""From spoken turns to an episode: its timing, its files, and the texts around it."""
