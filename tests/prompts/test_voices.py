import hashlib
import json
import os
import resource
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from podtts.errors import DiskError, VoiceError
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.voices import Voice, VoiceStore, check_voice_name, forget_voice
from podtts.values import PromptFeatures

SHA256 = hashlib.sha256(b"audio").hexdigest()
ENCODERS = hashlib.sha256(b"onnx").hexdigest()
ANNA = Voice("anna", SHA256, "Hello, I am Anna.", "<|Yue|>你好。")
# The SHA-256 of {"audio_sha256":"…","dialect_prompt":"<|Yue|>你好。","name":"anna",…} in UTF-8.
ANNAS_SEAL = "0db59b8c8284d6308693973641053c587e1be57ea043349f2fb74bb3c0594867"


@pytest.fixture
def voices(tmp_path: Path) -> VoiceStore:
    return VoiceStore(tmp_path)


@pytest.mark.parametrize(
    "name", ["anna", "Anna-2", "安娜", "José", "Dr. No", "a.b", "console", "n" * 100, "ا", "x'y"]
)
def test_valid_names_are_accepted(name: str) -> None:
    assert check_voice_name(name) == unicodedata.normalize("NFC", name)


def test_names_are_composed_unicode() -> None:
    assert check_voice_name("Jose\u0301") == "Jos\u00e9"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "../anna",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "c:anna",
        "an\0na",
        "an\nna",
        "an\x7fna",
        "an\u0085na",
        "an\u2028na",
        "an\ud800na",
        " anna",
        "anna ",
        "anna\u3000",
        "\t",
        "CON",
        "nul",
        "Com1",
        "lpt9.old",
        "n" * 101,
        "语" * 34,
    ],
)
def test_invalid_names_are_refused(name: str) -> None:
    with pytest.raises(VoiceError, match="cannot be the name of a voice"):
        check_voice_name(name)


def test_a_refused_name_is_shown_without_its_control_characters() -> None:
    with pytest.raises(VoiceError) as caught:
        check_voice_name("\x1b[31m" + "n" * 1000)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_invalid_voices_are_refused() -> None:
    assert Voice("Jose\u0301", SHA256, "Hola.").name == "Jos\u00e9"
    with pytest.raises(VoiceError, match="is not a SHA-256"):
        Voice("anna", "../../etc", "Hello.")
    with pytest.raises(VoiceError, match="has no transcript"):
        Voice("anna", SHA256, "")


def test_a_stored_voice_is_read_back(voices: VoiceStore, tmp_path: Path) -> None:
    assert voices.get("anna") is None
    voices.put(ANNA)
    assert voices.get("anna") == ANNA
    assert json.loads((tmp_path / "voices" / "anna.json").read_text(encoding="utf-8")) == {
        "name": "anna",
        "audio_sha256": SHA256,
        "transcript": "Hello, I am Anna.",
        "dialect_prompt": "<|Yue|>你好。",
        "payload_sha256": ANNAS_SEAL,
    }


def test_a_name_is_found_however_it_is_composed(voices: VoiceStore) -> None:
    voices.put(Voice("Jose\u0301", SHA256, "Hola."))
    assert voices.get("Jos\u00e9") == voices.get("Jose\u0301") == Voice("José", SHA256, "Hola.")


def test_a_voice_is_replaced_and_removed(voices: VoiceStore, tmp_path: Path) -> None:
    voices.put(ANNA)
    voices.put(Voice("anna", SHA256, "Corrected."))
    assert voices.list() == (Voice("anna", SHA256, "Corrected."),)
    voices.remove("anna")
    assert voices.list() == ()
    assert list((tmp_path / "voices").iterdir()) == []
    with pytest.raises(VoiceError, match="there is no voice anna"):
        voices.remove("anna")


def test_voices_are_listed_by_name(voices: VoiceStore, tmp_path: Path) -> None:
    assert voices.list() == ()
    for name in ("zoe", "anna", "ben"):
        voices.put(Voice(name, SHA256, "Hello."))
    (tmp_path / "voices" / ".podtts-1-abcd.tmp").touch()
    (tmp_path / "voices" / ".hidden.json").touch()
    assert [voice.name for voice in voices.list()] == ["anna", "ben", "zoe"]


@pytest.mark.parametrize("name", ["../anna", "", "a/b"])
def test_a_name_cannot_leave_the_folder(voices: VoiceStore, tmp_path: Path, name: str) -> None:
    (tmp_path / "anna.json").write_text("{}")
    for access in (voices.get, voices.remove):
        with pytest.raises(VoiceError, match="cannot be the name of a voice"):
            access(name)
    assert (tmp_path / "anna.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"anna"',
        b'{"name": "anna"}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        json.dumps({**vars(ANNA), "name": "ben"}).encode(),
        json.dumps({**vars(ANNA), "transcript": 7}).encode(),
        json.dumps({**vars(ANNA), "transcript": ""}).encode(),
        json.dumps({**vars(ANNA), "audio_sha256": "../x"}).encode(),
        json.dumps({**vars(ANNA), "more": "text"}).encode(),
    ],
)
def test_a_damaged_voice_is_reported_with_the_command(
    voices: VoiceStore, tmp_path: Path, content: bytes
) -> None:
    voices.put(ANNA)
    path = tmp_path / "voices" / "anna.json"
    path.write_bytes(content)
    for access in (lambda: voices.get("anna"), voices.list):
        with pytest.raises(VoiceError) as caught:
            access()
        assert caught.value.problem == f"{path} is damaged"
        assert "podtts prep" in caught.value.hint
    voices.put(ANNA)
    assert voices.get("anna") == ANNA


