"""`podtts_pull.json`: which commits a pulled model comes from, and every file with its digests.

The same record is the plan of an unfinished download (`NAME.partial`) and the manifest of a
finished one (`NAME`), where every file has its SHA-256.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from podtts.errors import ModelError
from podtts.hub.client import HubFile

RECORD_FILE = "podtts_pull.json"
RECORD_FORMAT = 1


@dataclass(frozen=True)
class PullRecord:
    """What a model folder holds, or will hold when its download is finished."""

    name: str
    repo: str  # the checkpoint's own repository; the speech tokenizer's is the other one
    asked_revision: str | None  # as asked for; None for the main branch
    commits: Mapping[str, str]  # repository -> commit
    licence: str
    podtts: str  # version that wrote the record
    files: tuple[HubFile, ...]

    @property
    def revision(self) -> str:
        """The commit of the checkpoint's repository."""
        return self.commits[self.repo]

    @property
    def total_bytes(self) -> int:
        return sum(file.size for file in self.files)


def write_record(folder: Path, record: PullRecord) -> None:
    """Write the record into a folder, under a temporary name first."""
    temporary = folder / f".{RECORD_FILE}.tmp"
    content = json.dumps({"format": RECORD_FORMAT} | asdict(record), indent=2)
    temporary.write_text(content + "\n", encoding="utf-8")
    temporary.replace(folder / RECORD_FILE)


def read_record(folder: Path) -> PullRecord | None:
    """Read a folder's record; None when there is none that can be read and understood."""
    try:
        fields = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        if fields.pop("format") != RECORD_FORMAT:
            return None
        files = tuple(HubFile(**file) for file in fields.pop("files"))
        record = PullRecord(**fields, files=files)
        return record if record.repo in record.commits else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ModelError):
        return None


def holds(path: Path, file: HubFile) -> bool:
    """Tell whether a file stands there in its size; its content is not read."""
    return path.is_file() and path.stat().st_size == file.size
