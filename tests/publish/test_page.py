"""A page as text: whole, escaped, and nothing in it from elsewhere."""

import base64
import html.parser
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from podtts.audio.metadata import AudioMetadata
from podtts.audio.mix_reader import MixReader
from podtts.publish.markup import clock, made, transcript
from podtts.publish.page import link, write_page
from podtts.publish.publish_options import LayoutOptions, PublishOptions
from podtts.publish.release import publish
from podtts.publish.timeline import Timeline, lay_out
from podtts.publish.waveform import peaks, waveform
from podtts.values import Chapter, RunWork, StageSeconds, Turn

Make = Callable[..., tuple[Path, Timeline]]
WORK = RunWork("cpu", turns=3, audio_seconds=4.0, stages=StageSeconds(llm=2, flow=1, vocoder=0.5))


class Outline(html.parser.HTMLParser):
    """What a browser makes of a page: its elements, and the text people read."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._hidden = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page(mixed: Make, tags: AudioMetadata, tmp_path: Path) -> Outline:
    """The page of eight turns."""
    mix, timeline = mixed(8)
    with MixReader(mix) as master:
        write_page(tmp_path / "page.html", master, timeline, tags, WORK, None)
    return Outline((tmp_path / "page.html").read_text())


def test_a_page_shows_the_episode(page: Outline, tags: AudioMetadata) -> None:
    for words in (tags.title, tags.artist, tags.date, tags.comment, "The end", "Sentence 7."):
        assert words in page.text
    turns = [one for one in page.all("li") if one.get("class", "").startswith("turn")]  # type: ignore[union-attr]
    assert [turn["id"] for turn in turns] == [f"turn-{number}" for number in range(1, 9)]
    assert turns[1]["data-start"] == f"{(24_000 + 6_000) / 24_000:.6f}"


def test_its_sound_is_the_mix_in_its_place(
    mixed: Make, tags: AudioMetadata, tmp_path: Path
) -> None:
    mix, timeline = mixed(8)
    with MixReader(mix) as master:
        write_page(tmp_path / "page.html", master, timeline, tags, WORK, None)
        spoken = master.read(0, master.samples).numpy()
    [sound] = Outline((tmp_path / "page.html").read_text()).all("audio")
    kind, _, coded = str(sound["src"]).partition(",")
    assert kind == "data:audio/ogg;base64"
    heard, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(coded)), dtype="float32")
    assert (rate_hz, len(heard)) == (24_000, timeline.samples)
    spectrum = np.fft.rfft(heard, 2**19) * np.fft.rfft(spoken, 2**19).conj()
    shift = int(np.fft.irfft(spectrum).argmax())
    assert min(shift, 2**19 - shift) <= 24  # a millisecond
    assert [path.name for path in tmp_path.iterdir() if "opus" in path.name] == []


def test_nothing_comes_from_elsewhere(page: Outline) -> None:
    [policy] = [one["content"] for one in page.all("meta") if "http-equiv" in one]
    assert policy
    assert policy.startswith("default-src 'none'; media-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    addresses = [
        attributes[name]
        for _, attributes in page.elements
        for name in ("src", "href", "action", "srcset")
        if name in attributes
    ]
    assert [str(one)[:5] for one in addresses] == ["#tran", "data:"]
    assert not any(
        name.startswith("on") or name == "style" for _, one in page.elements for name in one
    )


HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror='alert(1)'> & \"quotes\" $title ${style} &amp;",
    "<|laughter|> Ha!",
    "مرحبا بالعالم 🌉 naïve\\",
    "<!-- ]]> ' ` {{x}}",
)


def test_no_text_of_a_script_is_markup(mixed: Make, tmp_path: Path) -> None:
    turns = [Turn(index % 2, text) for index, text in enumerate(HOSTILE)]
    mix, lengths = mixed(5)
    timeline = lay_out(
        turns,
        [one.stop - one.start for one in lengths.turns],
        LayoutOptions(),
        ("<b>anna</b>", "ben\"'"),
        (Chapter("</title><script>alert(2)</script>", 0),),
    )
    tags = AudioMetadata("<i>$note</i>", "</style>", "2026-01-31", "<x>", '"><y>')
    plain = AudioMetadata("a", "b", "2026-01-31", "c", "d")
    harmless = lay_out(
        [Turn(turn.speaker, "text") for turn in turns],
        [one.stop - one.start for one in lengths.turns],
        LayoutOptions(),
        ("anna", "ben"),
        (Chapter("title", 0),),
    )
    outlines = []
    for name, whose, said in (("a", timeline, tags), ("b", harmless, plain)):
        with MixReader(mix) as master:
            write_page(tmp_path / name, master, whose, said, None, None)
        outlines.append(Outline((tmp_path / name).read_text()))
    hostile, tame = outlines
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in tame.elements]
    assert "(laughter) Ha!" in hostile.text
    for text in (*(one for one in HOSTILE if "<|" not in one), "<b>anna</b>", "<i>$note</i>"):
        assert text in hostile.text


def test_chapters_without_turns_between_and_headings_within() -> None:
    timeline = lay_out(
        [Turn(0, "One."), Turn(1, "Two.")],
        [24_000, 24_000],
        LayoutOptions(),
        ("anna", "ben"),
        (Chapter("First", 0), Chapter("Second", 1)),
    )
    told = transcript(timeline)
    assert told.index("First") < told.index("One.") < told.index("Second") < told.index("Two.")
    assert told.count('<ol class="turns">') == told.count("</ol>") == 3


def test_figures_are_of_what_this_run_spoke(page: Outline) -> None:
    rows = re.findall(r"(Language model|Flow|Vocoder|All stages)(\d\.\d) s(\d\.\d\d)", page.text)
    assert rows == [
        ("Language model", "2.0", "0.50"),
        ("Flow", "1.0", "0.25"),
        ("Vocoder", "0.5", "0.12"),
        ("All stages", "3.5", "0.88"),
    ]
    assert "This run spoke 3 of them." in page.text


@pytest.mark.parametrize("work", [None, RunWork("cpu")])
def test_a_run_that_spoke_nothing_says_so(work: RunWork | None) -> None:
    timeline = lay_out([Turn(0, "One.")], [24_000], LayoutOptions(), ("anna",))
    assert made(timeline, work) == (
        "<p>1 turns, 0:01 of audio. This run spoke nothing: all of it is of earlier runs.</p>"
    )


def test_a_linked_page_points_to_the_file(mixed: Make, tags: AudioMetadata, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    output, page = tmp_path / "a b#1.flac", tmp_path / "pages" / "page.html"
    mix, timeline = mixed(4)
    options = PublishOptions(format="flac", page=page, page_audio="link")
    assert publish(mix, timeline, output, options, tags, print) == [page, output]
    outline = Outline(page.read_text())
    assert outline.all("audio")[0]["src"] == "../a%20b%231.flac"
    assert page.stat().st_size < 100_000
    assert link(tmp_path / "x.html", tmp_path / "y.mp3") == "y.mp3"


def test_peaks_are_of_their_places(mixed: Make) -> None:
    mix, timeline = mixed(12, seconds=3.0)  # more than one block
    with MixReader(mix) as master:
        whole = master.read(0, master.samples).abs().numpy()
        for bars in (1, 7, 800):
            edges = [-(-bar * len(whole) // bars) for bar in range(bars)]
            assert np.array_equal(peaks(master, bars), np.maximum.reduceat(whole, edges))
    drawing = waveform([0.5] * 100, timeline)
    assert [f'class="speaker-{number}"' in drawing for number in (1, 2, 3, 4)] == [True] * 3 + [
        False
    ]
    assert drawing.count("h1v100") == 100


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (123.9, "2:03"), (3599, "59:59"), (3723, "1:02:03")]
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(round(seconds * 24_000)) == shown
