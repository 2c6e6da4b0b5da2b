"""Turns the telemetry of libraries off, before any of them is imported.

onnxruntime, for example, stores an id of the machine and looks up the host of its maker when it is
imported; its own function to turn that off comes too late.
"""

import os

_VARIABLES = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, transformers, hf_xet
    "RAY_USAGE_STATS_ENABLED": "0",  # ray
}


def turn_off_telemetry() -> None:
    """Tell the libraries through variables that they read, and that child processes inherit.

    A value that the user gave stays.
    """
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
