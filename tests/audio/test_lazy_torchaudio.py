import subprocess
import sys
from pathlib import Path

import pytest

import podtts

SOURCE = Path(podtts.__file__).parents[1]


def run_python(code: str, *folders: Path) -> str:
    """Run code in an interpreter of its own that looks for packages in `folders` first."""
    path = f"import sys; sys.path[:0] = {[str(folder) for folder in (*folders, SOURCE)]}\n"
    done = subprocess.run(
        [sys.executable, "-c", path + code], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    "failure",
    [
        'OSError("/site-packages/torchaudio/lib/libtorchaudio.so: undefined symbol: x")',
        'ImportError("no module named torchaudio")',
        'RuntimeError("compiled with different CUDA versions")',
    ],
)
def test_an_incompatible_torchaudio_is_reported_in_one_line(tmp_path: Path, failure: str) -> None:
    package = tmp_path / "torchaudio"
    package.mkdir()
    (package / "__init__.py").write_text(f"raise {failure}\n")
    printed = run_python(
        "import torch\n"
        "from podtts.audio.io import resample\n"
        "from podtts.errors import PodttsError\n"
        "try:\n"
        "    resample(torch.zeros(100), 16000, 24000)\n"
        "except PodttsError as error:\n"
        "    print(error.exit_code, error)\n",
        tmp_path,
    )
    assert printed.count("\n") == 1
    assert printed.startswith("2 torchaudio cannot be loaded: ")
    assert "torchaudio 2.11 beside torch 2.11 to 2.14 of the same CUDA build" in printed


def test_neither_torchaudio_nor_soundfile_is_imported_before_it_is_needed() -> None:
    printed = run_python(
        "import podtts.audio.io, podtts.audio.mel, podtts.audio.volume_normalization\n"
        "print([name for name in ('torchaudio', 'soundfile') if name in sys.modules])\n"
    )
    assert printed == "[]\n"
