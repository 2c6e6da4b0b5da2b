"""A page in a real browser, opened from a file: playback, the transcript, and the keyboard."""

import shutil
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page
from support.browser import (
    CLOSE_SECONDS,
    WAIT_SECONDS,
    Open,
    after_seek,
    current,
    needs_chromium,
    position,
    start,
    until,
)

from podtts.audio.metadata import AudioMetadata
from podtts.audio.mix_reader import MixReader
from podtts.audio.wav import WavWriter
from podtts.publish.mix import Mix
from podtts.publish.page import write_page
from podtts.publish.publish_options import LayoutOptions, PublishOptions
from podtts.publish.publishing import publish
from podtts.publish.timeline import Timeline
from podtts.script.model import Script
from podtts.values import Chapter, RunWork, StageSeconds, Turn

pytestmark = needs_chromium
TURNS, SECONDS = 6, 3.0


def tone_hz(index: int) -> int:
    """The frequency of a turn."""
    return 500 + 300 * index


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Timeline, AudioMetadata]:
    """Six turns of two speakers, each with another tone, and two chapters."""
    turns = tuple(
        Turn(index % 2, f"Tone {tone_hz(index)}. </script> مرحبا 🌉") for index in range(TURNS)
    )
    script = Script("t.txt", ("A", "B"), turns, (Chapter("One", 0), Chapter("Two", 3)))
    mix_path = tmp_path_factory.mktemp("tones") / "mix.wav"
    seconds = torch.arange(round(SECONDS * 24_000)) / 24_000
    with WavWriter(mix_path, mix_path, 2**30) as sink:
        mix = Mix(sink, LayoutOptions())
        for index, turn in enumerate(turns):
            mix.add(turn, 0.3 * torch.sin(2 * torch.pi * tone_hz(index) * seconds))
    tags = AudioMetadata("<Tones>", "Nobody", "2026-01-31", "AI-generated speech: podtts", "podtts")
    return mix_path, mix.timeline(script, ("anna", "ben")), tags


@pytest.fixture(scope="module")
def page_file(tones: tuple[Path, Timeline, AudioMetadata]) -> Path:
    mix, timeline, tags = tones
    path = mix.with_name("page.html")
    work = RunWork("cpu", TURNS, SECONDS * TURNS, StageSeconds(1, 1, 1))
    with MixReader(mix) as reader:
        write_page(path, reader, timeline, tags, work, None)
    return path


def test_a_click_on_a_turn_plays_it(
    opened: Open, page_file: Path, tones: tuple[Path, Timeline, AudioMetadata]
) -> None:
    page, timeline = opened(page_file), tones[1]
    for number in (4, 2, 6):
        sought = after_seek(page, page.locator(f"#turn-{number} p").last.click)
        assert abs(sought - start(timeline, number)) <= CLOSE_SECONDS
        assert current(page) == f"turn-{number}"
        assert page.evaluate("audio.paused") is False
    sought = after_seek(page, page.get_by_role("button", name="Two").click)
    assert abs(sought - start(timeline, 4)) <= CLOSE_SECONDS


def test_the_marked_turn_is_the_one_that_plays(
    opened: Open, page_file: Path, tones: tuple[Path, Timeline, AudioMetadata]
) -> None:
    """The page itself notes the mark while the tone sounds: a test might look too late."""
    page = opened(page_file)
    page.evaluate(
        """() => {
            const context = new AudioContext();
            window.meter = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
            context.createMediaElementSource(audio).connect(meter).connect(context.destination);
            document.addEventListener("click", () => context.resume());
            window.loudestHz = () => {
                const bins = new Float32Array(meter.frequencyBinCount);
                meter.getFloatFrequencyData(bins);
                const top = bins.indexOf(Math.max(...bins));
                return bins[top] > -60 ? top * context.sampleRate / meter.fftSize : 0;
            };
            window.listenFor = (hertz, stop) => {
                window.marked = null;
                const timer = setInterval(() => {
                    if (Math.abs(loudestHz() - hertz) > 20 || audio.currentTime > stop) return;
                    window.marked = document.querySelector(".turn[aria-current]").id;
                    clearInterval(timer);
                }, 10);
            };
        }"""
    )
    for number in (5, 2):
        stop = tones[1].turns[number - 1].stop / 24_000 - 0.5
        page.evaluate(f"listenFor({tone_hz(number - 1)}, {stop})")
        while page.evaluate("marked") is None:  # again where a busy browser let the turn pass by
            page.click(f"#turn-{number} .jump")
            until(page, f"marked !== null || audio.currentTime > {stop}")
        assert page.evaluate("marked") == f"turn-{number}"


