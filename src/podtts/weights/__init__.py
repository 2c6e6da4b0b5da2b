"""Reads checkpoints and builds models from them."""
