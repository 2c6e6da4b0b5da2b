"""Independent measurements of audio files with ffmpeg and ffprobe, where available."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")),
    reason="no ffmpeg here (Debian: apt-get install ffmpeg)",
)


def ebur128(path: Path) -> tuple[float, float]:
    """Return the integrated loudness in LUFS and the true peak in dBTP, measured by ffmpeg."""
    command = ["ffmpeg", "-nostats", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    stderr = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    summary = stderr[stderr.rindex("Summary:") :]
    loudness = re.search(r"I:\s+(\S+) LUFS", summary)
    peak = re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert loudness
    assert peak
    return float(loudness[1]), float(peak[1])


def probe(path: Path) -> dict[str, Any]:
    """Return ffprobe's description of a file: its stream, with the tags (names in lower case)."""
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    output = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    (stream,) = output["streams"]
    tags = {**stream.get("tags", {}), **output["format"].get("tags", {})}
    return {**stream, "tags": {name.lower(): text for name, text in tags.items()}}


def decoded_samples(path: Path) -> int:
    """Return the number of samples that ffmpeg decodes."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "s16le", "-"]
    return len(subprocess.run(command, capture_output=True, check=True).stdout) // 2