def test_the_transcript_follows_and_scrolls(
    opened: Open, page_file: Path, tones: tuple[Path, Timeline, AudioMetadata]
) -> None:
    page = opened(page_file, viewport={"width": 360, "height": 400})
    for turn in reversed(tones[1].turns):
        for seconds in (turn.start / 24_000, turn.stop / 24_000 - 0.01):
            after_seek(page, lambda at=seconds: page.evaluate(f"audio.currentTime = {at}"))  # type: ignore[misc]
            assert current(page) == f"turn-{turn.number}"
    assert page.evaluate("document.querySelectorAll('[aria-current]').length") == 1
    page.click("#play")
    after_seek(page, lambda: page.evaluate(f"audio.currentTime = {start(tones[1], 6)}"))
    box = "document.querySelector('#turn-6').getBoundingClientRect()"
    until(page, f"{box}.top >= 0 && {box}.bottom <= innerHeight")
    assert page.evaluate("document.body.scrollWidth <= innerWidth")


def test_the_page_can_be_used_by_keyboard(
    opened: Open, page_file: Path, tones: tuple[Path, Timeline, AudioMetadata]
) -> None:
    page, timeline = opened(page_file), tones[1]
    press = page.keyboard.press
    press("Space")
    until(page, "!audio.paused && document.querySelector('#play').ariaLabel === 'Pause'")
    press("Space")
    until(page, "audio.paused && document.querySelector('#play').ariaLabel === 'Play'")
    assert page.evaluate("scrollY") == 0
    before = position(page)
    assert abs(after_seek(page, lambda: press("ArrowRight")) - before - 5) <= CLOSE_SECONDS
    assert abs(after_seek(page, lambda: press("ArrowLeft")) - before) <= CLOSE_SECONDS
    sought = after_seek(page, lambda: press("Shift+ArrowRight"))
    assert abs(sought - start(timeline, 2)) <= CLOSE_SECONDS
    sought = after_seek(page, lambda: press("Shift+ArrowLeft"))
    assert abs(sought - start(timeline, 1)) <= CLOSE_SECONDS

    reached = []
    for _ in range(40):
        press("Tab")
        reached.append(
            str(page.evaluate("document.activeElement.id || document.activeElement.className"))
        )
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if reached[-1] == "wave":
            assert abs(after_seek(page, lambda: press("End")) - timeline.samples / 24_000) <= 0.05
            assert abs(after_seek(page, lambda: press("PageDown")) - start(timeline, 6)) <= 0.05
            assert after_seek(page, lambda: press("Home")) == 0
        if reached.count("jump") == 3:
            assert abs(after_seek(page, lambda: press("Enter")) - start(timeline, 3)) <= 0.05
            break
    assert reached[0] == "skip"
    assert {"wave", "play", "back", "on", "speed", "follow", "jump"} <= set(reached)


def test_all_controls_have_accessible_names(opened: Open, page_file: Path) -> None:
    page = opened(page_file)
    snapshot = page.locator("body").aria_snapshot()
    for words in (
        'heading "<Tones>"',
        'region "Player"',
        'slider "Position in the episode"',
        'button "Play"',
        'combobox "Speed"',
        'checkbox "Follow"',
        'navigation "Chapters"',
        'button "Play turn 3"',
    ):
        assert words in snapshot
    assert page.get_attribute("#wave", "aria-valuetext") == "0:00 of 0:19"
    unnamed = "[...document.querySelectorAll('button')].filter(b => !b.ariaLabel && !b.innerText)"
    assert page.evaluate(f"{unnamed}.length") == 0


def test_colour_scheme_and_reduced_motion_are_respected(opened: Open, page_file: Path) -> None:
    def background(page: Page) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page = opened(page_file, color_scheme="light", reduced_motion="reduce")
    assert background(page) == "rgb(255, 255, 255)"
    assert page.evaluate("calm.matches")
    page.emulate_media(color_scheme="dark")
    assert background(page) == "rgb(21, 23, 27)"


def test_the_page_works_without_scripts(browser: Browser, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(1000 * WAIT_SECONDS)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator("audio").is_visible()
    assert not page.locator("#play").is_visible()
    assert page.locator(".turn").count() == TURNS
    context.close()


def test_a_linked_page_plays_the_file_beside_it(
    opened: Open, tones: tuple[Path, Timeline, AudioMetadata], tmp_path: Path
) -> None:
    mix, timeline, tags = tones
    own = Path(shutil.copy(mix, tmp_path / "mix.wav"))
    options = PublishOptions(format="flac", page=tmp_path / "p.html", page_audio="link")
    publish(own, timeline, tmp_path / "talk #1.flac", options, tags, print)
    page = opened(tmp_path / "p.html")
    sought = after_seek(page, page.locator("#turn-5 p").last.click)
    assert abs(sought - start(timeline, 5)) <= CLOSE_SECONDS
