"""From a finished mix to the files that were asked for, all at once or not at all."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from podtts.audio.loudness import CEILING_DBTP, MEASURING_PASSES, Gain, gain_to, measure
from podtts.audio.metadata import AudioMetadata
from podtts.audio.mix_reader import MixReader
from podtts.errors import UsageError
from podtts.publish.audio_files import write_audio, write_parts
from podtts.publish.chapters import chapters
from podtts.publish.episode_files import (
    chapters_file,
    left_as_they_were,
    page_file,
    split_folder,
    subtitles_file,
    transcript_file,
)
from podtts.publish.page import link, passes, write_page
from podtts.publish.progress import Watch, unwatched
from podtts.publish.publish_options import PublishOptions
from podtts.publish.subtitles import subtitles
from podtts.publish.timeline import Timeline
from podtts.publish.transcript import transcript
from podtts.storage.staging import Staging
from podtts.values import RunWork


class _Reading:
    """The mix, opened anew for every step, so that each tells how far it is."""

    def __init__(self, mix: Path, watch: Watch, gain: Gain | None = None) -> None:
        self.mix, self._watch, self._gain = mix, watch, gain or Gain()

    def louder(self, gain: Gain) -> _Reading:
        """The same with a gain."""
        return _Reading(self.mix, self._watch, gain)

    @contextmanager
    def step(self, verb: str, what: str, samples: int) -> Iterator[MixReader]:
        """Read about so many samples in all, to do something to what people know by that name."""
        with (
            self._watch(verb, what, samples) as heard,
            MixReader(self.mix, self._gain.factor, heard) as master,
        ):
            yield master


def publish(
    mix: Path,
    timeline: Timeline,
    output: Path,
    options: PublishOptions,
    tags: AudioMetadata,
    say: Callable[[str], None],
    work: RunWork | None = None,
    watch: Watch = unwatched,
) -> list[Path]:
    """Write an episode's files from its mix, which is taken away, and its timeline.

    mix:   a WAV file of 24 kHz, as long as the timeline says; in a folder beside the output, as a
           journal is, nothing is left anywhere else when the process is killed.
    tags:  those the mix has, too.
    say:   told what became of the loudness, and what of an earlier run may no longer fit.
    work:  what was spoken for it now, whose figures the page shows.
    watch: told of every step that grows with the episode.
    returns: the files and folders, the episode's own last.
    Raises UsageError when something cannot be written; every older file then stands as it was.
    """
    with MixReader(mix) as master:
        assert master.samples == timeline.samples
    reading = _Reading(mix, watch)
    reading = reading.louder(_gain(reading, timeline, options, say))
    try:
        written = _write(reading, timeline, output, options, tags, work)
    except OSError as error:
        raise UsageError(
            f"{output}: cannot be published: {error.strerror}",
            "what is spoken is kept: make room, then run the same command with --resume",
        ) from error
    if left := left_as_they_were(output, options):
        names = ", ".join(map(str, left))
        say(
            f"of an earlier run, and left as it was: {names}; what is asked for again is written "
            "anew"
        )
    return written


def _write(
    reading: _Reading,
    timeline: Timeline,
    output: Path,
    options: PublishOptions,
    tags: AudioMetadata,
    work: RunWork | None,
) -> list[Path]:
    spoken = sum(turn.stop - turn.start for turn in timeline.turns)
    workshop = reading.mix.parent if reading.mix.parent != output.parent else None
    with Staging(workshop) as staging:
        for split in options.splits:
            folder, kind = split_folder(output, split), options.split_format
            with reading.step("writing", folder.name, spoken) as master:
                place = staging.path_for(folder)
                write_parts(place, split, master, timeline, kind, options.rate_hz, tags)
        for path, text in _texts(timeline, output, options, tags):
            staging.path_for(path).write_text(text, encoding="utf-8", newline="\n")
        if (page := page_file(output, options)) is not None:
            linked = link(page, output) if options.page_audio == "link" else None
            with reading.step("writing", page.name, passes(linked) * timeline.samples) as master:
                write_page(staging.path_for(page), master, timeline, tags, work, linked)
        if options.plain:
            shutil.move(reading.mix, staging.path_for(output))
        else:
            with reading.step("encoding", output.name, timeline.samples) as master:
                write_audio(
                    staging.path_for(output),
                    master.blocks(),
                    master.samples,
                    options.format,
                    options.rate_hz,
                    tags,
                )
    reading.mix.unlink(missing_ok=True)
    return staging.targets


def _texts(
    timeline: Timeline, output: Path, options: PublishOptions, tags: AudioMetadata
) -> list[tuple[Path, str]]:
    texts = [
        (subtitles_file(output, kind), subtitles(timeline, kind)) for kind in options.subtitles
    ]
    if options.chapters:
        texts.append((chapters_file(output), chapters(timeline, tags.title)))
    if options.transcript:
        texts.append((transcript_file(output), transcript(timeline, tags)))
    return texts


def _gain(
    reading: _Reading, timeline: Timeline, options: PublishOptions, say: Callable[[str], None]
) -> Gain:
    if options.loudness_lufs is None:
        return Gain()
    with reading.step("measuring", "loudness", MEASURING_PASSES * timeline.samples) as master:
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
