"""Runs `pull_model` in a process of its own, because huggingface_hub reads HF_ENDPOINT on import.

As a program, it takes a request as JSON and writes a line of JSON for every progress report, and a
last line for the result or the error.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from podtts.errors import DiskError, ModelError
from podtts.hub import client as hub
from podtts.hub.client import HubName
from podtts.hub.hugging_face import HuggingFace
from podtts.hub.model_scope import ModelScope
from podtts.hub.pull import PullProgress, pull_model
from podtts.hub.registry import ModelSource, PinnedFile

# For a client's environment: it waits for as long as a test holds it, or a busy machine does.
PATIENT = {"HF_HUB_DOWNLOAD_TIMEOUT": "600", "HF_HUB_ETAG_TIMEOUT": "600"}  # seconds
_SOURCES = Path(__file__).resolve().parents[2] / "src"


@dataclass(frozen=True)
class Outcome:
    """The end of a pull: either `path` and its details, or `problem` and `hint`."""

    path: Path | None
    revision: str
    already_here: bool
    problem: str
    hint: str
    progress: list[PullProgress]
    noise: str  # all other output


def start_pull(
    endpoint: str,
    source: ModelSource,
    models_dir: Path,
    *,
    hub: HubName = "huggingface",
    revision: str | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start a pull; its standard output is a pipe of JSON lines."""
    request = {
        "source": asdict(source),
        "models_dir": str(models_dir),
        "revision": revision,
        "modelscope": endpoint if hub == "modelscope" else None,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    settings = PATIENT | {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(models_dir / ".hf_home"),
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(_SOURCES),
    }
    return subprocess.Popen(
        [sys.executable, __file__, json.dumps(request)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=inherited | settings | (environment or {}),
    )


def pull(
    endpoint: str,
    source: ModelSource,
    models_dir: Path,
    *,
    hub: HubName = "huggingface",
    revision: str | None = None,
    environment: dict[str, str] | None = None,
) -> Outcome:
    """Run a pull to its end."""
    process = start_pull(
        endpoint, source, models_dir, hub=hub, revision=revision, environment=environment
    )
    written, noise = process.communicate()
    lines: list[dict[str, Any]] = [json.loads(line) for line in written.splitlines()]
    assert process.returncode == 0, noise
    last = lines.pop()
    return Outcome(
        path=Path(last["path"]) if "path" in last else None,
        revision=last.get("revision", ""),
        already_here=last.get("already_here", False),
        problem=last.get("problem", ""),
        hint=last.get("hint", ""),
        progress=[PullProgress(**line) for line in lines],
        noise=noise,
    )


def _write(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _main() -> None:
    request = json.loads(sys.argv[1])
    hub.RETRY_WAITS_SECONDS = (0,) * len(hub.RETRY_WAITS_SECONDS)  # keeps the tests short
    fields = request["source"]
    source = ModelSource(**fields | {"speech_tokenizer": PinnedFile(**fields["speech_tokenizer"])})
    try:
        result = pull_model(
            source,
            Path(request["models_dir"]),
            hub=ModelScope(request["modelscope"]) if request["modelscope"] else HuggingFace(),
            revision=request["revision"],
            progress=lambda progress: _write(asdict(progress)),
        )
    except (DiskError, ModelError) as error:
        _write({"problem": error.problem, "hint": error.hint})
    else:
        _write(asdict(result) | {"path": str(result.path)})


if __name__ == "__main__":
    _main()
