import json
from pathlib import Path

import pytest

from podtts.errors import ModelError
from podtts.options import SamplingOptions
from podtts.weights.settings import CheckpointSettings


def read(folder: Path, values: object) -> CheckpointSettings:
    (folder / "podtts.json").write_text(json.dumps(values))
    return CheckpointSettings.read(folder)


def test_without_a_file_the_settings_are_those_of_the_published_model(tmp_path: Path) -> None:
    settings = CheckpointSettings.read(tmp_path)
    assert settings == CheckpointSettings()
    assert settings.sampling == SamplingOptions()
    assert not settings.untrained


def test_values_of_the_file_replace_the_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, {"temperature": 0.3, "flow_noise": 1, "untrained": True})
    assert settings.sampling == SamplingOptions(temperature=0.3)
    assert settings.flow_noise == 1
    assert settings.untrained
    assert settings.estimator_heads == 8


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"temperatur": 0.3}, "unknown key 'temperatur'; did you mean"),
        ({"temperature": "hot"}, "temperature is 'hot', but must be a number above 0"),
        ({"temperature": 0}, "temperature is 0, but must be a number above 0"),
        ({"estimator_heads": 8.0}, "estimator_heads is 8.0, but must be a number above 0"),
        ({"estimator_heads": True}, "estimator_heads is True, but must be a number above 0"),
        ({"untrained": "yes"}, "untrained is 'yes', but must be true or false"),
    ],
)
def test_unknown_keys_and_wrong_values_are_refused(
    tmp_path: Path, values: object, problem: str
) -> None:
    with pytest.raises(ModelError) as refused:
        read(tmp_path, values)
    assert f"{tmp_path / 'podtts.json'}: {problem}" in refused.value.problem
