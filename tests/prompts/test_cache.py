import contextlib
import dataclasses
import hashlib
import os
import pickle
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import torch

import podtts
from podtts.prompts.cache import PromptCache, PromptEntry, PromptKey
from podtts.storage.sealed import Array, seal, unseal
from podtts.values import PromptFeatures

KEY = PromptKey(hashlib.sha256(b"audio").hexdigest(), hashlib.sha256(b"onnx").hexdigest(), 1)
OTHERS = [
    dataclasses.replace(KEY, audio_sha256=hashlib.sha256(b"other").hexdigest()),
    dataclasses.replace(KEY, encoders_sha256=hashlib.sha256(b"other").hexdigest()),
    dataclasses.replace(KEY, recipe=2),
]

SOURCE = Path(podtts.__file__).parents[1]

MakeFeatures = Callable[[int], PromptFeatures]


def equal(actual: PromptFeatures | None, expected: PromptFeatures) -> bool:
    return actual is not None and all(
        ours.dtype == theirs.dtype and torch.equal(ours, theirs)
        for ours, theirs in (
            (actual.speech_tokens, expected.speech_tokens),
            (actual.mel, expected.mel),
            (actual.speaker_embedding, expected.speaker_embedding),
        )
    )


def entry_path(cache: PromptCache, key: PromptKey = KEY) -> Path:
    return cache.root / "prompts" / key.filename()


def quarantined(cache: PromptCache) -> list[Path]:
    return list((cache.root / "quarantine").glob("*"))


def test_stored_features_are_returned_bit_for_bit(
    cache: PromptCache, make_features: MakeFeatures, warnings_said: list[str]
) -> None:
    features = make_features(50)
    assert cache.get(KEY) is None
    cache.put(KEY, features)
    assert equal(cache.get(KEY), features)
    assert [path.name for path in cache.root.rglob("*")] == ["prompts", KEY.filename()]
    assert warnings_said == []


@pytest.mark.parametrize("other", OTHERS, ids=["audio", "encoders", "recipe"])
def test_every_part_of_the_key_matters(
    cache: PromptCache, make_features: MakeFeatures, other: PromptKey
) -> None:
    cache.put(KEY, make_features(50))
    assert cache.get(other) is None
    assert cache.get(KEY) is not None


def test_an_entry_describes_itself(cache: PromptCache, make_features: MakeFeatures) -> None:
    cache.put(KEY, make_features(50))
    with safetensors.safe_open(entry_path(cache), "np") as entry:
        metadata = entry.metadata()
        shapes = {name: entry.get_slice(name).get_shape() for name in entry.keys()}  # noqa: SIM118
    assert shapes == {"speech_tokens": [50], "mel": [100, 80], "speaker_embedding": [192]}
    assert len(metadata.pop("payload_sha256")) == 64
    assert metadata == {
        "format": "podtts-prompt-1",
        "podtts_version": podtts.__version__,
        "audio_sha256": KEY.audio_sha256,
        "encoders_sha256": KEY.encoders_sha256,
        "recipe": "1",
    }


def test_equal_features_give_equal_bytes(tmp_path: Path, make_features: MakeFeatures) -> None:
    caches = [PromptCache(tmp_path / name, pytest.fail) for name in ("one", "two")]
    for each in caches:
        each.put(KEY, make_features(50))
    assert entry_path(caches[0]).read_bytes() == entry_path(caches[1]).read_bytes()


def test_returned_features_can_be_modified(cache: PromptCache, make_features: MakeFeatures) -> None:
    cache.put(KEY, make_features(50))
    first = cache.get(KEY)
    assert first is not None
    first.mel.zero_()
    first.speech_tokens.zero_()
    first.speaker_embedding.zero_()
    assert equal(cache.get(KEY), make_features(50))


