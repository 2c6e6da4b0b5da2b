"""Mel spectrograms to 24 kHz waveforms."""
