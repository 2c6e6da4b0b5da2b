"""Dialogue text and prompts to speech tokens."""
