"""Publishes an episode: writes all its files from the finished mix, or none of them."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from podtts.audio.loudness import (
    CEILING_DBTP,
    MEASURING_PASSES,
    Gain,
    Loudness,
    gain_to,
    measure,
)
from podtts.audio.metadata import AudioMetadata
from podtts.audio.mix_reader import Level, MixReader
from podtts.audio.soundtrack import Soundtrack
from podtts.errors import DiskError
from podtts.publish.audio_files import write_audio, write_parts
from podtts.publish.balance import balance
from podtts.publish.chapters import chapter_marks, chapters
from podtts.publish.content_credentials import sign
from podtts.publish.episode_files import (
    chapters_file,
    leftover_files,
    other_episodes,
    page_file,
    split_folder,
    subtitles_file,
    transcript_file,
)
from podtts.publish.page import mix_passes, relative_address, write_page
from podtts.publish.progress import Watch, no_progress
from podtts.publish.publish_options import PublishOptions
from podtts.publish.score import score
from podtts.publish.subtitles import subtitles
from podtts.publish.timeline import Timeline
from podtts.publish.transcript import transcript
from podtts.storage.disk_errors import disk_error
from podtts.storage.staging import Staging
from podtts.values import RunWork

_LEAST_EXCESS_DB = 0.1  # of a true peak that is worth a change


@dataclass(frozen=True)
class _MixSource:
    """Opens the mix for every step of publishing, with its gains, and reports the progress."""

    path: Path
    watch: Watch
    levels: Sequence[Level] = ()
    soundtrack: Soundtrack = field(default_factory=Soundtrack)
    gain: Gain = field(default_factory=Gain)

    @property
    def speech_alone(self) -> _MixSource:
        """The same without music, as long as the episode."""
        return replace(self, soundtrack=replace(self.soundtrack, sounds=()))

    @contextmanager
    def step(self, verb: str, what: str, samples: int) -> Iterator[MixReader]:
        """Open the mix for a step that reads this many samples in total; see `Watch`."""
        with (
            self.watch(verb, what, samples) as advance,
            MixReader(self.path, self.gain.factor, self.levels, advance, self.soundtrack) as mix,
        ):
            yield mix


def publish(
    mix: Path,
    timeline: Timeline,
    output: Path,
    options: PublishOptions,
    tags: AudioMetadata,
    report: Callable[[str], None],
    work: RunWork | None = None,
    watch: Watch = no_progress,
) -> list[Path]:
    """Write the files of an episode from its mix and timeline, and remove the mix.

    mix:    the speech, a WAV file of 24 kHz, as long as the timeline. If its folder is beside the
            output, like a journal, a killed process leaves temporary files only there.
    tags:   metadata of the files; the mix has the same.
    report: called with messages about music and loudness, about files of another episode that are
            replaced, and about files that may be outdated.
    work:   what this run synthesized, for the figures of the page.
    watch:  called for every step that takes longer for longer episodes.
    returns: the files and folders; the audio file of the episode is the last.
    Raises DiskError when a file cannot be written, and AudioError when a file of music was changed;
    then every older file is unchanged.
    """
    with MixReader(mix) as reader:
        assert reader.samples == timeline.samples
    source = _MixSource(mix, watch)
    source = replace(source, levels=_levels(source, timeline, options, report))
    source = replace(source, soundtrack=_soundtrack(source, timeline, options, report))
    timeline = timeline.surrounded(source.soundtrack.before, source.soundtrack.after)
    source = replace(source, gain=_gain(source, timeline, options, report))
    try:
        written, replaced = _write(source, timeline, output, options, tags, work)
    except (OSError, DiskError) as error:  # both may name a file by its hidden name
        cause = error if isinstance(error, OSError) else error.__cause__
        assert isinstance(cause, OSError)
        raise disk_error(_refused(cause, output), cause, "choose another output file") from cause
    if replaced:
        names, others = ", ".join(map(str, replaced)), ", ".join(map(str, other_episodes(output)))
        report(
            f"replaced, although perhaps of another episode ({others}): {names}; give episodes of "
            "one folder different names"
        )
    if leftovers := leftover_files(output, options):
        names = ", ".join(map(str, leftovers))
        report(
            f"not changed, from an earlier run, and perhaps outdated: {names}; repeat their flags "
            "to write them again"
        )
    return written


def _refused(error: OSError, output: Path) -> Path:
    """The path to name: the output for all of its files, whose hidden names tell nobody a thing."""
    folder = Path(error.filename or output).parent
    return output if folder.exists() else folder


def _write(
    source: _MixSource,
    timeline: Timeline,
    output: Path,
    options: PublishOptions,
    tags: AudioMetadata,
    work: RunWork | None,
) -> tuple[list[Path], list[Path]]:
    """Write the files; return them, and those that may have been of another episode."""
    turn_samples = sum(turn.stop - turn.start for turn in timeline.turns)
    work_folder = source.path.parent if source.path.parent != output.parent else None
    with Staging(work_folder) as staging:
        for split in options.splits:
            folder, kind = split_folder(output, split), options.split_format
            with source.speech_alone.step("writing", folder.name, turn_samples) as mix:
                path = staging.path_for(folder)
                write_parts(path, split, mix, timeline, kind, options.rate_hz, tags)
        for path, text in _texts(timeline, output, options, tags):
            staging.path_for(path).write_text(text, encoding="utf-8", newline="\n")
        if (page := page_file(output, options)) is not None:
            linked = relative_address(page, output) if options.page_audio == "link" else None
            with source.step("writing", page.name, mix_passes(linked) * timeline.samples) as mix:
                write_page(staging.path_for(page), mix, timeline, tags, work, linked)
        episode = staging.path_for(output)
        if options.plain:
            shutil.move(source.path, episode)
        else:
            with source.step("encoding", output.name, timeline.samples) as mix:
                write_audio(
                    episode,
                    mix.blocks(),
                    mix.samples,
                    options.format,
                    options.rate_hz,
                    _tags_of_episode(timeline, options, tags),
                    options.bitrate_kbps,
                )
        if options.credentials is not None:
            sign(episode, options.format, options.credentials, tags.title)
        changing = staging.changing() if other_episodes(output) else []
    source.path.unlink(missing_ok=True)
    return staging.targets, [path for path in changing if path != staging.targets[-1]]


def _tags_of_episode(
    timeline: Timeline, options: PublishOptions, tags: AudioMetadata
) -> AudioMetadata:
    """What the episode's own file has, and its parts and its page do not."""
    marks = chapter_marks(timeline) if options.chapters else ()
    return replace(tags, chapters=marks, cover=options.cover)


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


