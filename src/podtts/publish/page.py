"""An episode as one HTML file: player, waveform and transcript, with nothing loaded from elsewhere.

Its parts stand in assets/page. The sound is Opus whatever the episode's format is: all browsers of
today play it, its places are exact (a variable MP3's are not), and an hour of it is 16 MB, 22 MB as
the text it becomes here.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import quote

from podtts.audio.metadata import AudioMetadata
from podtts.audio.mix_reader import MixReader
from podtts.publish import markup
from podtts.publish.audio_files import write_audio
from podtts.publish.language_tags import episode_tongue, marked, tongue
from podtts.publish.timeline import Timeline
from podtts.publish.waveform import peaks, waveform
from podtts.rates import OUTPUT_HZ
from podtts.values import RunWork

_BARS = 800  # of the waveform: what a screen shows
_CHUNK_BYTES = 3 * 2**18  # a multiple of 3, so that base64 of parts is the base64 of the whole


def write_page(
    path: Path,
    master: MixReader,
    timeline: Timeline,
    tags: AudioMetadata,
    work: RunWork | None,
    linked: str | None,
) -> None:
    """Write the page of an episode to a new file, with no more in memory than a block of its sound.

    work:   what this run spoke itself, for its figures; None: nothing.
    linked: address of the sound from where the page will stand; None: the sound is in the page.
    Raises OSError.
    """
    before, _, behind = _asset("page.html").partition("$audio")
    parts = _parts(master, timeline, tags, work, linked is not None)
    with path.open("x", encoding="utf-8", newline="\n") as page:
        page.write(Template(before).substitute(parts))
        if linked is not None:
            page.write(html.escape(linked))
        else:
            page.write("data:audio/ogg;base64,")
            page.writelines(_sound(path, master, tags))
        page.write(Template(behind).substitute(parts))


def passes(linked: str | None) -> int:
    """How often writing a page goes through the mix: for the waveform, and for sound within."""
    return 1 if linked is not None else 2


def link(page: Path, output: Path) -> str:
    """The address of an episode's file in a page that stands at `page`."""
    return quote(os.path.relpath(output, page.parent).replace(os.sep, "/"))


def _parts(
    master: MixReader,
    timeline: Timeline,
    tags: AudioMetadata,
    work: RunWork | None,
    is_linked: bool,
) -> dict[str, str]:
    style, script = _asset("page.css"), _asset("page.js")
    whole = episode_tongue(timeline)
    return {
        "policy": _policy(style, script, is_linked),
        "style": style,
        "script": script,
        "tongue": whole,
        "head_tongue": marked(tongue(tags.title), whole),
        "title": html.escape(tags.title),
        "title_tongue": marked(tongue(tags.title)),
        "byline_tongue": marked(tongue(tags.artist)),
        "byline": html.escape(" · ".join(filter(None, (tags.artist, tags.date)))),
        "note": html.escape(tags.comment),
        "software": html.escape(tags.software),
        "seconds": f"{timeline.samples / OUTPUT_HZ:.6f}",
        "length": markup.clock(timeline.samples),
        "waveform": waveform(peaks(master, _BARS), timeline),
        "speakers": markup.speakers(timeline),
        "chapters": markup.chapters(timeline),
        "transcript": markup.transcript(timeline),
        "made": markup.made(timeline, work),
    }


def _policy(style: str, script: str, is_linked: bool) -> str:
    """What a browser may load for the page: the sound; and run: this very style and script."""
    sound = "'self' file:" if is_linked else "data:"
    return (
        f"default-src 'none'; media-src {sound}; style-src '{_digest(style)}'; "
        f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _sound(path: Path, master: MixReader, tags: AudioMetadata) -> Iterator[str]:
    """Encode the whole beside the page, and yield it as base64."""
    encoded = path.with_name(f"{path.name}.opus")
    try:
        write_audio(encoded, master.blocks(), master.samples, "opus", OUTPUT_HZ, tags)
        with encoded.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield base64.b64encode(chunk).decode()
    finally:
        encoded.unlink(missing_ok=True)


def _asset(name: str) -> str:
    return (files("podtts") / "assets" / "page" / name).read_text(encoding="utf-8")
