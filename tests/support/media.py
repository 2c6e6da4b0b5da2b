"""Small media files made on the spot, and what an independent reader (FFmpeg) finds in a file."""

import struct
import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

# What encodes the sound of each kind of file; soundfile reads none of them.
CODECS = {
    "m4a": "aac",
    "aac": "aac",
    "webm": "libopus",
    "mkv": "flac",
    "mov": "aac",
    "wma": "wmav2",
}
CODECS |= {"aiff": "pcm_s16be", "caf": "pcm_s16le"}
_FORMATS = {"m4a": "ipod", "aac": "adts", "mkv": "matroska", "wma": "asf"}


def tone(seconds: float, rate_hz: int = 48_000, hz: float = 220.0) -> Tensor:
    """A sine of half the full scale."""
    return 0.5 * torch.sin(torch.arange(round(seconds * rate_hz)) * (2 * torch.pi * hz / rate_hz))


def speechlike(seconds: float, rate_hz: int) -> Tensor:
    """Noise below some kHz that swells like syllables: encoders need all of their bits for it."""
    noise = torch.randn(round(seconds * rate_hz), generator=torch.Generator().manual_seed(1))
    smooth = torch.nn.functional.avg_pool1d(noise[None, None], 5, stride=1, padding=2)[0, 0]
    return (0.2 * smooth * (1 + torch.sin(torch.arange(len(noise)) / 2000))).clamp(-1, 1)


def write_media(path: Path, wave: Tensor, rate_hz: int = 48_000, *, video: bool = False) -> None:
    """Write a wave (float32 [S], or [S, 2] for stereo) to a file of the kind that its name says."""
    kind = path.suffix[1:]
    channels = wave.reshape(len(wave), -1)
    layout = {1: "mono", 2: "stereo"}[channels.shape[1]]
    with av.open(str(path), "w", format=_FORMATS.get(kind, kind)) as container:
        picture: Any = container.add_stream("mpeg4", rate=25) if video else None
        stream: Any = container.add_stream(CODECS[kind], rate=rate_hz, layout=layout)
        stream.bit_rate = 128_000
        if picture is not None:
            picture.width = picture.height = 16
            for number in range(25):
                image = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))
                image.pts, image.time_base = number, Fraction(1, 25)
                container.mux(picture.encode(image))
            container.mux(picture.encode(None))
        planes = np.ascontiguousarray(channels.numpy().T, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def png(colour: bytes = b"\xff\0\0", size: int = 4) -> bytes:
    """A picture of one colour."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    rows = (b"\0" + colour * size) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@dataclass(frozen=True)
class Found:
    """What FFmpeg finds in a file."""

    texts: dict[str, str]
    chapters: list[tuple[str, float, float]]  # title, seconds of the beginning and of the end
    cover: bytes | None
    codec: str
    samples: int  # decoded
    kbps: float


def find(path: Path) -> Found:
    """Read a file with FFmpeg."""
    with av.open(str(path)) as container:
        chapters = [
            (
                each["metadata"].get("title", ""),
                float(each["start"] * each["time_base"]),
                float(each["end"] * each["time_base"]),
            )
            for each in container.chapters()
        ]
        audio = container.streams.audio[0]
        texts = {**container.metadata, **audio.metadata}  # Ogg has them at the stream
        codec = audio.codec_context.name
    with av.open(str(path)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
        rate_hz = container.streams.audio[0].codec_context.sample_rate
    cover = None
    with av.open(str(path)) as container:
        if container.streams.video:
            cover = next(bytes(packet) for packet in container.demux(video=0) if packet.size)
    seconds = samples / rate_hz
    kbps = path.stat().st_size * 8 / 1000 / seconds if seconds else 0.0
    return Found(texts, chapters, cover, codec, samples, kbps)
