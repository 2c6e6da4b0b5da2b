"""The Hugging Face hub, or a mirror of it. huggingface_hub provides address, token and listing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from podtts import __version__
from podtts.errors import ModelError
from podtts.hub.client import HubFile, HubName, Listing, explain


@dataclass(frozen=True)
class HuggingFace:
    """The hub that HF_ENDPOINT names, with the token of HF_TOKEN."""

    name: HubName = "huggingface"
    endpoint_variable: str = "HF_ENDPOINT"
    token_variable: str = "HF_TOKEN"

    @property
    def endpoint(self) -> str:
        from huggingface_hub import constants

        return constants.ENDPOINT

    def list_repo(self, repo: str, revision: str | None) -> Listing:
        """Resolve a revision and list its files; see `Hub`."""
        from huggingface_hub import HfApi
        from huggingface_hub.errors import (  # type: ignore[attr-defined]
            HTTPError,
            OfflineModeIsEnabled,
        )

        try:
            info = HfApi().model_info(repo, revision=revision, files_metadata=True)
        except (HTTPError, OfflineModeIsEnabled) as error:
            raise explain(self, error, repo, revision) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"{self.endpoint} answers, but not with a listing of {repo}"
            ) from error
        if not info.sha or not re.fullmatch(r"[0-9a-f]{40}", info.sha) or not info.siblings:
            raise ModelError(f"{self.endpoint} lists no files of {repo}, or no commit")
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

    def listed_file(self, listing: Listing, path: str) -> HubFile:
        """Return a listed file; requests size and digest from mirrors that list only names."""
        return listing.files[path] or self._request_metadata(listing, path)

    def _request_metadata(self, listing: Listing, path: str) -> HubFile:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.errors import (  # type: ignore[attr-defined]
            HTTPError,
            OfflineModeIsEnabled,
        )

        try:
            metadata = get_hf_file_metadata(hf_hub_url(listing.repo, path, revision=listing.commit))
        except (HTTPError, OfflineModeIsEnabled) as error:
            raise explain(self, error, listing.repo, listing.commit) from error
        etag = metadata.etag or ""
        digests = {64: "sha256", 40: "git_sha1"}
        is_digest = len(etag) in digests and re.fullmatch(r"[0-9a-f]+", etag)
        if metadata.size is None or not is_digest:
            raise ModelError(
                f"{self.endpoint} does not state size and checksum of {listing.repo}/{path}"
            )
        return HubFile(listing.repo, path, metadata.size, **{digests[len(etag)]: etag})

    def file_request(self, commit: str, file: HubFile) -> tuple[str, dict[str, str]]:
        """Return the address of a file, and headers with the user's token."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        headers = build_hf_headers(library_name="podtts", library_version=__version__)
        return hf_hub_url(file.repo, file.path, revision=commit), headers