def _truncated(sixteenth: int) -> Callable[[bytes], bytes]:
    return lambda raw: raw[: len(raw) * sixteenth // 16]


def _flipped(at: Callable[[bytes], int], bit: int) -> Callable[[bytes], bytes]:
    def damage(raw: bytes) -> bytes:
        changed = bytearray(raw)
        changed[at(raw)] ^= 1 << bit
        return bytes(changed)

    return damage


def _resealed(
    tensors: Callable[[dict[str, Array]], dict[str, Array]] = dict,
    metadata: Callable[[dict[str, str]], dict[str, str]] = dict,
) -> Callable[[bytes], bytes]:
    """Change the content of an entry and seal it again, so that only the content is wrong."""

    def change(raw: bytes) -> bytes:
        old_tensors, old_metadata = unseal(raw)
        return seal(tensors(old_tensors), metadata(old_metadata))

    return change


def _foreign(raw: bytes) -> bytes:
    return safetensors.numpy.save({"weight": np.zeros((4, 4), np.float32)}, {"format": "pt"})


def _unsealed(raw: bytes) -> bytes:
    return safetensors.numpy.save(safetensors.numpy.load(raw))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    **{f"cut-at-{n}-sixteenths": _truncated(n) for n in range(16)},
    **{f"bit-{bit}-of-length": _flipped(lambda _: 0, bit) for bit in range(8)},
    **{
        f"bit-in-{word.decode()}": _flipped(lambda raw, word=word: raw.index(word), 0)  # type: ignore[misc]
        for word in (b"__metadata__", b"audio_sha256", b"podtts_version", b"F32", b"shape", b"mel")
    },
    "bit-in-version-number": _flipped(lambda raw: raw.index(podtts.__version__.encode()), 0),
    "bit-in-first-payload-byte": _flipped(lambda raw: int.from_bytes(raw[:8], "little") + 8, 7),
    "bit-in-middle": _flipped(lambda raw: len(raw) // 2, 3),
    "bit-in-last-byte": _flipped(lambda raw: len(raw) - 1, 0),
    "one-byte-more": lambda raw: raw + b"\0",
    "zeros": lambda raw: bytes(len(raw)),
    "foreign-safetensors": _foreign,
    "without-metadata": _unsealed,
    "pickle": lambda raw: pickle.dumps({"mel": list(range(100))}),
    "text": lambda raw: b"hello " * 100,
    "other-format": _resealed(metadata=lambda old: {**old, "format": "podtts-prompt-0"}),
    "other-audio": _resealed(metadata=lambda old: {**old, "audio_sha256": "0" * 64}),
    "same-name-other-audio": _resealed(
        metadata=lambda old: {**old, "audio_sha256": old["audio_sha256"][:16] + "0" * 48}
    ),
    "no-recipe": _resealed(metadata=lambda old: {**old, "recipe": "first"}),
    "extra-tensor": _resealed(lambda old: {**old, "more": np.zeros(1, np.float32)}),
    "missing-tensor": _resealed(lambda old: {"mel": old["mel"]}),
    "mel-too-short": _resealed(lambda old: {**old, "mel": old["mel"][:-1]}),
    "tokens-as-floats": _resealed(
        lambda old: {**old, "speech_tokens": old["speech_tokens"].astype(np.float32)}
    ),
    "no-tokens": _resealed(
        lambda old: {**old, "speech_tokens": old["speech_tokens"][:0], "mel": old["mel"][:0]}
    ),
    "too-many-tokens": _resealed(
        lambda old: {
            **old,
            "speech_tokens": np.zeros(751, np.int32),
            "mel": np.zeros((1502, 80), np.float32),
        }
    ),
    "negative-token": _resealed(
        lambda old: {**old, "speech_tokens": np.full_like(old["speech_tokens"], -1)}
    ),
    "nan-in-mel": _resealed(lambda old: {**old, "mel": np.full_like(old["mel"], np.nan)}),
    "inf-in-embedding": _resealed(
        lambda old: {**old, "speaker_embedding": np.full(192, np.inf, np.float32)}
    ),
    "key-is-no-digest": _resealed(metadata=lambda old: {**old, "encoders_sha256": "../x"}),
    "recipe-is-a-path": _resealed(metadata=lambda old: {**old, "recipe": "1/../x"}),
    "too-large": lambda raw: raw + bytes(2**22),
    "embedding-of-256": _resealed(
        lambda old: {**old, "speaker_embedding": np.zeros(256, np.float32)}
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_entry_is_a_miss_reported_once_and_quarantined(
    cache: PromptCache,
    make_features: MakeFeatures,
    warnings_said: list[str],
    damage: Callable[[bytes], bytes],
) -> None:
    cache.put(KEY, make_features(50))
    path = entry_path(cache)
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)

    assert cache.get(KEY) is None
    assert cache.get(KEY) is None
    assert not path.exists()
    assert [path.read_bytes() for path in quarantined(cache)] == [damaged]
    assert len(warnings_said) == 1
    assert str(path) in warnings_said[0]
    assert str(quarantined(cache)[0]) in warnings_said[0]

    cache.put(KEY, make_features(50))
    assert equal(cache.get(KEY), make_features(50))


def test_other_kinds_of_files_in_place_of_an_entry_are_quarantined(
    cache: PromptCache, make_features: MakeFeatures, warnings_said: list[str]
) -> None:
    folder, (link, pipe, device) = (
        entry_path(cache),
        [entry_path(cache, other) for other in OTHERS],
    )
    folder.mkdir(parents=True)
    (folder / "something").touch()
    link.symlink_to(link)
    os.mkfifo(pipe)  # reading it would wait
    device.symlink_to("/dev/zero")  # reading it would not end
    for key in (KEY, *OTHERS):
        assert cache.get(key) is None
    assert len(quarantined(cache)) == len(warnings_said) == 4
    cache.put(KEY, make_features(50))
    assert equal(cache.get(KEY), make_features(50))


def test_the_same_entry_may_be_damaged_twice(
    cache: PromptCache, make_features: MakeFeatures, warnings_said: list[str]
) -> None:
    for _ in range(2):
        cache.put(KEY, make_features(50))
        entry_path(cache).write_bytes(b"")
        assert cache.get(KEY) is None
    assert len(quarantined(cache)) == len(warnings_said) == 2


def test_a_root_that_cannot_be_written_gives_one_warning(
    tmp_path: Path, make_features: MakeFeatures
) -> None:
    warnings: list[str] = []
    (tmp_path / "file").touch()
    cache = PromptCache(tmp_path / "file", warnings.append)
    for key in (KEY, *OTHERS):
        assert cache.get(key) is None
        cache.put(key, make_features(50))
    assert cache.entries() == []
    assert len(warnings) == 1
    assert warnings[0].startswith(f"the prompt cache {tmp_path / 'file'} cannot be written: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_entries_of_a_read_only_root_are_read(
    cache: PromptCache, make_features: MakeFeatures, warnings_said: list[str]
) -> None:
    cache.put(KEY, make_features(50))
    (cache.root / "prompts").chmod(0o500)
    try:
        assert equal(cache.get(KEY), make_features(50))
        cache.put(OTHERS[0], make_features(60))
        cache.put(OTHERS[1], make_features(60))
    finally:
        (cache.root / "prompts").chmod(0o700)
    assert len(warnings_said) == 1
    assert "Permission denied" in warnings_said[0]


def test_an_entry_that_cannot_be_opened_now_is_kept(
    cache: PromptCache, make_features: MakeFeatures, warnings_said: list[str]
) -> None:
    cache.put(KEY, make_features(50))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))  # the process cannot open more files
    try:
        assert cache.get(KEY) is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(warnings_said) == 1
    assert "Too many open files" in warnings_said[0]
    assert equal(cache.get(KEY), make_features(50))


