"""What Prometheus can ask a server."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_RTF = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "podtts_requests",
            "Requests for speech by how they ended: done, refused, busy, failed, late, gone.",
            ("endpoint", "outcome"),
            registry=self._registry,
        )
        self.first_audio = Histogram(
            "podtts_first_audio_seconds",
            "From a request to its first bytes of sound, waiting included.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.rtf = Histogram(
            "podtts_rtf",
            "Seconds from a request to its last sample per second of its sound.",
            buckets=_RTF,
            registry=self._registry,
        )
        self.audio_seconds = Counter(
            "podtts_audio_seconds", "Seconds of sound that were made.", registry=self._registry
        )
        self.kept_bytes = Gauge(
            "podtts_kept_sound_bytes",
            "Encoded sound that clients have not taken yet; --max-seconds bounds each.",
            registry=self._registry,
        )
        self.turns = Counter(
            "podtts_turns",
            "Turns that were made, by whether they passed all checks.",
            ("checks",),
            registry=self._registry,
        )

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Add a figure that is looked up when somebody asks."""
        Gauge(name, meaning, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All figures, in Prometheus' text format."""
        return generate_latest(self._registry)
