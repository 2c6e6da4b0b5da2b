"""Reliable files: written atomically, sealed with a checksum, quarantined when damaged."""
