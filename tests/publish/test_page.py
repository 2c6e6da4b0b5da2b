"""The HTML of a page: complete, escaped, and without external resources."""

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
from podtts.publish.markup import clock, figures, transcript
from podtts.publish.page import relative_address, write_page
from podtts.publish.publish_options import LayoutOptions, PublishOptions
from podtts.publish.publishing import publish
from podtts.publish.timeline import Timeline, lay_out
from podtts.publish.waveform import peaks, waveform
from podtts.values import Chapter, RunWork, StageSeconds, Turn

Make = Callable[..., tuple[Path, Timeline]]
WORK = RunWork("cpu", turns=3, audio_seconds=4.0, stages=StageSeconds(llm=2, flow=1, vocoder=0.5))


class Outline(html.parser.HTMLParser):
    """The elements and the visible text of a page."""

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
    with MixReader(mix) as reader:
        write_page(tmp_path / "page.html", reader, timeline, tags, WORK, None)
    return Outline((tmp_path / "page.html").read_text())


def test_a_page_shows_the_episode(page: Outline, tags: AudioMetadata) -> None:
    for words in (tags.title, tags.artist, tags.date, tags.comment, "The end", "Sentence 7."):
        assert words in page.text
    turns = [item for item in page.all("li") if item.get("class", "").startswith("turn")]  # type: ignore[union-attr]
    assert [turn["id"] for turn in turns] == [f"turn-{number}" for number in range(1, 9)]
    assert turns[1]["data-start"] == f"{(24_000 + 6_000) / 24_000:.6f}"


def test_the_embedded_audio_is_the_mix(mixed: Make, tags: AudioMetadata, tmp_path: Path) -> None:
    mix, timeline = mixed(8)
    with MixReader(mix) as reader:
        write_page(tmp_path / "page.html", reader, timeline, tags, WORK, None)
        original = reader.read(0, reader.samples).numpy()
    [audio] = Outline((tmp_path / "page.html").read_text()).all("audio")
    kind, _, coded = str(audio["src"]).partition(",")
    assert kind == "data:audio/ogg;base64"
    embedded, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(coded)), dtype="float32")
    assert (rate_hz, len(embedded)) == (24_000, timeline.samples)
    spectrum = np.fft.rfft(embedded, 2**19) * np.fft.rfft(original, 2**19).conj()
    shift = int(np.fft.irfft(spectrum).argmax())
    assert min(shift, 2**19 - shift) <= 24  # a millisecond
    assert [path.name for path in tmp_path.iterdir() if "opus" in path.name] == []


def test_a_page_has_no_external_resources(page: Outline) -> None:
    [policy] = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy
    assert policy.startswith("default-src 'none'; media-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    addresses = [
        attributes[name]
        for _, attributes in page.elements
        for name in ("src", "href", "action", "srcset")
        if name in attributes
    ]
    assert [str(address)[:5] for address in addresses] == ["#tran", "data:"]
    assert not any(
        name.startswith("on") or name == "style"
        for _, attributes in page.elements
        for name in attributes
    )


HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror='alert(1)'> & \"quotes\" $title ${style} &amp;",
    "<|laughter|> Ha!",
    "مرحبا بالعالم 🌉 naïve\\",
    "<!-- ]]> ' ` {{x}}",
)


def test_texts_of_a_script_are_escaped(mixed: Make, tmp_path: Path) -> None:
    turns = [Turn(index % 2, text) for index, text in enumerate(HOSTILE)]
    mix, lengths = mixed(5)
    timeline = lay_out(
        turns,
        [turn.stop - turn.start for turn in lengths.turns],
        LayoutOptions(),
        ("<b>anna</b>", "ben\"'"),
        (Chapter("</title><script>alert(2)</script>", 0),),
    )
    tags = AudioMetadata("<i>$note</i>", "</style>", "2026-01-31", "<x>", '"><y>')
    plain = AudioMetadata("a", "b", "2026-01-31", "c", "d")
    harmless = lay_out(
        [Turn(turn.speaker, "text") for turn in turns],
        [turn.stop - turn.start for turn in lengths.turns],
        LayoutOptions(),
        ("anna", "ben"),
        (Chapter("title", 0),),
    )
    outlines = []
    for name, page_timeline, metadata in (("a", timeline, tags), ("b", harmless, plain)):
        with MixReader(mix) as reader:
            write_page(tmp_path / name, reader, page_timeline, metadata, None, None)
        outlines.append(Outline((tmp_path / name).read_text()))
    hostile, ordinary = outlines
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in ordinary.elements]
    assert "(laughter) Ha!" in hostile.text
    for text in (*(text for text in HOSTILE if "<|" not in text), "<b>anna</b>", "<i>$note</i>"):
        assert text in hostile.text


def test_headings_are_before_the_turns_of_their_chapters() -> None:
    timeline = lay_out(
        [Turn(0, "One."), Turn(1, "Two.")],
        [24_000, 24_000],
        LayoutOptions(),
        ("anna", "ben"),
        (Chapter("First", 0), Chapter("Second", 1)),
    )
    text = transcript(timeline)
    assert text.index("First") < text.index("One.") < text.index("Second") < text.index("Two.")
    assert text.count('<ol class="turns">') == text.count("</ol>") == 3


def test_figures_are_those_of_this_run(page: Outline) -> None:
    rows = re.findall(r"(Language model|Flow|Vocoder|All stages)(\d\.\d) s(\d\.\d\d)", page.text)
    assert rows == [
        ("Language model", "2.0", "0.50"),
        ("Flow", "1.0", "0.25"),
        ("Vocoder", "0.5", "0.12"),
        ("All stages", "3.5", "0.88"),
    ]
    assert "This run spoke 3 of them." in page.text


@pytest.mark.parametrize("work", [None, RunWork("cpu")])
def test_a_run_that_synthesized_nothing_has_no_figures(work: RunWork | None) -> None:
    timeline = lay_out([Turn(0, "One.")], [24_000], LayoutOptions(), ("anna",))
    assert figures(timeline, work) == (
        "<p>1 turn, 0:01 of audio. This run spoke nothing: all of it is of earlier runs.</p>"
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
    assert relative_address(tmp_path / "x.html", tmp_path / "y.mp3") == "y.mp3"


def test_peaks_are_the_largest_magnitudes(mixed: Make) -> None:
    mix, timeline = mixed(12, seconds=3.0)  # more than one block
    with MixReader(mix) as reader:
        magnitudes = reader.read(0, reader.samples).abs().numpy()
        for bars in (1, 7, 800):
            edges = [-(-bar * len(magnitudes) // bars) for bar in range(bars)]
            assert np.array_equal(peaks(reader, bars), np.maximum.reduceat(magnitudes, edges))
    drawing = waveform([0.5] * 100, timeline)
    assert [f'class="speaker-{number}"' in drawing for number in (1, 2, 3, 4)] == [True] * 3 + [
        False
    ]
    assert drawing.count("h1v100") == 100


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (123.9, "2:03"), (3599, "59:59"), (3723, "1:02:03")]
)
def test_positions_are_shown_as_times(seconds: float, shown: str) -> None:
    assert clock(round(seconds * 24_000)) == shown
