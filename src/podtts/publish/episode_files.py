"""Which files and folders an episode has beside its own, and whether they may be written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from podtts.errors import UsageError
from podtts.publish.publish_options import (
    BESIDE,
    LOSSLESS,
    SPLITS,
    SUBTITLES,
    PublishOptions,
    Split,
)

_PART = re.compile(rf"\d+-[^/]+\.({'|'.join(LOSSLESS)})")
_SUBTITLES_JSON, _CHAPTERS_JSON = ".subtitles.json", ".chapters.json"
_UNSAFE = re.compile(r"[^\w-]")
_LONGEST_NAME = 40  # characters, four bytes each at worst: files' names have 255


def episode_file(folder: Path, name: str, ending: str) -> Path:
    """The file of an episode; the other files of the episode are beside it and have its name."""
    return folder / f"{name}.{ending}"


def subtitles_file(output: Path, kind: str) -> Path:
    """Where subtitles stand; players look for `episode.srt` beside `episode.mp3`."""
    return output.with_name(f"{output.stem}{_SUBTITLES_JSON if kind == 'json' else f'.{kind}'}")


def chapters_file(output: Path) -> Path:
    """Where the chapters stand."""
    return output.with_name(f"{output.stem}{_CHAPTERS_JSON}")


def transcript_file(output: Path) -> Path:
    """Where the transcript stands."""
    return output.with_name(f"{output.stem}.transcript.md")


def page_file(output: Path, options: PublishOptions) -> Path | None:
    """Where the page stands; None where none is asked for."""
    return output.with_suffix(".html") if options.page == BESIDE else options.page


def split_folder(output: Path, split: Split) -> Path:
    """The folder of an episode's parts."""
    return output.with_name(f"{output.stem}.{split}")


def part_name(number: int, digits: int, name: str, ending: str) -> str:
    """The file name of a part, `0001-anna.wav`; a name may hold anything, a file's may not."""
    return f"{number:0{digits}}-{_UNSAFE.sub('_', name)[:_LONGEST_NAME]}.{ending}"


def check_places(output: Path, options: PublishOptions, script: str) -> None:
    """Refuse to write over the script, or over what no run has written. Raises UsageError."""
    beside = [*_files(output, options)]
    if output in beside:
        raise UsageError(f"{output} would be both sound and text", "choose another output file")
    if isinstance(options.page, Path):
        _check_page(options.page, [output, *beside])
    for path in (output, *beside):
        if path.is_dir():
            raise UsageError(f"{path} is a folder", "move it away, or choose another output file")
        if path.exists() and Path(script).exists() and path.samefile(script):
            raise UsageError(f"{path} is the script itself", "choose another output file")
    for folder in _folders(output, options):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is no folder", "move it away")
        foreign = sorted(
            path.name
            for path in (folder.iterdir() if folder.is_dir() else ())
            if not _PART.fullmatch(path.name) or not path.is_file()
        )
        if foreign:
            raise UsageError(
                f"{folder} holds {foreign[0]}, which is no part of an episode and would be lost",
                "move it away",
            )


def is_json_of_an_episode(name: str) -> bool:
    """Whether a file is named as the JSON is that stands beside an episode: it is no script."""
    return name.casefold().endswith((_SUBTITLES_JSON, _CHAPTERS_JSON))


def episode_files(output: Path, options: PublishOptions) -> list[Path]:
    """All files of an episode that was published: its own first, and every one of its parts."""
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


def left_as_they_were(output: Path, options: PublishOptions) -> list[Path]:
    """Files beside an episode that are not written this time and may no longer fit it."""
    everything = PublishOptions(splits=SPLITS, subtitles=SUBTITLES, chapters=True, transcript=True)
    written = {*_files(output, options), *_folders(output, options)}
    there = [*_files(output, everything), *_folders(output, everything)]
    return [path for path in there if path not in written and path.exists()]


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
