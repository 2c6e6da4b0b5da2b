"""What a pull needs of any model hub: its listings, and a download that resumes.

huggingface_hub provides the session: proxies, certificates and the offline switch. This module
downloads the bytes itself, because the downloader of huggingface_hub cannot resume a partial file
since version 1.18 (its pull request 4228): a download killed after 3 of 4 GB would start again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from podtts.errors import ModelError

HubName = Literal["huggingface", "modelscope"]
HUBS: tuple[HubName, ...] = ("huggingface", "modelscope")  # the first one is the default

_CHUNK_BYTES = 256 * 1024
# Waits after the first, second ... failure in a row that brought no new byte.
RETRY_WAITS_SECONDS: tuple[float, ...] = (0, 1, 2, 4, 8, 15)
_TEMPORARY_STATUS = frozenset({408, 416, 429, 500, 502, 503, 504})
RESUME_HINT = "run the same command again: it continues the download"


class NotOnHubError(ModelError):
    """The hub has no such repository, revision or file."""


class HubOfflineError(ModelError):
    """HF_HUB_OFFLINE forbids requests to a hub."""


@dataclass(frozen=True)
class HubFile:
    """A file of a repository, with its size and at least one digest of its content."""

    repo: str
    path: str
    size: int  # bytes
    sha256: str | None = None  # listed by ModelScope, and by Hugging Face for large files
    git_sha1: str | None = None  # git blob id, which Hugging Face lists for small files

    def __post_init__(self) -> None:
        if self.sha256 is None and self.git_sha1 is None:
            raise ModelError(f"{self.repo}: no checksum is known for {self.path}")


@dataclass(frozen=True)
class Listing:
    """The files of a repository at one commit; None for a file without size or digest."""

    repo: str
    commit: str
    files: Mapping[str, HubFile | None]


class Hub(Protocol):
    """A place where models are published. Its methods raise ModelError and its subclasses."""

    @property
    def name(self) -> HubName:
        """The name of this kind of hub, as in the record of a pull."""

    @property
    def endpoint(self) -> str:
        """The address that its requests go to."""

    @property
    def endpoint_variable(self) -> str:
        """The environment variable that changes the address."""

    @property
    def token_variable(self) -> str:
        """The environment variable with the user's token."""

    def list_repo(self, repo: str, revision: str | None) -> Listing:
        """Resolve a revision (branch, tag, commit; None is the main branch) and list its files.

        Raises NotOnHubError, HubOfflineError; ModelError when the hub cannot be reached or its
        answer is not valid.
        """

    def listed_file(self, listing: Listing, path: str) -> HubFile:
        """Return a listed file with size and digest. Raises as `list_repo` does."""

    def file_request(self, commit: str, file: HubFile) -> tuple[str, dict[str, str]]:
        """Return the address of a file's content, and the headers to ask for it."""


def download_file(
    hub: Hub, commit: str, file: HubFile, part: Path, on_bytes: Callable[[int], None]
) -> None:
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
            _append(hub, commit, file, part, on_bytes)
        except (HTTPError, OfflineModeIsEnabled) as error:
            failures = 0 if _size(part) > most_bytes else failures + 1
            most_bytes = max(most_bytes, _size(part))
            if not _is_temporary(error) or failures == len(RETRY_WAITS_SECONDS):
                raise explain(hub, error, file.repo, commit, file.path) from error
            time.sleep(RETRY_WAITS_SECONDS[failures])
        else:
            return


def _append(
    hub: Hub, commit: str, file: HubFile, part: Path, on_bytes: Callable[[int], None]
) -> None:
    """Append the rest of a file in one request; stop when it exceeds the listed size."""
    from huggingface_hub import constants, get_session, hf_raise_for_status

    start = _size(part)
    if start == file.size and part.exists():
        return
    if start > file.size:
        part.unlink()
        start = 0
    url, headers = hub.file_request(commit, file)
    headers["Accept-Encoding"] = "identity"  # ranges count uncompressed bytes
    if start:
        headers["Range"] = f"bytes={start}-"
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


def explain(
    hub: Hub, error: Exception, repo: str, revision: str | None, path: str = ""
) -> ModelError:
    """Convert an error of huggingface_hub's session into a message of one line."""
    from huggingface_hub import errors

    endpoint = hub.endpoint
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubOfflineError(
            f"cannot look up {repo} at {endpoint}: HF_HUB_OFFLINE is set",
            hint="unset HF_HUB_OFFLINE, or use --model with a directory on this machine",
        )
    if not isinstance(error, errors.HfHubHTTPError):
        reason = str(error) or type(error).__name__
        return ModelError(
            f"cannot reach {endpoint} for {repo}: {reason}",
            hint=f"check the connection, proxies and {hub.endpoint_variable}, then {RESUME_HINT}",
        )
    status = error.response.status_code
    if status in (401, 403):
        return ModelError(
            f"{endpoint} denies access to {repo} ({status}): it is gated, private or missing",
            hint=f"accept its terms at {endpoint}/{repo} if it has any, and set a valid "
            f"{hub.token_variable}",
        )
    if status == 404 and path:
        return NotOnHubError(
            f"{repo} no longer has {path} at {revision}",
            hint="run the same command again to start from the current revision",
        )
    if status == 404 and isinstance(error, errors.RevisionNotFoundError):
        return NotOnHubError(f"{repo} has no revision {revision}", hint=f"see {endpoint}/{repo}")
    if status == 404:
        return NotOnHubError(
            f"{endpoint} has no repository {repo}",
            hint=f"check {hub.endpoint_variable}, or name a copy with --repo OWNER/NAME",
        )
    return ModelError(
        f"{endpoint} answers with status {status} for {repo}",
        hint=f"wait a while, then {RESUME_HINT}",
    )
