"""Episodes with noise in place of synthesized turns, and a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, sync_playwright
from support.browser import CHROMIUM, WAIT_SECONDS, Open, until
from torch import Tensor

from podtts.audio.metadata import AudioMetadata
from podtts.audio.wav import WavWriter
from podtts.publish.mix import Mix
from podtts.publish.publish_options import LayoutOptions
from podtts.publish.timeline import Timeline
from podtts.script.model import Script
from podtts.values import Chapter, Turn

NAMES = ("anna", "ben", "clara")


def voice(samples: int, seed: int, level: float = 0.1) -> Tensor:
    """Noise that swells and fades like syllables, mostly below 3 kHz like a voice."""
    noise = torch.randn(samples + 8, generator=torch.Generator().manual_seed(seed))
    smooth = noise.unfold(0, 8, 1).mean(1)[:samples] * 8**0.5
    return level * smooth * torch.sin(torch.arange(samples) / 2000).abs()


def dialogue(turns: int) -> Script:
    """A script of three speakers, two chapters, pauses, and turns that continue others."""
    script_turns = tuple(
        Turn(
            index % 3,
            f"Sentence {index}. And <|laughter|> another one, to say it at some length.",
            line=index + 1,
            continues=index % 5 == 4,
            pause=0.3 if index % 7 == 3 else 0.0,
        )
        for index in range(turns)
    )
    chapters = (Chapter("Opening", 0), Chapter("The end", turns // 2))
    return Script("talk.txt", ("A", "B", "C"), script_turns, chapters)


Mixed = tuple[Path, Timeline]


@pytest.fixture
def tags() -> AudioMetadata:
    """The metadata of these episodes."""
    comment = "AI-generated speech: podtts"
    return AudioMetadata("Bridges, 桥", "A & B", "2026-01-31", comment, "podtts 0.1.0")


@pytest.fixture
def mixed(tags: AudioMetadata, tmp_path: Path) -> Callable[..., Mixed]:
    """Returns a function that writes a mix of turns of one length and level."""

    def make(turns: int, seconds: float = 1.0, level: float = 0.1, **layout: float | bool) -> Mixed:
        script, path = dialogue(turns), tmp_path / "mix.wav"
        with WavWriter(path, path, longest=2**32, tags=tags) as sink:
            mix = Mix(sink, LayoutOptions(**layout))  # type: ignore[arg-type]
            for index, turn in enumerate(script.turns):
                samples = round(24_000 * seconds) + 37 * index
                mix.add(turn, voice(samples, index, level))
        return path, mix.timeline(script, NAMES)

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        quiet = ["--mute-audio", "--disable-gpu"]
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=quiet, timeout=1000 * WAIT_SECONDS
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Open a page from its file; fails if it logs anything or requests the network."""
    problems: list[str] = []
    context = None

    def open_page(path: Path, **settings: object) -> Page:
        nonlocal context
        context = browser.new_context(**settings)  # type: ignore[arg-type]
        context.set_default_timeout(1000 * WAIT_SECONDS)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(("file:", "data:")) else problems.append(request.url)
            ),
        )
        page.goto(path.as_uri())
        until(page, "audio.readyState >= 1")
        return page

    yield open_page
    assert context
    context.close()
    assert problems == []
