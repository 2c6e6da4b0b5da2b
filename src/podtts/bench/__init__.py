"""Measuring: workloads, stage times and reports."""
