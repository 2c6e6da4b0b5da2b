"""Ears: what a recording or a turn says, and how far that is from a text."""
