"""Long turns on a page: their parts are marked while they play, and texts have language tags."""

import re
from pathlib import Path

import pytest
import torch
from support.browser import CLOSE_SECONDS, Open, after_seek, current, needs_chromium, until

from podtts.audio.metadata import AudioMetadata
from podtts.audio.mix_reader import MixReader
from podtts.audio.wav import WavWriter
from podtts.publish.cues import Cue, cues, shown_text
from podtts.publish.mix import Mix
from podtts.publish.page import write_page
from podtts.publish.publish_options import LayoutOptions
from podtts.publish.timeline import Timeline
from podtts.script.model import Script
from podtts.values import Chapter, Turn

ENGLISH = (
    "The wind was low that night. It hummed at 3.5 metres a second, as Dr. Moss said! Nobody, not "
    "even the oldest of the fishermen, could remember a tone as deep as that <one> & only. Why?"
) * 12
CHINESE = (
    "今天我们来聊一聊这座会唱歌的桥：风从西南方向吹来的时候，栏杆就像一支长笛。整个城市都能听见！"
    " It is 300 metres long, and nobody in the whole of the town can switch it off at all. 真的吗？"
)
TURNS = (
    Turn(0, "Did you hear that?"),
    Turn(1, ENGLISH),
    Turn(2, CHINESE),
    Turn(2, f"<|Yue|>{CHINESE}"),
    Turn(2, "<|Sichuan|>要得。"),
)
SECONDS = (2.0, 24.0, 12.0, 12.0, 20.0)
HEARD = "document.querySelector('.heard')"


@pytest.fixture(scope="module")
def episode(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Timeline]:
    """The page and the timeline of an episode with long turns in several languages."""
    script = Script("t.txt", ("A", "B", "C"), TURNS, (Chapter("桥", 0), Chapter("Wind", 1)))
    mix_path = tmp_path_factory.mktemp("long") / "mix.wav"
    with WavWriter(mix_path, mix_path, 2**30) as sink:
        mix = Mix(sink, LayoutOptions())
        for turn, seconds in zip(TURNS, SECONDS, strict=True):
            mix.add(turn, torch.full((round(seconds * 24_000),), 0.1))
    timeline = mix.timeline(script, ("anna", "ben", "小希"))
    tags = AudioMetadata("Bridges", "小希", "2026-01-31", "AI-generated speech: podtts", "podtts")
    path = mix_path.with_name("page.html")
    with MixReader(mix_path) as reader:
        write_page(path, reader, timeline, tags, None, None)
    return path, timeline


@pytest.fixture
def page_file(episode: tuple[Path, Timeline]) -> Path:
    return episode[0]


@pytest.fixture
def parts(episode: tuple[Path, Timeline]) -> list[Cue]:
    """The cues of turns that have several cues."""
    return [cue for cue in cues(episode[1]) if cue.estimated]


@needs_chromium
def test_the_part_that_plays_is_marked(opened: Open, page_file: Path, parts: list[Cue]) -> None:
    page = opened(page_file)
    assert len(parts) > 20
    for part in (parts[0], parts[1], parts[7], parts[-1]):
        for samples in (part.start, part.stop - 480):
            after_seek(page, lambda at=samples: page.evaluate(f"audio.currentTime = {at / 24_000}"))  # type: ignore[misc]
            assert page.evaluate(f"{HEARD}.textContent") == part.text
            assert page.evaluate("document.querySelectorAll('.heard').length") == 1
            assert current(page) == f"turn-{part.turn.number}"
    after_seek(page, lambda: page.evaluate("audio.currentTime = 0.5"))
    assert page.evaluate(f"{HEARD}.id") == "turn-1"


@needs_chromium
def test_a_click_on_a_part_plays_from_there(
    opened: Open, page_file: Path, parts: list[Cue]
) -> None:
    page = opened(page_file)
    for part in (parts[5], parts[2]):
        at = f"[data-start='{part.start / 24_000:.6f}']"
        sought = after_seek(page, page.locator(f".part{at}").click)
        assert abs(sought - part.start / 24_000) <= CLOSE_SECONDS
        assert page.evaluate("audio.paused") is False
    sought = after_seek(page, page.locator("#turn-2 .name").click)
    assert abs(sought - parts[0].start / 24_000) <= CLOSE_SECONDS


@needs_chromium
def test_a_turn_longer_than_the_screen_is_scrolled_to_its_parts(
    opened: Open, page_file: Path, parts: list[Cue]
) -> None:
    page = opened(page_file, viewport={"width": 360, "height": 500}, reduced_motion="reduce")
    height = "document.querySelector('#turn-2').getBoundingClientRect().height"
    assert page.evaluate(f"{height} > innerHeight")
    page.click("#play")
    last = [part for part in parts if part.turn.number == 2][-1]
    for part in (last, parts[0]):
        at = part.start / 24_000
        after_seek(page, lambda at=at: page.evaluate(f"audio.currentTime = {at}"))  # type: ignore[misc]
        box, top = f"{HEARD}.getBoundingClientRect()", "player.getBoundingClientRect().bottom"
        until(page, f"{box}.top >= {top} && {box}.bottom <= innerHeight")
        assert page.evaluate(f"{HEARD}.textContent") == part.text


@needs_chromium
def test_texts_have_language_tags(opened: Open, page_file: Path) -> None:
    page = opened(page_file)

    def language(selector: str) -> str:
        return str(page.evaluate(f"document.querySelector('{selector}').closest('[lang]').lang"))

    assert page.evaluate("document.documentElement.lang") == "zh"  # 32 s, yue 12 s, en 26 s
    languages = [language(f"#turn-{number} > p:last-child") for number in range(1, 6)]
    assert languages == ["en", "en", "zh", "yue", "zh"]
    assert [language(f"#turn-{number} bdi") for number in (2, 3)] == ["en", "zh"]
    assert [language(where) for where in ("title", "h1", ".byline", "h2", "#play", "footer")] == [
        "en", "en", "zh", "zh", "en", "en",
    ]  # fmt: skip


def test_the_parts_of_a_turn_are_its_text(page_file: Path) -> None:
    page = page_file.read_text()
    for number, turn in enumerate(TURNS, 1):
        [markup] = re.findall(rf'id="turn-{number}" .*?<p dir="auto"[^>]*>(.*?)</p></li>', page)
        plain = re.sub(r"</?span[^>]*>", "", markup)
        for name, letter in (("lt", "<"), ("gt", ">"), ("amp", "&")):
            plain = plain.replace(f"&{name};", letter)
        assert plain == shown_text(turn.text)
    assert re.findall(r'<span class="part"[^>]*? lang="(\w+)">It is 300', page) == ["en", "en"]