def test_every_flipped_bit_of_a_voice_is_found(voices: VoiceStore, tmp_path: Path) -> None:
    voices.put(ANNA)
    path = tmp_path / "voices" / "anna.json"
    sealed = path.read_bytes()
    for position in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        with pytest.raises(VoiceError, match=r"anna\.json is damaged"):
            voices.get("anna")
    ((_, problem),) = voices.verify()
    assert problem is not None
    assert "quarantine" in problem
    assert voices.get("anna") is None


def older(name: str) -> bytes:
    """The file of a voice as podtts 0.1.0 wrote it."""
    return (
        f'{{\n  "name": "{name}",\n  "audio_sha256": "{SHA256}",\n'
        '  "transcript": "Hello, I am Anna.",\n  "dialect_prompt": "<|Yue|>你好。"\n}\n'
    ).encode()


def test_a_voice_without_a_seal_is_read_and_sealed(voices: VoiceStore, tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    folder.mkdir()
    (folder / "anna.json").write_bytes(older("anna"))
    assert voices.list() == (ANNA,)
    assert (folder / "anna.json").read_bytes() == older("anna")  # listing changes nothing
    assert voices.get("anna") == ANNA
    assert json.loads((folder / "anna.json").read_bytes())["payload_sha256"] == ANNAS_SEAL
    (folder / "ben.json").write_bytes(older("ben"))
    assert list(voices.seal_older()) == [folder / "ben.json"]
    assert list(voices.seal_older()) == []
    assert [problem for _, problem in voices.verify()] == [None, None]


def test_a_voice_that_cannot_be_sealed_is_used_all_the_same(
    voices: VoiceStore, tmp_path: Path
) -> None:
    folder = tmp_path / "voices"
    folder.mkdir()
    (folder / "anna.json").write_bytes(older("anna"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # every write fails
    try:
        assert voices.get("anna") == ANNA
        assert list(voices.seal_older()) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (folder / "anna.json").read_bytes() == older("anna")
    assert [path.name for path in folder.iterdir()] == ["anna.json"]


def test_a_store_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "voices").touch()
    with pytest.raises(DiskError, match="cannot be written") as caught:
        VoiceStore(tmp_path).put(ANNA)
    assert "--cache-dir" in caught.value.hint


def test_forgetting_a_voice_removes_its_prompts_unless_another_needs_them(
    voices: VoiceStore, cache: PromptCache, make_features: Callable[[int], PromptFeatures]
) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    keys = [PromptKey(SHA256, ENCODERS, 1), PromptKey(SHA256, "0" * 64, 1)]
    stays = PromptKey(other, ENCODERS, 1)
    for key in (*keys, stays):
        cache.put(key, make_features(50))
    for voice in (ANNA, Voice("anna-2", SHA256, "Hello."), Voice("ben", other, "Hello.")):
        voices.put(voice)

    assert forget_voice("anna", voices, cache) == []
    assert len(cache.entries()) == 3
    assert {entry.key for entry in forget_voice("anna-2", voices, cache)} == set(keys)
    assert [entry.key for entry in cache.entries()] == [stays]
    assert [voice.name for voice in voices.list()] == ["ben"]
    with pytest.raises(VoiceError, match="there is no voice anna"):
        forget_voice("anna", voices, cache)


def test_a_damaged_voice_protects_the_prompts_of_others(
    voices: VoiceStore,
    cache: PromptCache,
    tmp_path: Path,
    make_features: Callable[[int], PromptFeatures],
) -> None:
    cache.put(PromptKey(SHA256, ENCODERS, 1), make_features(50))
    voices.put(ANNA)
    voices.put(Voice("ben", SHA256, "Hello."))
    (tmp_path / "voices" / "ben.json").write_bytes(b"")

    with pytest.raises(VoiceError, match=r"ben\.json is damaged"):
        forget_voice("anna", voices, cache)  # ben may have the same recording
    assert voices.get("anna") == ANNA
    assert forget_voice("ben", voices, cache) == []
    assert len(forget_voice("anna", voices, cache)) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_voice_that_cannot_be_read_is_reported(voices: VoiceStore, tmp_path: Path) -> None:
    voices.put(ANNA)
    (tmp_path / "voices" / "anna.json").chmod(0)
    with pytest.raises(VoiceError, match=r"anna\.json: cannot be read: Permission denied"):
        voices.get("anna")


def test_verify_quarantines_damaged_voices_but_not_unreadable_ones(
    voices: VoiceStore, tmp_path: Path
) -> None:
    for name in ("anna", "ben", "carl"):
        voices.put(Voice(name, SHA256, "Hello."))
    folder = tmp_path / "voices"
    (folder / "ben.json").write_bytes(b"{")
    os.mkfifo(folder / "dora.json")
    (folder / "CON.json").write_bytes(b"{}")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    paths = [folder / f"{name}.json" for name in ("CON", "anna", "ben", "carl", "dora")]
    checking = voices.verify()
    assert "does not have the fields of a voice" in str(next(checking)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))  # the process cannot open more files
    try:
        assert next(checking) == (folder / "anna.json", "cannot be read: Too many open files")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    rest = list(checking)
    assert [path for path, _ in rest] == paths[2:]
    assert [bool(problem) for _, problem in rest] == [True, False, True]
    assert len(list((tmp_path / "quarantine").iterdir())) == 3
    assert list(voices.verify()) == [(paths[1], None), (paths[3], None)]


def test_readable_voices_are_found_beside_damaged_ones(voices: VoiceStore, tmp_path: Path) -> None:
    voices.put(ANNA)
    (tmp_path / "voices" / "ben.json").write_bytes(b"{")
    errors: list[VoiceError] = []
    assert list(voices.readable(errors.append)) == [ANNA]
    assert [error.problem for error in errors] == [f"{tmp_path}/voices/ben.json is damaged"]
