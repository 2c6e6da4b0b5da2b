"""The HTTP server: requests of many clients in, their sound out, from one engine."""
