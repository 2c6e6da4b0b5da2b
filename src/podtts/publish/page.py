"""Writes the page of an episode: one HTML file with player, waveform and transcript.

The page loads nothing from the network. Its templates are in assets/page. The embedded audio is
Opus, whatever the format of the episode: all current browsers play it, its positions are exact
(those of a variable MP3 are not), and an hour takes 16 MB, or 22 MB as base64.
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
from podtts.publish.language_tags import episode_language_tag, lang, language_tag
from podtts.publish.timeline import Timeline
from podtts.publish.waveform import peaks, waveform
from podtts.rates import OUTPUT_HZ
from podtts.values import RunWork

_BARS = 800  # of the waveform: about the width of a screen
_CHUNK_BYTES = 3 * 2**18  # a multiple of 3, so that base64 can be encoded in chunks


def write_page(
    path: Path,
    mix: MixReader,
    timeline: Timeline,
    tags: AudioMetadata,
    work: RunWork | None,
    linked: str | None,
) -> None:
    """Write the page of an episode to a new file, one block of audio at a time.

    work:   what this run synthesized, for the figures of the page; None: nothing.
    linked: address of the audio, relative to the final page; None embeds the audio in the page.
    Raises OSError.
    """
    before, _, after = _asset("page.html").partition("$audio")
    parts = _parts(mix, timeline, tags, work, linked is not None)
    with path.open("x", encoding="utf-8", newline="\n") as page:
        page.write(Template(before).substitute(parts))
        if linked is not None:
            page.write(html.escape(linked))
        else:
            page.write("data:audio/ogg;base64,")
            page.writelines(_embedded_audio(path, mix, tags))
        page.write(Template(after).substitute(parts))


def mix_passes(linked: str | None) -> int:
    """Return how often `write_page` reads the mix: for the waveform, and for embedded audio."""
    return 1 if linked is not None else 2


def relative_address(page: Path, output: Path) -> str:
    """Return the address of an episode's audio file in the page at `page`."""
    return quote(os.path.relpath(output, page.parent).replace(os.sep, "/"))


def _parts(
    mix: MixReader,
    timeline: Timeline,
    tags: AudioMetadata,
    work: RunWork | None,
    is_linked: bool,
) -> dict[str, str]:
    style, script = _asset("page.css"), _asset("page.js")
    language = episode_language_tag(timeline)
    return {
        "policy": _policy(style, script, is_linked),
        "style": style,
        "script": script,
        "language": language,
        "head_language": lang(language_tag(tags.title), language),
        "title": html.escape(tags.title),
        "title_language": lang(language_tag(tags.title)),
        "byline_language": lang(language_tag(tags.artist)),
        "byline": html.escape(" · ".join(filter(None, (tags.artist, tags.date)))),
        "note": html.escape(tags.comment),
        "software": html.escape(tags.software),
        "seconds": f"{timeline.samples / OUTPUT_HZ:.6f}",
        "length": markup.clock(timeline.samples),
        "waveform": waveform(peaks(mix, _BARS), timeline),
        "speakers": markup.speakers(timeline),
        "chapters": markup.chapters(timeline),
        "transcript": markup.transcript(timeline),
        "figures": markup.figures(timeline, work),
    }


def _policy(style: str, script: str, is_linked: bool) -> str:
    """Return the content security policy: only the audio, this style and this script."""
    audio = "'self' file:" if is_linked else "data:"
    return (
        f"default-src 'none'; media-src {audio}; style-src '{_digest(style)}'; "
        f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embedded_audio(path: Path, mix: MixReader, tags: AudioMetadata) -> Iterator[str]:
    """Encode the mix to a file beside the page, and yield it as base64."""
    encoded = path.with_name(f"{path.name}.opus")
    try:
        write_audio(encoded, mix.blocks(), mix.samples, "opus", OUTPUT_HZ, tags)
        with encoded.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield base64.b64encode(chunk).decode()
    finally:
        encoded.unlink(missing_ok=True)


def _asset(name: str) -> str:
    return (files("podtts") / "assets" / "page" / name).read_text(encoding="utf-8")
