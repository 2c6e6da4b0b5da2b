from pathlib import Path

import pytest
from support.golden_data import MODEL

from podtts.errors import ModelError, ScriptError
from podtts.hub.bundled import bundled_model
from podtts.prompts.lookup import StoredPrompt
from podtts.script.cast import cast_voices
from podtts.script.parse import parse_script
from podtts.weights.voices import checkpoint_voices

SCRIPT = parse_script("[anna] Hello.\n")
[ANNA] = cast_voices(SCRIPT, {})


def test_bundled_voices_belong_to_the_bundled_model(tmp_path: Path) -> None:
    bundled = checkpoint_voices(bundled_model(), tmp_path, None, pytest.fail)
    source = bundled.find(SCRIPT, ANNA)
    assert isinstance(source, StoredPrompt)
    assert source.voice.name == "anna"
    other = checkpoint_voices(MODEL, tmp_path, None, pytest.fail)
    with pytest.raises(ScriptError, match="no voice 'anna' is prepared"):
        other.find(SCRIPT, ANNA)


def test_an_incomplete_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="lacks"):
        checkpoint_voices(tmp_path, tmp_path / "cache", None, pytest.fail)
