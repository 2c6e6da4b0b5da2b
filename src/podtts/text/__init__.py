"""Text processing: characters, tags, pauses, languages, and text normalization."""
