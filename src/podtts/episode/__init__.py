"""One episode on disk: its journal, its fingerprint, its writer."""
