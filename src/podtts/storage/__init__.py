"""Files that can be trusted: written whole or not at all, sealed, set aside when damaged."""
