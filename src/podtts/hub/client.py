"""A client of the Hugging Face hub: lists the files of a repository and downloads a file.

huggingface_hub provides the endpoint (HF_ENDPOINT), the token, proxies, the offline switch and the
listing. This module downloads the bytes itself, with huggingface_hub's session, because the
downloader of huggingface_hub cannot resume a partial file since version 1.18 (its pull request
4228): a download killed after 3 of 4 GB would start again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from podtts import __version__
from podtts.errors import ModelError

_CHUNK_BYTES = 256 * 1024
# Waits after the first, second ... failure in a row that brought no new byte.
RETRY_WAITS_SECONDS: tuple[float, ...] = (0, 1, 2, 4, 8, 15)
_TEMPORARY_STATUS = frozenset({408, 416, 429, 500, 502, 503, 504})
RESUME_HINT = "run the same command again: it continues the download"


class NotOnHubError(ModelError):
    """The hub has no such repository, revision or file."""


class HubOfflineError(ModelError):
    """HF_HUB_OFFLINE forbids requests to the hub."""


@dataclass(frozen=True)
class HubFile:
    """A file of a repository, with its size and at least one digest of its content."""

    repo: str
    path: str
    size: int  # bytes
    sha256: str | None = None  # the hub lists it for large files
    git_sha1: str | None = None  # git blob id, which the hub lists for small files

    def __post_init__(self) -> None:
        if self.sha256 is None and self.git_sha1 is None:
            raise ModelError(f"{self.repo}: no checksum is known for {self.path}")


@dataclass(frozen=True)
class Listing:
    """The files of a repository at one commit; None for a file without size or digest."""

    repo: str
    commit: str
    files: Mapping[str, HubFile | None]


def list_repo(repo: str, revision: str | None) -> Listing:
    """Resolve a revision (branch, tag, commit; None is the main branch) and list its files.

    Raises NotOnHubError, HubOfflineError; ModelError when the hub cannot be reached or its answer
    is not valid.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError, OfflineModeIsEnabled  # type: ignore[attr-defined]

    try:
        info = HfApi().model_info(repo, revision=revision, files_metadata=True)
    except (HTTPError, OfflineModeIsEnabled) as error:
        raise _explain(error, repo, revision) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{_endpoint()} answers, but not with a listing of {repo}") from error
    if not info.sha or not re.fullmatch(r"[0-9a-f]{40}", info.sha) or not info.siblings:
        raise ModelError(f"{_endpoint()} lists no files of {repo}, or no commit")
    files: dict[str, HubFile | None] = {}
    for entry in info.siblings:
        if entry.lfs is not None:
            file = HubFile(repo, entry.rfilename, entry.lfs.size, sha256=entry.lfs.sha256)
        elif entry.size is not None and entry.blob_id is not None:
            file = HubFile(repo, entry.rfilename, entry.size, git_sha1=entry.blob_id)
        else:
            file = None
        files[entry.rfilename] = file
    return Listing(repo, info.sha, files)


def listed_file(listing: Listing, path: str) -> HubFile:
    """Return a listed file with size and digest; requests them from mirrors that list only names.

    Raises as `list_repo` does.
    """
    return listing.files[path] or _request_metadata(listing, path)


def _request_metadata(listing: Listing, path: str) -> HubFile:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HTTPError, OfflineModeIsEnabled  # type: ignore[attr-defined]

    try:
        metadata = get_hf_file_metadata(hf_hub_url(listing.repo, path, revision=listing.commit))
    except (HTTPError, OfflineModeIsEnabled) as error:
        raise _explain(error, listing.repo, listing.commit) from error
    etag = metadata.etag or ""
    digests = {64: "sha256", 40: "git_sha1"}
    if metadata.size is None or len(etag) not in digests or not re.fullmatch(r"[0-9a-f]+", etag):
        raise ModelError(f"{_endpoint()} does not state size and checksum of {listing.repo}/{path}")
    return HubFile(listing.repo, path, metadata.size, **{digests[len(etag)]: etag})


