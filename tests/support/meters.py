"""Independent judges of audio files: ffmpeg and ffprobe, where the machine has them."""

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
    """Integrated loudness in LUFS and true peak in dBTP, by ffmpeg."""
    command = ["ffmpeg", "-nostats", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    summary = said[said.rindex("Summary:") :]
    loudness = re.search(r"I:\s+(\S+) LUFS", summary)
    peak = re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert loudness
    assert peak
    return float(loudness[1]), float(peak[1])


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe says of a file: its stream, with the file's tags (names in lower case)."""
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    (stream,) = told["streams"]
    tags = {**stream.get("tags", {}), **told["format"].get("tags", {})}
    return {**stream, "tags": {name.lower(): text for name, text in tags.items()}}


def decoded_samples(path: Path) -> int:
    """How many samples ffmpeg hears."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "s16le", "-"]
    return len(subprocess.run(command, capture_output=True, check=True).stdout) // 2
