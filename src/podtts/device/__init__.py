"""What is particular to a device: placement, memory, cores, CUDA."""
