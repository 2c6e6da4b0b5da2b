"""Trains the small demonstration checkpoint from scratch on synthetic speech; see README.md."""
