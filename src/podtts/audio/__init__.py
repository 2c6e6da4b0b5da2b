"""Audio: decoding, spectral features, loudness, and writing files."""
