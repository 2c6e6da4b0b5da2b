"""C that is compiled on first use, for CPUs that it is written for."""
