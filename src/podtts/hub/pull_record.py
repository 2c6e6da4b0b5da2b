"""`podtts_pull.json`: the commits of a pulled model, and all its files with their digests.

In `NAME.partial` it is the plan of an unfinished download; in `NAME` it is the record of a finished
one, with the SHA-256 of every file.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from podtts.errors import ModelError
from podtts.hub.client import HubFile, HubName

RECORD_FILE = "podtts_pull.json"
RECORD_FORMAT = 1


@dataclass(frozen=True)
class PullRecord:
    """The content of a model folder, or its planned content during the download."""

    name: str
    repo: str  # of the checkpoint; the speech tokenizer has another one
    asked_revision: str | None  # the requested revision; None for the main branch
    commits: Mapping[str, str]  # repository -> commit
    licence: str
    podtts: str  # version that wrote the record
    files: tuple[HubFile, ...]
    hub: HubName = "huggingface"  # a record without it is of that one

    @property
    def revision(self) -> str:
        """The commit of the checkpoint's repository."""
        return self.commits[self.repo]

    @property
    def total_bytes(self) -> int:
        return sum(file.size for file in self.files)


def write_record(folder: Path, record: PullRecord) -> None:
    """Write the record into a folder, first under a temporary name."""
    temporary = folder / f".{RECORD_FILE}.tmp"
    fields = {"format": RECORD_FORMAT} | asdict(record)
    if record.hub == PullRecord.hub:  # older versions of podtts read these records, too
        del fields["hub"]
    content = json.dumps(fields, indent=2)
    temporary.write_text(content + "\n", encoding="utf-8")
    temporary.replace(folder / RECORD_FILE)


def read_record(folder: Path) -> PullRecord | None:
    """Read the record of a folder; None when there is no valid one."""
    try:
        fields = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        if fields.pop("format") != RECORD_FORMAT:
            return None
        files = tuple(HubFile(**file) for file in fields.pop("files"))
        record = PullRecord(**fields, files=files)
        return record if record.repo in record.commits else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ModelError):
        return None


def has_size(path: Path, file: HubFile) -> bool:
    """Return whether a path is a file of the recorded size; does not read the content."""
    return path.is_file() and path.stat().st_size == file.size
