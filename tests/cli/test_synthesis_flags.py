import json
import shutil
from pathlib import Path

import pytest
from support.golden_data import MODEL

from podtts.cli.synthesis_flags import sampling_options
from podtts.errors import ModelError, UsageError
from podtts.options import SamplingOptions


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder with its own podtts.json."""
    shutil.copy(MODEL / "podtts.json", tmp_path)
    values = json.loads((tmp_path / "podtts.json").read_text())
    values |= {"temperature": 0.3, "repetition_penalty": 1}
    (tmp_path / "podtts.json").write_text(json.dumps(values))
    return tmp_path


def test_a_checkpoint_has_its_own_sampling_and_a_flag_wins(checkpoint: Path) -> None:
    assert sampling_options(MODEL) == SamplingOptions()
    assert sampling_options(checkpoint).temperature == 0.3
    chosen = sampling_options(checkpoint, temperature=None, repetition_penalty=1.5, top_k=7)
    assert (chosen.temperature, chosen.repetition_penalty, chosen.top_k) == (0.3, 1.5, 7)


def test_values_out_of_range_are_refused(checkpoint: Path) -> None:
    with pytest.raises(UsageError, match="temperature is 0"):
        sampling_options(checkpoint, temperature=0.0)
    (checkpoint / "podtts.json").write_text('{"temperature": "hot"}')
    with pytest.raises(ModelError, match="temperature is 'hot'"):
        sampling_options(checkpoint)
