"""From a finished mix to the files that were asked for, all at once or not at all."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

from podtts.audio.loudness import CEILING_DBTP, Gain, gain_to, measure
from podtts.audio.master import Master
from podtts.audio.tags import Tags
from podtts.errors import UsageError
from podtts.publish.audio_files import write_audio, write_parts
from podtts.publish.chapters import chapters
from podtts.publish.options import PublishOptions
from podtts.publish.page import link, write_page
from podtts.publish.places import (
    chapters_file,
    left_as_they_were,
    page_file,
    split_folder,
    subtitles_file,
    transcript_file,
)
from podtts.publish.subtitles import subtitles
from podtts.publish.timeline import Timeline
from podtts.publish.transcript import transcript
from podtts.storage.staging import Staging
from podtts.values import RunWork


def publish(
    mix: Path,
    timeline: Timeline,
    output: Path,
    options: PublishOptions,
    tags: Tags,
    say: Callable[[str], None],
    work: RunWork | None = None,
) -> list[Path]:
    """Write an episode's files from its mix, which is taken away, and its timeline.

    mix:  a WAV file of 24 kHz, as long as the timeline says; in a folder beside the output, as a
          journal is, nothing is left anywhere else when the process is killed.
    tags: those the mix has, too.
    say:  told what became of the loudness, and what of an earlier run may no longer fit.
    work: what was spoken for it now, whose figures the page shows.
    returns: the files and folders, the episode's own last.
    Raises UsageError when something cannot be written; every older file then stands as it was.
    """
    with Master(mix) as master:
        assert master.samples == timeline.samples
        gain = _gain(master, options, say)
    try:
        written = _write(mix, gain, timeline, output, options, tags, work)
    except OSError as error:
        raise UsageError(
            f"{output}: cannot be published: {error.strerror}",
            "what is spoken is kept: make room, then run the same command with --resume",
        ) from error
    for path in left_as_they_were(output, options):
        say(f"{path} is of an earlier run and stays as it was; ask for it to have it written anew")
    return written


def _write(
    mix: Path,
    gain: Gain,
    timeline: Timeline,
    output: Path,
    options: PublishOptions,
    tags: Tags,
    work: RunWork | None,
) -> list[Path]:
    workshop = mix.parent if mix.parent != output.parent else None
    with Staging(workshop) as staging, Master(mix, gain.factor) as master:
        for split in options.splits:
            folder = staging.place(split_folder(output, split))
            write_parts(
                folder, split, master, timeline, options.split_format, options.rate_hz, tags
            )
        for path, text in _texts(timeline, output, options, tags):
            staging.place(path).write_text(text, encoding="utf-8", newline="\n")
        if (page := page_file(output, options)) is not None:
            linked = link(page, output) if options.page_audio == "link" else None
            write_page(staging.place(page), master, timeline, tags, work, linked)
        if options.plain:
            shutil.move(mix, staging.place(output))
        else:
            write_audio(
                staging.place(output),
                master.blocks(),
                master.samples,
                options.format,
                options.rate_hz,
                tags,
            )
    mix.unlink(missing_ok=True)
    return staging.targets


def _texts(
    timeline: Timeline, output: Path, options: PublishOptions, tags: Tags
) -> list[tuple[Path, str]]:
    texts = [
        (subtitles_file(output, kind), subtitles(timeline, kind)) for kind in options.subtitles
    ]
    if options.chapters:
        texts.append((chapters_file(output), chapters(timeline, tags.title)))
    if options.transcript:
        texts.append((transcript_file(output), transcript(timeline, tags)))
    return texts


def _gain(master: Master, options: PublishOptions, say: Callable[[str], None]) -> Gain:
    if options.loudness_lufs is None:
        return Gain()
    measured = measure(master)
    gain = gain_to(options.loudness_lufs, measured)
    if not math.isfinite(measured.lufs):
        say("loudness: the episode is silent, or shorter than 0.4 s; it stays as it is")
        return gain
    reached = (
        f"{measured.lufs:.1f} LUFS as spoken, {measured.lufs + gain.db:.1f} after {gain.db:+.1f} dB"
    )
    if gain.missing_lu > 0:
        reached += (
            f": {gain.missing_lu:.1f} LU below {options.loudness_lufs:g}, because the true peak "
            f"stays at {CEILING_DBTP:g} dBTP"
        )
    say(f"loudness: {reached}")
    return gain
