"""The paths of an episode's files and folders, and whether podtts may write them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from podtts.errors import UsageError
from podtts.publish.publish_options import (
    BESIDE,
    FORMATS,
    LOSSLESS,
    SPLITS,
    SUBTITLES,
    PublishOptions,
    Split,
)
from podtts.storage.permissions import is_read_only

_PART = re.compile(rf"\d+-[^/]+\.({'|'.join(LOSSLESS)})")
_SUBTITLES_JSON, _CHAPTERS_JSON = ".subtitles.json", ".chapters.json"
_UNSAFE = re.compile(r"[^\w-]")
_MAX_NAME = 40  # characters of up to four bytes; a file name has at most 255 bytes


def episode_file(folder: Path, name: str, ending: str) -> Path:
    """The file of an episode; the other files of the episode are beside it and have its name."""
    return folder / f"{name}.{ending}"


def subtitles_file(output: Path, kind: str) -> Path:
    """Return the path of subtitles; players look for `episode.srt` beside `episode.mp3`."""
    return output.with_name(f"{output.stem}{_SUBTITLES_JSON if kind == 'json' else f'.{kind}'}")


def chapters_file(output: Path) -> Path:
    """Return the path of the chapters."""
    return output.with_name(f"{output.stem}{_CHAPTERS_JSON}")


def transcript_file(output: Path) -> Path:
    """Return the path of the transcript."""
    return output.with_name(f"{output.stem}.transcript.md")


def page_file(output: Path, options: PublishOptions) -> Path | None:
    """Return the path of the page, or None when the options have no page."""
    return output.with_suffix(".html") if options.page == BESIDE else options.page


def split_folder(output: Path, split: Split) -> Path:
    """Return the folder of an episode's parts."""
    return output.with_name(f"{output.stem}.{split}")


def part_name(number: int, digits: int, name: str, ending: str) -> str:
    """Return the file name of a part, `0001-anna.wav`, without characters unsafe in file names."""
    return f"{number:0{digits}}-{_UNSAFE.sub('_', name)[:_MAX_NAME]}.{ending}"


def check_output_paths(output: Path, options: PublishOptions, script: str) -> None:
    """Refuse to overwrite the script, music, or files that podtts did not write.

    Raises UsageError.
    """
    others = [*_files(output, options)]
    if output in others:
        raise UsageError(f"{output} would be both audio and text", "choose another output file")
    if isinstance(options.page, Path):
        _check_page(options.page, [output, *others])
    for path in (output, *others):
        if path.is_dir():
            raise UsageError(f"{path} is a folder", "move it away, or choose another output file")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is a pipe or a device", "choose another name for the file")
        if path.exists() and Path(script).exists() and path.samefile(script):
            raise UsageError(f"{path} is the script itself", "choose another output file")
        for name, music in options.music_files.items():
            if path.exists() and Path(music.path).exists() and path.samefile(music.path):
                raise UsageError(f"{path} is the file of --{name}", "choose another output file")
    for folder in _folders(output, options):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is not a folder", "move it away")
        foreign = sorted(
            path.name
            for path in (folder.iterdir() if folder.is_dir() else ())
            if not _PART.fullmatch(path.name) or not path.is_file()
        )
        if foreign:
            raise UsageError(
                f"{folder} contains {foreign[0]}, which is not part of an episode and would be "
                "lost",
                "move it away",
            )


def check_writable(output: Path, options: PublishOptions) -> None:
    """Refuse files that are read-only, and folders that take no new file. Raises UsageError."""
    files, folders = [output, *_files(output, options)], _folders(output, options)
    for path in (*files, *folders):
        if is_read_only(path):
            raise UsageError(
                f"{path} is read-only", "allow writing to it, or choose another output file"
            )
    for folder in dict.fromkeys(file.parent for file in files):
        if is_read_only(folder):
            raise UsageError(f"the folder {folder} is read-only", "choose another output file")


def other_episodes(output: Path) -> list[Path]:
    """Return the audio files beside an output that share the names of its other files."""
    files = (output.with_suffix(f".{ending}") for ending in FORMATS)
    return [file for file in files if file != output and file.is_file()]


def is_json_of_an_episode(name: str) -> bool:
    """Whether the name is that of an episode's subtitles or chapters in JSON, not of a script."""
    return name.casefold().endswith((_SUBTITLES_JSON, _CHAPTERS_JSON))


def episode_files(output: Path, options: PublishOptions) -> list[Path]:
    """Return all files of a published episode, with every part; the audio file first."""
    parts = [path for folder in _folders(output, options) for path in sorted(folder.iterdir())]
    return [output, *_files(output, options), *parts]


def file_digests(output: Path, options: PublishOptions) -> dict[str, str]:
    """SHA-256 of all files of a published episode, by name in its folder, its own first.

    Raises OSError.
    """
    paths = episode_files(output, options)
    return {path.relative_to(output.parent).as_posix(): file_sha256(path) for path in paths}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def leftover_files(output: Path, options: PublishOptions) -> list[Path]:
    """Return files of an earlier run that this run does not write, so they may be outdated."""
    everything = PublishOptions(splits=SPLITS, subtitles=SUBTITLES, chapters=True, transcript=True)
    written = {*_files(output, options), *_folders(output, options)}
    possible = [*_files(output, everything), *_folders(output, everything)]
    return [path for path in possible if path not in written and path.exists()]


def _check_page(page: Path, written: list[Path]) -> None:
    if [path.resolve() for path in written].count(page.resolve()) > 1:
        raise UsageError(f"{page} would be written twice", "choose another name for the page")
    if not page.parent.is_dir():
        raise UsageError(f"there is no folder {page.parent}", f"run: mkdir -p {page.parent}")


def _folders(output: Path, options: PublishOptions) -> list[Path]:
    return [split_folder(output, split) for split in options.splits]


def _files(output: Path, options: PublishOptions) -> Iterator[Path]:
    yield from (subtitles_file(output, kind) for kind in options.subtitles)
    if options.chapters:
        yield chapters_file(output)
    if options.transcript:
        yield transcript_file(output)
    if (page := page_file(output, options)) is not None:
        yield page
