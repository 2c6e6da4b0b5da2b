"""ModelScope, or a server with its interface: /api/v1/models/OWNER/NAME/repo.

The interface is that of its own client (modelscope/modelscope_hub, Apache-2.0). Two traits are
easy to miss: a revision that does not exist is answered with status 200 and no files, and a large
file is answered with a redirect to another host, which must not get the token. The session drops
token and cookie there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from podtts import __version__
from podtts.errors import ModelError
from podtts.hub.client import RESUME_HINT, HubFile, HubName, Listing, NotOnHubError, explain

DEFAULT_ENDPOINT = "https://modelscope.cn"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelScope:
    """The hub at an address.

    token: of the user, for repositories that are not public.
    """

    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = None
    name: HubName = "modelscope"
    endpoint_variable: str = "MODELSCOPE_ENDPOINT"
    token_variable: str = "MODELSCOPE_API_TOKEN"

    def list_repo(self, repo: str, revision: str | None) -> Listing:
        """Resolve a revision and list its files; see `Hub`."""
        from huggingface_hub import constants, get_session, hf_raise_for_status
        from huggingface_hub.errors import (  # type: ignore[attr-defined]
            HTTPError,
            OfflineModeIsEnabled,
        )

        query = {"Recursive": "true"} | ({"Revision": revision} if revision else {})
        try:
            response = get_session().get(
                f"{self._repo_url(repo)}/files?{urlencode(query)}",
                headers=self._headers(),
                timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
            )
            hf_raise_for_status(response)
        except (HTTPError, OfflineModeIsEnabled) as error:
            raise explain(self, error, repo, revision) from error
        try:
            answer = response.json()
            if not answer["Success"]:
                raise ModelError(
                    f"{self.endpoint} refuses to list {repo}: {answer.get('Message')}",
                    hint=f"wait a while, then {RESUME_HINT}",
                )
            return self._listing(repo, revision, answer["Data"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"{self.endpoint} answers, but not with a listing of {repo}"
            ) from error

    def _listing(self, repo: str, revision: str | None, data: Mapping[str, Any]) -> Listing:
        if data["Files"] is None:
            raise NotOnHubError(
                f"{repo} has no revision {revision or 'to download'}",
                hint=f"see {self.endpoint}/models/{repo}",
            )
        entries = [entry for entry in data["Files"] if entry["Type"] == "blob"]
        commit = _newest_commit(entries, (data.get("LatestCommitter") or {}).get("ShortId"))
        if commit is None:
            raise ModelError(f"{self.endpoint} lists no files of {repo}, or no commit")
        return Listing(repo, commit, {entry["Path"]: _file(repo, entry) for entry in entries})

    def listed_file(self, listing: Listing, path: str) -> HubFile:
        """Return a listed file. Raises ModelError if the hub lists no size or digest."""
        file = listing.files[path]
        if file is None:
            raise ModelError(
                f"{self.endpoint} does not state size and checksum of {listing.repo}/{path}"
            )
        return file

    def file_request(self, commit: str, file: HubFile) -> tuple[str, dict[str, str]]:
        """Return the address of a file, and headers with the user's token."""
        query = urlencode({"Revision": commit, "FilePath": file.path})
        return f"{self._repo_url(file.repo)}?{query}", self._headers()

    def _repo_url(self, repo: str) -> str:
        return f"{self.endpoint.rstrip('/')}/api/v1/models/{quote(repo)}/repo"

    def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": f"podtts/{__version__}"}
        if self.token:  # its older requests know a user by the cookie, its newer ones by the token
            headers |= {
                "Authorization": f"Bearer {self.token}",
                "Cookie": f"m_session_id={self.token}",
            }
        return headers


def _newest_commit(entries: Sequence[Mapping[str, Any]], short_id: str | None) -> str | None:
    """Return the commit of a listing: its newest one that changed a file that is still there.

    The files of that commit are the listed ones. short_id: the beginning of the branch's commit.
    """
    commits = [
        (entry.get("CommittedDate") or 0, entry["Revision"])
        for entry in entries
        if _COMMIT.fullmatch(entry.get("Revision") or "")
    ]
    of_branch = [commit for _, commit in commits if short_id and commit.startswith(short_id)]
    return next(iter(of_branch), max(commits)[1] if commits else None)


def _file(repo: str, entry: Mapping[str, Any]) -> HubFile | None:
    sha256 = entry.get("Sha256") or ""
    if not isinstance(entry.get("Size"), int) or not _SHA256.fullmatch(sha256):
        return None
    return HubFile(repo, entry["Path"], entry["Size"], sha256=sha256)
