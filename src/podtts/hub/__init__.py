"""Models: which are published, how to download them, and which are on this machine."""
