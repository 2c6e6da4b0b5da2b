"""The engine: requests in, finished turns out."""
