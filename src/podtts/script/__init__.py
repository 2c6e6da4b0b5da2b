"""Dialogue scripts: parsing, the spoken form, and the cast."""
