import contextlib
import dataclasses
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podtts.errors import DiskError, InputError, PodttsError, UsageError, VoiceError
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.voice_file import export_voice, import_voice
from podtts.prompts.voices import Voice, VoiceStore
from podtts.storage.sealed import Array, seal, unseal
from podtts.values import PromptFeatures

ANNA = Voice("anna", "a" * 64, "Hello,\nI am <|sigh|> Anna.", "<|Yue|>你好。")
KEY = PromptKey("a" * 64, "e" * 64, 1)


@pytest.fixture
def voices(cache: PromptCache) -> VoiceStore:
    return VoiceStore(cache.root)


@pytest.fixture
def file(
    tmp_path: Path,
    cache: PromptCache,
    voices: VoiceStore,
    make_features: Callable[[int], PromptFeatures],
) -> Path:
    """The voice anna, exported."""
    cache.put(KEY, make_features(50))
    voices.put(ANNA)
    export_voice("anna", voices, cache, tmp_path / "anna.voice")
    return tmp_path / "anna.voice"


def elsewhere(tmp_path: Path) -> tuple[VoiceStore, PromptCache]:
    return VoiceStore(tmp_path / "other"), PromptCache(tmp_path / "other", pytest.fail)


def test_an_imported_voice_equals_the_exported_one(
    file: Path, tmp_path: Path, make_features: Callable[[int], PromptFeatures]
) -> None:
    voices, cache = elsewhere(tmp_path)
    imported = import_voice(file, voices, cache)
    assert (imported.voice, imported.replaced) == (ANNA, False)
    assert (imported.entry.tokens, imported.entry.key) == (50, KEY)
    assert voices.list() == (ANNA,)
    features = cache.get(KEY)
    assert features is not None
    assert features.mel.equal(make_features(50).mel)
    entry = imported.entry.path.read_bytes()
    assert entry == (tmp_path / "cache" / "prompts" / KEY.filename()).read_bytes()
    assert b"anna" not in entry

    again = tmp_path / "new" / "folder" / "again.voice"
    export_voice("anna", voices, cache, again)
    assert again.read_bytes() == file.read_bytes()


def test_a_voice_is_imported_under_another_name(file: Path, tmp_path: Path) -> None:
    voices, cache = elsewhere(tmp_path)
    voices.put(Voice("eva", "b" * 64, "Hello."))
    assert import_voice(file, voices, cache, "eva").replaced
    assert not import_voice(file, voices, cache, "eva").replaced
    assert [voice.name for voice in voices.list()] == ["eva"]
    (tmp_path / "other" / "voices" / "eva.json").write_bytes(b"{")
    assert import_voice(file, voices, cache, "eva").replaced
    with pytest.raises(VoiceError, match="cannot be the name of a voice"):
        import_voice(file, voices, cache, "../eva")


def test_export_replaces_only_regular_files(
    file: Path, tmp_path: Path, cache: PromptCache, voices: VoiceStore
) -> None:
    exported = file.read_bytes()
    file.write_bytes(b"old")
    link = tmp_path / "latest.voice"
    link.symlink_to(file)
    export_voice("anna", voices, cache, link)
    assert link.is_symlink()
    assert file.read_bytes() == exported
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path, Path(os.devnull), tmp_path / "pipe"):
        with pytest.raises(UsageError, match="is not a regular file"):
            export_voice("anna", voices, cache, target)
    with pytest.raises(DiskError, match="cannot be written: File exists"):
        export_voice("anna", voices, cache, file / "anna.voice")


def test_exporting_a_missing_voice_or_prompt_is_refused(
    file: Path, tmp_path: Path, cache: PromptCache, voices: VoiceStore
) -> None:
    with pytest.raises(VoiceError, match="there is no voice eva"):
        export_voice("eva", voices, cache, tmp_path / "eva.voice")
    (cache.root / "prompts" / KEY.filename()).unlink()
    with pytest.raises(VoiceError, match="voice anna has no prompt in the cache"):
        export_voice("anna", voices, cache, file)


def _changed(
    tensors: Callable[[dict[str, Array]], dict[str, Array]] = dict, **metadata: str
) -> Callable[[bytes], bytes]:
    """Change the content and seal it again, as an attacker could."""

    def change(raw: bytes) -> bytes:
        old_tensors, old_metadata = unseal(raw)
        return seal(tensors(old_tensors), {**old_metadata, **metadata})

    return change


def _filled(name: str, value: float) -> Callable[[dict[str, Array]], dict[str, Array]]:
    return lambda old: {**old, name: np.full_like(old[name], value)}


REFUSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    **{
        f"cut-at-{n}-sixteenths": (
            lambda raw, n=n: raw[: len(raw) * n // 16],  # type: ignore[misc]
            "not a voice file, or it is damaged",
        )
        for n in range(16)
    },
    "flipped": (lambda raw: raw[:-9] + bytes([raw[-9] ^ 4]) + raw[-8:], "checksum"),
    "pickle": (lambda raw: pickle.dumps({"name": "anna"}), "not a voice file, or it is damaged"),
    "format": (_changed(format="podtts-prompt-1"), "not of the format podtts-voice-1"),
    "path": (_changed(name="../../anna"), "cannot be the name of a voice"),
    "absolute": (_changed(name="/etc/cron.d/anna"), "cannot be the name of a voice"),
    "device": (_changed(name="CON"), "cannot be the name of a voice"),
    "audio": (_changed(audio_sha256="../" * 21 + "x"), "do not describe the key of a prompt"),
    "encoders": (_changed(encoders_sha256="../../../x"), "do not describe the key of a prompt"),
    "recipe": (_changed(recipe="1/../../x"), "do not describe the key of a prompt"),
    "newer": (_changed(recipe="2"), "with recipe 2, but this version needs recipe 1"),
    "silent": (_changed(transcript=""), "not those of a voice"),
    "blank": (_changed(transcript=" \n"), "has an empty transcript"),
    "control": (_changed(transcript="Hello\x1b[31m"), "text of .*:1: "),
    "tag": (_changed(transcript="Hello <|laughing|>"), "unknown tag"),
    "dialect": (_changed(dialect_prompt="Hello"), "a dialect prompt must begin with"),
    "more": (_changed(more="text"), "not those of a voice"),
    "nan": (_changed(_filled("mel", float("nan"))), "impossible for a prompt"),
    "negative": (_changed(_filled("speech_tokens", -1)), "impossible for a prompt"),
    "extra": (_changed(lambda old: {**old, "more": np.zeros(1, np.float32)}), "not those of a pro"),
    "none": (
        _changed(
            lambda old: {**old, "speech_tokens": np.zeros(0, np.int32), "mel": old["mel"][:0]}
        ),
        "not a voice file, or it is damaged",
    ),
}


@pytest.mark.parametrize(("change", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_damaged_foreign_and_malicious_files_are_refused(
    file: Path, tmp_path: Path, change: Callable[[bytes], bytes], problem: str
) -> None:
    changed = change(file.read_bytes())
    assert changed != file.read_bytes()
    file.write_bytes(changed)
    with pytest.raises(InputError, match=problem):
        import_voice(file, *elsewhere(tmp_path))
    assert not (tmp_path / "other").exists()


def test_only_regular_files_of_limited_size_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**40)
    for name, problem in (
        ("pipe", "it is not a regular file"),
        ("large", "it is larger than 8 MiB"),
        ("none", "No such file"),
        (".", "Is a directory"),
        ("/dev/zero", "it is not a regular file"),
    ):
        with pytest.raises(InputError, match=f"cannot be read: {problem}"):
            import_voice(tmp_path / name, *elsewhere(tmp_path))


def test_importing_into_a_cache_that_cannot_be_written_fails(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with pytest.raises(DiskError, match=r"other: cannot be written: Not a directory") as caught:
        import_voice(file, *elsewhere(tmp_path))
    assert "--cache-dir" in caught.value.hint


def _sealed() -> st.SearchStrategy[bytes]:
    """Files of arbitrary content with a valid seal."""
    names = st.sampled_from(["speech_tokens", "mel", "speaker_embedding", "x", "__metadata__"])
    arrays = st.sampled_from(
        [
            np.zeros(shape, dtype)
            for dtype in (np.int32, np.float32)
            for shape in ((), (0,), (1,), (192,), (2, 80), (0, 80))
        ]
    )
    key = {name: st.text(max_size=9) for name in dataclasses.asdict(KEY)}
    texts = {name: st.text(max_size=9) for name in ("name", "transcript", "dialect_prompt")}
    formats = st.sampled_from(["podtts-voice-1", "podtts-prompt-1", ""])
    metadata = st.fixed_dictionaries({}, optional={**key, **texts, "format": formats})
    return st.builds(seal, st.dictionaries(names, arrays, max_size=3), metadata)


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_any_bytes_are_imported_or_refused(file: Path, tmp_path: Path, data: st.DataObject) -> None:
    original = file.with_name("original")
    if not original.exists():
        original.write_bytes(file.read_bytes())
    raw = bytearray(original.read_bytes())
    start = data.draw(st.integers(0, 1200))
    raw[start : start + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    changed = data.draw(st.sampled_from([bytes(raw)]) | st.binary(max_size=200) | _sealed())

    file.write_bytes(changed)
    with contextlib.suppress(PodttsError):
        import_voice(file, *elsewhere(tmp_path))
        assert changed == original.read_bytes()

    cache = PromptCache(tmp_path / "fuzzed", lambda warning: None)
    entry = cache.root / "prompts" / KEY.filename()
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_bytes(changed)
    assert cache.find(KEY) is None
    assert not entry.exists()
