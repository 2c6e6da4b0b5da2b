"""The edges: audio files and mel front-ends."""