def _levels(
    source: _MixSource, timeline: Timeline, options: PublishOptions, report: Callable[[str], None]
) -> Sequence[Level]:
    if not options.balance:
        return ()
    turn_samples = sum(turn.stop - turn.start for turn in timeline.turns)
    with source.step("measuring", "speakers", MEASURING_PASSES * turn_samples) as mix:
        balanced = balance(mix, timeline)
    report(balanced.report(timeline))
    return balanced.levels(timeline)


def _soundtrack(
    source: _MixSource, timeline: Timeline, options: PublishOptions, report: Callable[[str], None]
) -> Soundtrack:
    if not options.music_files:
        return Soundtrack()
    with source.step("measuring", "speech", MEASURING_PASSES * timeline.samples) as mix:
        soundtrack, levels = score(measure(mix), timeline, options)
    report(f"music: {', '.join(levels)}")
    return soundtrack


def _gain(
    source: _MixSource, timeline: Timeline, options: PublishOptions, report: Callable[[str], None]
) -> Gain:
    target = options.loudness_lufs
    if target is None and not options.music_files:
        return Gain()
    with source.step("measuring", "loudness", MEASURING_PASSES * timeline.samples) as mix:
        measured = measure(mix)
    if target is None:
        return _room_for_music(measured, report)
    gain = gain_to(target, measured)
    if not math.isfinite(measured.lufs):
        report("loudness: not changed, because the episode is silent or shorter than 0.4 s")
        return gain
    how = "as mixed" if options.music_files else "as spoken"
    reached = (
        f"{measured.lufs:.1f} LUFS {how}, {measured.lufs + gain.db:.1f} after {gain.db:+.1f} dB"
    )
    if gain.missing_lu > 0:
        reached += (
            f": {gain.missing_lu:.1f} LU below {target:g}, because the true peak "
            f"stays at {CEILING_DBTP:g} dBTP"
        )
    report(f"loudness: {reached}")
    return gain


def _room_for_music(measured: Loudness, report: Callable[[str], None]) -> Gain:
    """Lower an episode whose speech and music add up to more than its samples can hold."""
    excess_db = measured.true_peak_dbtp - CEILING_DBTP
    if excess_db < _LEAST_EXCESS_DB:
        return Gain()
    report(
        f"loudness: {-excess_db:+.1f} dB for the whole episode, so that its true peak is at "
        f"{CEILING_DBTP:g} dBTP with the music"
    )
    return Gain(-excess_db)
