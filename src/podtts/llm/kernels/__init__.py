"""Triton kernels of a decode step; each file is a kernel and the call that launches it.

Import them only where `podtts.device.triton_kernels.why_no_kernels` returns None.
"""
