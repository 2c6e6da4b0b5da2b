"""Speaker recordings in: encoders, features, and the cache that keeps them."""
