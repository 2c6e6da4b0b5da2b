"""Measures compiled code of an instruction set on a CPU."""