def test_entries_are_listed_with_their_sizes(
    cache: PromptCache, make_features: MakeFeatures, warnings_said: list[str]
) -> None:
    assert cache.entries() == []
    cache.put(KEY, make_features(50))
    cache.put(OTHERS[0], make_features(100))
    cache.put(OTHERS[2], make_features(25))
    entry_path(cache, OTHERS[2]).write_bytes(b"damaged")
    (cache.root / "prompts" / "README.md").touch()
    entries = {entry.key: entry for entry in cache.entries()}
    path = entry_path(cache)
    assert entries.keys() == {KEY, OTHERS[0]}
    assert entries[KEY] == PromptEntry(KEY, path, 50, path.stat().st_size)
    assert entries[OTHERS[0]].seconds == 4.0
    assert len(warnings_said) == 1


def test_a_renamed_entry_is_not_listed(cache: PromptCache, make_features: MakeFeatures) -> None:
    cache.put(KEY, make_features(50))
    entry_path(cache).rename(entry_path(cache, OTHERS[0]))
    assert cache.entries() == []
    assert len(quarantined(cache)) == 1


def test_remove_deletes_only_the_entries_of_the_recording(
    cache: PromptCache, make_features: MakeFeatures
) -> None:
    for key in (KEY, *OTHERS):
        cache.put(key, make_features(50))
    removed = {entry.key for entry in cache.remove(KEY.audio_sha256)}
    assert removed == {KEY, OTHERS[1], OTHERS[2]}
    assert [entry.key for entry in cache.entries()] == [OTHERS[0]]
    assert cache.remove(KEY.audio_sha256) == []


def test_verify_yields_every_entry_and_its_problem(
    cache: PromptCache, make_features: MakeFeatures, warnings_said: list[str]
) -> None:
    assert list(cache.verify()) == []
    for key in (KEY, *OTHERS):
        cache.put(key, make_features(50))
    entry_path(cache).write_bytes(b"damaged")
    (cache.root / "prompts" / "model.safetensors").touch()  # not a file of podtts
    results = dict(cache.verify())
    assert results.keys() == {entry_path(cache, key) for key in (KEY, *OTHERS)}
    problems = {path: problem for path, problem in results.items() if problem}
    assert problems.keys() == {entry_path(cache)}
    assert f"it was moved to {quarantined(cache)[0]}" in problems[entry_path(cache)]
    assert warnings_said == []
    assert all(problem is None for _, problem in cache.verify())


