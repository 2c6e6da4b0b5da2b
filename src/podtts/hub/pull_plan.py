"""What a pull has to fetch: the files of one commit, each with the digest it must have."""

from dataclasses import replace
from pathlib import Path

from podtts import __version__
from podtts.errors import ModelError
from podtts.hub.client import HubFile, Listing, describe, list_repo
from podtts.hub.pull_record import PullRecord, holds, read_record
from podtts.hub.registry import ModelSource, PinnedFile, wanted_files


def unfinished_plan(source: ModelSource, revision: str | None, partial: Path) -> PullRecord | None:
    """Return the plan an interrupted pull of the same thing left behind."""
    plan = read_record(partial)
    if plan is None or plan.repo != source.repo or plan.asked_revision != revision:
        return None
    return plan if _has_tokenizer(plan, source.speech_tokenizer) else None


def _has_tokenizer(record: PullRecord, pinned: PinnedFile) -> bool:
    return (pinned.repo, pinned.path, pinned.sha256) in (
        (file.repo, file.path, file.sha256) for file in record.files
    )


def is_intact(pulled: PullRecord, source: ModelSource, commit: str, final: Path) -> bool:
    """Tell whether every file of this commit and the known speech tokenizer still stand there."""
    return (
        pulled.commits.get(source.repo) == commit
        and _has_tokenizer(pulled, source.speech_tokenizer)
        and all(holds(final / file.path, file) for file in pulled.files)
    )


def make_plan(source: ModelSource, revision: str | None, listing: Listing) -> PullRecord:
    """List what to fetch, small files first: what is wrong with a repository shows early."""
    files = [describe(listing, path) for path in wanted_files(source.repo, listing.files)]
    pinned = source.speech_tokenizer
    tokenizer_listing = list_repo(pinned.repo, None)
    files.append(_speech_tokenizer(pinned, tokenizer_listing))
    return PullRecord(
        name=source.name,
        repo=source.repo,
        asked_revision=revision,
        commits={source.repo: listing.commit, pinned.repo: tokenizer_listing.commit},
        licence=source.licence,
        podtts=__version__,
        files=tuple(sorted(files, key=lambda file: (file.size, file.path))),
    )


def _speech_tokenizer(pinned: PinnedFile, listing: Listing) -> HubFile:
    """Return the speech tokenizer with the SHA-256 it must have, whatever the hub announces."""
    if pinned.path not in listing.files:
        raise ModelError(f"{pinned.repo} lacks {pinned.path}", hint="check HF_ENDPOINT")
    announced = describe(listing, pinned.path)
    if announced.sha256 not in (None, pinned.sha256):
        raise ModelError(
            f"{pinned.repo} now has another {pinned.path}: SHA-256 {announced.sha256}, "
            f"but the known one is {pinned.sha256}",
            hint="check HF_ENDPOINT; a newer podtts may know it",
        )
    return replace(announced, sha256=pinned.sha256)