def download_file(commit: str, file: HubFile, part: Path, on_bytes: Callable[[int], None]) -> None:
    """Download the rest of a file into `part`; does not check the content.

    Retries after broken connections and from busy servers, as long as new bytes arrive.
    on_bytes: called with the size of `part` while it grows.
    Raises NotOnHubError, HubOfflineError, ModelError; OSError from the disk.
    """
    from huggingface_hub.errors import HTTPError, OfflineModeIsEnabled  # type: ignore[attr-defined]

    failures = 0
    most_bytes = _size(part)
    while True:
        try:
            _append(commit, file, part, on_bytes)
        except (HTTPError, OfflineModeIsEnabled) as error:
            failures = 0 if _size(part) > most_bytes else failures + 1
            most_bytes = max(most_bytes, _size(part))
            if not _is_temporary(error) or failures == len(RETRY_WAITS_SECONDS):
                raise _explain(error, file.repo, commit, file.path) from error
            time.sleep(RETRY_WAITS_SECONDS[failures])
        else:
            return


def _append(commit: str, file: HubFile, part: Path, on_bytes: Callable[[int], None]) -> None:
    """Append the rest of a file in one request; stop when it exceeds the listed size."""
    from huggingface_hub import constants, get_session, hf_hub_url, hf_raise_for_status
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    start = _size(part)
    if start == file.size and part.exists():
        return
    if start > file.size:
        part.unlink()
        start = 0
    headers = build_hf_headers(library_name="podtts", library_version=__version__)
    headers["Accept-Encoding"] = "identity"  # ranges count uncompressed bytes
    if start:
        headers["Range"] = f"bytes={start}-"
    url = hf_hub_url(file.repo, file.path, revision=commit)
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
        if response.status_code == 416:  # the file on the server is shorter than `start`
            part.unlink(missing_ok=True)
        hf_raise_for_status(response)
        continues = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        with part.open("ab" if response.status_code == 206 and continues else "wb") as sink:
            for chunk in response.iter_bytes(_CHUNK_BYTES):
                sink.write(chunk)
                on_bytes(sink.tell())
                if sink.tell() > file.size:
                    return


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _is_temporary(error: Exception) -> bool:
    """Return whether the same request may succeed later."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _TEMPORARY_STATUS
    return not isinstance(error, OfflineModeIsEnabled)


def _endpoint() -> str:
    from huggingface_hub import constants

    return constants.ENDPOINT


def _explain(error: Exception, repo: str, revision: str | None, path: str = "") -> ModelError:
    """Convert an error of huggingface_hub into a message of one line."""
    from huggingface_hub import errors

    endpoint = _endpoint()
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubOfflineError(
            f"cannot look up {repo} at {endpoint}: HF_HUB_OFFLINE is set",
            hint="unset HF_HUB_OFFLINE, or use --model with a directory on this machine",
        )
    if not isinstance(error, errors.HfHubHTTPError):
        reason = str(error) or type(error).__name__
        return ModelError(
            f"cannot reach {endpoint} for {repo}: {reason}",
            hint=f"check the connection, proxies and HF_ENDPOINT, then {RESUME_HINT}",
        )
    status = error.response.status_code
    if status in (401, 403):
        return ModelError(
            f"{endpoint} denies access to {repo} ({status}): it is gated, private or missing",
            hint=f"accept its terms at {endpoint}/{repo} if it has any, and set a valid HF_TOKEN",
        )
    if status == 404 and path:
        return NotOnHubError(
            f"{repo} no longer has {path} at {revision}",
            hint="run the same command again to start from the current revision",
        )
    if status == 404 and isinstance(error, errors.RevisionNotFoundError):
        return NotOnHubError(f"{repo} has no revision {revision}", hint=f"see {endpoint}/{repo}")
    if status == 404:
        return NotOnHubError(f"{endpoint} has no repository {repo}", hint="check HF_ENDPOINT")
    return ModelError(
        f"{endpoint} answers with status {status} for {repo}",
        hint=f"wait a while, then {RESUME_HINT}",
    )
