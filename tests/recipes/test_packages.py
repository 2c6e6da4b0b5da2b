import hashlib
import zipfile
from pathlib import Path

import pytest
from recipes.mini.packages import PackageMismatchError, checked, open_wheel


def test_content_with_another_digest_is_refused_by_name() -> None:
    digest = hashlib.sha256(b"right").hexdigest()
    assert checked(b"right", digest, "the model") == b"right"
    with pytest.raises(PackageMismatchError, match="the model"):
        checked(b"wrong", digest, "the model")


def test_a_wheel_is_found_by_its_name_alone(tmp_path: Path) -> None:
    for name in ("voice", "voice_model"):
        with zipfile.ZipFile(tmp_path / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("name", name)
    assert open_wheel(tmp_path, "voice").read("name") == b"voice"
