"""Checkpoints: where they are, how they are read, what is in them."""
