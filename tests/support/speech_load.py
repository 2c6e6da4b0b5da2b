"""Asks a server for speech from many clients, and notes what each of them hears."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

BYTES_PER_SECOND = 48_000  # 16 bit at 24 kHz
TEXTS = (
    "The baker opened his shop before the sun came up.",
    "We waited for the bus in the pouring rain.",
    "The mountain was covered with fresh white snow.",
    "He forgot to lock the door of the garage.",
    "A small boat was floating down the river.",
    "She bought a ticket for the last train home.",
    "Our neighbors have a big brown dog.",
    "They planted an apple tree behind the house.",
)


@dataclass(frozen=True)
class Heard:
    """What one client had. Seconds on the clock, but for `audio_seconds`.

    prebuffer: how long a player must wait after the first sound so that it never stops.
    """

    status: int
    first: float
    total: float
    audio_seconds: float
    prebuffer: float


@dataclass(frozen=True)
class Process:
    """What a process holds."""

    threads: int
    descriptors: int
    resident_mb: float


async def listen(client: httpx.AsyncClient, text: str, seed: int) -> Heard:
    """Ask for a text, and take the sound as it comes."""
    body = {"model": "mini", "input": text, "voice": "anna", "response_format": "pcm"}
    started, first, received, prebuffer = time.perf_counter(), 0.0, 0, 0.0
    async with client.stream("POST", "/v1/audio/speech", json=body | {"seed": seed}) as response:
        async for part in response.aiter_raw():
            now = time.perf_counter()
            if not received:
                first = now - started
            prebuffer = max(prebuffer, now - started - first - received / BYTES_PER_SECOND)
            received += len(part)
    total = time.perf_counter() - started
    sound = received / BYTES_PER_SECOND if response.status_code == 200 else 0.0
    return Heard(response.status_code, first, total, sound, prebuffer)


def listen_together(url: str, texts: Sequence[str]) -> list[Heard]:
    """Ask for all texts at once."""

    async def run() -> list[Heard]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=url, timeout=1800, limits=limits) as client:
            return await asyncio.gather(
                *(listen(client, text, seed) for seed, text in enumerate(texts))
            )

    return asyncio.run(run())


def summary(values: Sequence[float]) -> str:
    """Median, 95th percentile and largest."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return f"p50 {statistics.median(ordered):.2f}, p95 {p95:.2f}, largest {ordered[-1]:.2f}"


def process_state(process_id: int) -> Process:
    """What a process holds now (Linux)."""
    folder = Path("/proc", str(process_id))
    status = dict(
        line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line
    )
    resident = int(status["VmRSS"].split()[0]) / 1024
    return Process(int(status["Threads"]), len([*(folder / "fd").iterdir()]), resident)
