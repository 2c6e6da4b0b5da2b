"""Measures speed, memory and quality: workloads, systems and reports."""
