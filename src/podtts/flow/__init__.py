"""Speech tokens to mel spectrograms."""
