"""Voices: recordings, the prompts computed from them, and the cache of prompts."""
