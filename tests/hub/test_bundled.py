from podtts.hub.bundled import bundled_cache, bundled_model
from podtts.prompts.voices import VoiceStore
from podtts.weights.files import missing_files


def test_the_bundled_model_is_complete() -> None:
    assert missing_files(bundled_model()) == []


def test_the_bundled_voices_can_be_read() -> None:
    names = [voice.name for voice in VoiceStore(bundled_cache()).list()]
    assert names == ["anna", "ben", "clara", "jun", "mei", "oscar"]
