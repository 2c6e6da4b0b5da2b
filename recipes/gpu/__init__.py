"""What `make gpu` runs on a machine with a GPU: tests against the CPU, speed, profiles."""
