"""The Hugging Face hub as a pull sees it: what stands in a repository, and the bytes of one file.

huggingface_hub supplies the endpoint (HF_ENDPOINT), the token, proxies, the offline switch and the
listing. The bytes are streamed here, over its session: its own downloader keeps no partial file
since 1.18 (huggingface_hub pull request 4228), so a pull killed after 3 of 4 GB would begin again.
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
# How long to wait after so many failures in a row that brought no new byte.
RETRY_WAITS_SECONDS: tuple[float, ...] = (0, 1, 2, 4, 8, 15)
_PASSING_STATUS = frozenset({408, 416, 429, 500, 502, 503, 504})
GO_ON = "run the same command again: what is already here is kept"


class NotOnHubError(ModelError):
    """The hub knows no such repository, revision or file."""


class HubOfflineError(ModelError):
    """HF_HUB_OFFLINE forbids to ask the hub."""


@dataclass(frozen=True)
class HubFile:
    """A file of a repository and what its content must be; at least one digest is known."""

    repo: str
    path: str
    size: int  # bytes
    sha256: str | None = None  # told for large files
    git_sha1: str | None = None  # told for small ones: their git blob id

    def __post_init__(self) -> None:
        if self.sha256 is None and self.git_sha1 is None:
            raise ModelError(f"{self.repo}: no digest is known of {self.path}")


@dataclass(frozen=True)
class Listing:
    """The files of a repository at one commit; None where the listing tells no size or digest."""

    repo: str
    commit: str
    files: Mapping[str, HubFile | None]


def list_repo(repo: str, revision: str | None) -> Listing:
    """Resolve a revision (branch, tag, commit; None is the main branch) and list its files.

    Raises NotOnHubError, HubOfflineError; ModelError when the hub cannot be reached or understood.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError, OfflineModeIsEnabled  # type: ignore[attr-defined]

    try:
        found = HfApi().model_info(repo, revision=revision, files_metadata=True)
    except (HTTPError, OfflineModeIsEnabled) as error:
        raise _explain(error, repo, revision) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{_endpoint()} answers, but not with a listing of {repo}") from error
    if not found.sha or not re.fullmatch(r"[0-9a-f]{40}", found.sha) or not found.siblings:
        raise ModelError(f"{_endpoint()} lists no files of {repo}, or no commit they belong to")
    files: dict[str, HubFile | None] = {}
    for entry in found.siblings:
        if entry.lfs is not None:
            file = HubFile(repo, entry.rfilename, entry.lfs.size, sha256=entry.lfs.sha256)
        elif entry.size is not None and entry.blob_id is not None:
            file = HubFile(repo, entry.rfilename, entry.size, git_sha1=entry.blob_id)
        else:
            file = None
        files[entry.rfilename] = file
    return Listing(repo, found.sha, files)


def describe(listing: Listing, path: str) -> HubFile:
    """Return size and digest of a listed file; mirrors that list names alone are asked for both."""
    return listing.files[path] or _ask_for_digest(listing, path)


def _ask_for_digest(listing: Listing, path: str) -> HubFile:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HTTPError, OfflineModeIsEnabled  # type: ignore[attr-defined]

    try:
        told = get_hf_file_metadata(hf_hub_url(listing.repo, path, revision=listing.commit))
    except (HTTPError, OfflineModeIsEnabled) as error:
        raise _explain(error, listing.repo, listing.commit) from error
    etag = told.etag or ""
    digests = {64: "sha256", 40: "git_sha1"}
    if told.size is None or len(etag) not in digests or not re.fullmatch(r"[0-9a-f]+", etag):
        raise ModelError(f"{_endpoint()} tells neither size nor digest of {listing.repo}/{path}")
    return HubFile(listing.repo, path, told.size, **{digests[len(etag)]: etag})


def fetch_file(commit: str, file: HubFile, part: Path, on_bytes: Callable[[int], None]) -> None:
    """Append to `part` what it lacks of a file; `on_bytes` is told its size as it grows.

    Broken connections and busy servers are tried again as long as bytes come in between. What has
    arrived is not checked here.
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
            if not _may_pass(error) or failures == len(RETRY_WAITS_SECONDS):
                raise _explain(error, file.repo, commit, file.path) from error
            time.sleep(RETRY_WAITS_SECONDS[failures])
        else:
            return


def _append(commit: str, file: HubFile, part: Path, on_bytes: Callable[[int], None]) -> None:
    """Stream the rest of a file in one request; stops early when there is more than announced."""
    from huggingface_hub import constants, get_session, hf_hub_url, hf_raise_for_status
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    here = _size(part)
    if here == file.size and part.exists():
        return
    if here > file.size:
        part.unlink()
        here = 0
    headers = build_hf_headers(library_name="podtts", library_version=__version__)
    headers["Accept-Encoding"] = "identity"  # ranges count bytes of the file, not of a packed copy
    if here:
        headers["Range"] = f"bytes={here}-"
    url = hf_hub_url(file.repo, file.path, revision=commit)
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
        if response.status_code == 416:  # the server holds less than `here`
            part.unlink(missing_ok=True)
        hf_raise_for_status(response)
        continues = response.headers.get("Content-Range", "").startswith(f"bytes {here}-")
        with part.open("ab" if response.status_code == 206 and continues else "wb") as sink:
            for chunk in response.iter_bytes(_CHUNK_BYTES):
                sink.write(chunk)
                on_bytes(sink.tell())
                if sink.tell() > file.size:
                    return


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _may_pass(error: Exception) -> bool:
    """Tell whether the same request may succeed a moment later."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _PASSING_STATUS
    return not isinstance(error, OfflineModeIsEnabled)


def _endpoint() -> str:
    from huggingface_hub import constants

    return constants.ENDPOINT


def _explain(error: Exception, repo: str, revision: str | None, path: str = "") -> ModelError:
    """Say in one line what the hub or the way to it refused."""
    from huggingface_hub import errors

    endpoint = _endpoint()
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubOfflineError(
            f"{endpoint} may not be asked for {repo}: HF_HUB_OFFLINE is set",
            hint="unset HF_HUB_OFFLINE, or give --model a directory that is already here",
        )
    if not isinstance(error, errors.HfHubHTTPError):
        reason = str(error) or type(error).__name__
        return ModelError(
            f"cannot reach {endpoint} for {repo}: {reason}",
            hint=f"check the connection, proxies and HF_ENDPOINT, then {GO_ON}",
        )
    status = error.response.status_code
    if status in (401, 403):
        return ModelError(
            f"{endpoint} does not open {repo} ({status}): it is gated, private or not there",
            hint=f"accept its terms at {endpoint}/{repo} if it has any, and set a valid HF_TOKEN",
        )
    if status == 404 and path:
        return NotOnHubError(
            f"{repo} has no {path} at {revision} any more",
            hint="run the same command again to start from the present revision",
        )
    if status == 404 and isinstance(error, errors.RevisionNotFoundError):
        return NotOnHubError(f"{repo} has no revision {revision}", hint=f"see {endpoint}/{repo}")
    if status == 404:
        return NotOnHubError(f"{endpoint} has no repository {repo}", hint="check HF_ENDPOINT")
    return ModelError(f"{endpoint} answers {status} for {repo}", hint=f"wait a while, then {GO_ON}")