def test_the_first_write_of_a_run_removes_old_temporary_files(
    cache: PromptCache, make_features: MakeFeatures
) -> None:
    cache.put(KEY, make_features(50))
    old, new = (cache.root / "prompts" / f".podtts-1-{name}.tmp" for name in ("old", "new"))
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    cache.put(OTHERS[0], make_features(50))
    assert old.exists()  # only once per run, not for every entry
    PromptCache(cache.root, pytest.fail).put(OTHERS[0], make_features(50))
    assert (old.exists(), new.exists()) == (False, True)


def run_python(code: str, source: Path, *arguments: str | Path) -> str:
    """Run code in a process of its own with the podtts found under `source`."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


PUT_THREE = """
import resource, sys
from pathlib import Path
import torch
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.values import PromptFeatures

tokens = torch.zeros(50, dtype=torch.int32)
features = PromptFeatures(tokens, torch.zeros(100, 80), torch.zeros(192))
limits = {"RLIMIT_FSIZE": 9000, "RLIMIT_NOFILE": 0}
for root, limit in zip(sys.argv[1::2], sys.argv[2::2]):
    warnings = []
    cache = PromptCache(Path(root), warnings.append)
    if limit in limits:
        hard = resource.getrlimit(getattr(resource, limit))
        resource.setrlimit(getattr(resource, limit), (limits[limit], hard[1]))
    for letter in "abc":
        key = PromptKey(letter * 64, "e" * 64, 1)
        assert cache.get(key) is None
        cache.put(key, features)
    if limit in limits:
        resource.setrlimit(getattr(resource, limit), hard)
    sys.stdout.write(f"{len(warnings)} {''.join(warnings)}\\n")
"""


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a disk of 16 KiB at a folder; yields False where mounting is not permitted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_cache_that_cannot_store_anything_gives_one_warning(tmp_path: Path) -> None:
    roots = {name: tmp_path / name for name in ("large", "many", "disk")}
    with small_disk(roots["disk"]) as mounted:
        arguments: list[str | Path] = [
            roots["large"],
            "RLIMIT_FSIZE",
            roots["many"],
            "RLIMIT_NOFILE",
        ]
        if mounted:
            arguments += [roots["disk"], "none"]
        printed = run_python(PUT_THREE, SOURCE, *arguments).splitlines()
        stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    first_entry = roots["many"] / "prompts" / PromptKey("a" * 64, "e" * 64, 1).filename()
    assert stored == []
    assert (
        printed
        == [
            f"1 the prompt cache {roots['large']} cannot be written: File too large",
            f"1 {first_entry} is not used: it cannot be read: Too many open files",
            f"1 the prompt cache {roots['disk']} cannot be written: No space left on device",
        ][: 3 if mounted else 2]
    )


def test_two_versions_of_podtts_share_a_root(tmp_path: Path, make_features: MakeFeatures) -> None:
    """The other version is this one with another format, as the comment in entry.py asks for."""
    other = tmp_path / "other"
    shutil.copytree(SOURCE, other, ignore=shutil.ignore_patterns("__pycache__"))
    entry = other / "podtts" / "prompts" / "entry.py"
    code = entry.read_text(encoding="utf-8")
    changed = code.replace('"podtts-prompt-1"', '"podtts-prompt-2"').replace(
        '_ENDING = ".safetensors"', '_ENDING = ".v2.safetensors"'
    )
    assert changed != code
    entry.write_text(changed, encoding="utf-8")

    root = tmp_path / "root"
    ours = PromptCache(root, pytest.fail)
    mine = PromptKey("a" * 64, "e" * 64, 1)
    ours.put(mine, make_features(50))
    before = entry_path(ours, mine).read_bytes()
    assert run_python(PUT_THREE, other, root, "none") == "0 \n"  # three misses, no warning
    assert entry_path(ours, mine).read_bytes() == before
    theirs = {path: path.read_bytes() for path in root.rglob("*.v2.safetensors")}
    assert len(theirs) == 3

    assert equal(ours.get(mine), make_features(50))
    assert [path for path, _ in ours.verify()] == [entry_path(ours, mine)]
    assert [entry.key for entry in ours.remove(mine.audio_sha256)] == [mine]
    assert {path: path.read_bytes() for path in root.rglob("*.v2.safetensors")} == theirs
    assert not (root / "quarantine").exists()
