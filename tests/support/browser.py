"""Helpers for tests of a page in a real browser."""

import shutil
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from podtts.publish.timeline import Timeline

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here (Debian: apt-get install chromium)"
)
CLOSE_SECONDS = 0.05
WAIT_SECONDS = 240  # of a machine that is very busy; who waits longer waits for ever
Open = Callable[..., Page]


def until(page: Page, condition: str) -> None:
    """Wait until a condition holds. (The page's policy forbids Playwright's own way of waiting.)"""
    deadline = time.monotonic() + WAIT_SECONDS
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(20)


def position(page: Page) -> float:
    return float(page.evaluate("audio.currentTime"))


def current(page: Page) -> str:
    return str(page.evaluate("document.querySelector('.turn[aria-current]').id"))


def start(timeline: Timeline, number: int) -> float:
    return timeline.turns[number - 1].start / 24_000


def after_seek(page: Page, action: Callable[[], object]) -> float:
    """Return the position of the audio after an action that seeks.

    The audio plays at rate 0, so that even a late reading on a busy machine shows the start.
    """
    page.evaluate(
        "() => { window.sought = null; audio.playbackRate = 0;"
        " audio.onseeked = () => { window.sought ??= audio.currentTime; }; }"
    )
    action()
    until(page, "window.sought !== null")
    return float(page.evaluate("window.sought"))
