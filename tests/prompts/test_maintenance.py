import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from podtts.prompts import maintenance
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.voices import Voice, VoiceStore
from podtts.storage.atomic import STALE_SECONDS
from podtts.values import PromptFeatures

DAY = 24 * 3600.0
KEYS = {name: PromptKey(name * 64, "e" * 64, 1) for name in "abcd"}


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


@pytest.fixture
def filled(cache: PromptCache, make_features: Callable[[int], PromptFeatures]) -> PromptCache:
    """Entries a to d of the same size; a was last used one day ago, d four days ago."""
    for days, key in enumerate(KEYS.values(), start=1):
        cache.put(key, make_features(50))
        age(cache.root / "prompts" / key.filename(), days * DAY)
    VoiceStore(cache.root).put(Voice("anna", "a" * 64, "Hello."))
    return cache


def left(cache: PromptCache) -> str:
    return "".join(entry.key.audio_sha256[0] for entry in cache.entries())


def test_without_limits_only_leftovers_are_removed(filled: PromptCache) -> None:
    root = filled.root
    for folder in ("prompts", "voices"):
        for name in ("old", "new"):
            (root / folder / f".podtts-1-{name}.tmp").touch()
        age(root / folder / ".podtts-1-old.tmp", STALE_SECONDS + 60)
    (root / "prompts" / KEYS["d"].filename()).write_bytes(b"damaged")
    (root / "prompts" / KEYS["c"].filename()).unlink()
    (root / "prompts" / KEYS["c"].filename()).mkdir()
    (root / "prompts" / KEYS["c"].filename() / "inside").write_bytes(b"x" * 100)
    PromptCache(root, lambda warning: None).entries()
    old, new = sorted((root / "quarantine").iterdir())
    age(old, 8 * DAY)
    assert {removed.path for removed in maintenance.prune(root)} == {
        root / "prompts" / ".podtts-1-old.tmp",
        root / "voices" / ".podtts-1-old.tmp",
        old,
    }
    assert not old.exists()
    assert new.exists()
    assert (root / "prompts" / ".podtts-1-new.tmp").exists()
    assert left(filled) == "ab"
    assert list(maintenance.prune(root)) == []


def test_the_least_recently_used_is_removed_first(filled: PromptCache) -> None:
    entries = {entry.key: entry for entry in filled.entries()}
    size = entries[KEYS["a"]].size_bytes
    assert filled.find(KEYS["d"]) is not None
    gone = [removed.path for removed in maintenance.prune(filled.root, max_bytes=2 * size)]
    assert gone == [entries[KEYS["c"]].path, entries[KEYS["b"]].path]
    assert left(filled) == "ad"
    assert [voice.name for voice in VoiceStore(filled.root).list()] == ["anna"]
    assert len(list(maintenance.prune(filled.root, max_bytes=0))) == 2
    assert left(filled) == ""


def test_old_entries_are_removed(filled: PromptCache) -> None:
    gone = list(maintenance.prune(filled.root, older_than_seconds=2.5 * DAY))
    assert {removed.reason for removed in gone} == {"not used for long"}
    assert left(filled) == "ab"


def test_a_use_corrects_a_time_in_1970_or_in_the_future(
    filled: PromptCache,
) -> None:
    for key, then in ((KEYS["a"], 0.0), (KEYS["b"], time.time() + 365 * DAY)):
        path = filled.root / "prompts" / key.filename()
        os.utime(path, (then, then))
        assert filled.find(key) is not None
        assert abs(path.stat().st_mtime - time.time()) < DAY
    list(maintenance.prune(filled.root, older_than_seconds=DAY))
    assert left(filled) == "ab"


def test_clearing_does_not_change_features_already_read(filled: PromptCache) -> None:
    features = filled.get(KEYS["a"])
    assert features is not None
    before = features.mel.clone()
    list(maintenance.clear(filled.root))
    assert before.equal(features.mel)


def test_clear_removes_all_files_of_podtts_and_nothing_else(filled: PromptCache) -> None:
    root = filled.root
    other = filled.root / "prompts" / KEYS["a"].filename().replace("-r1.", "-r1.v2.")
    other.write_bytes(b"of another version")
    foreign = [
        root / "README.md",
        root / "prompts" / "model.safetensors",
        root / "prefixes" / "model.safetensors",
        root / "x" / "a.json",
    ]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert maintenance.contents(root) == {
        "prompts": 5,
        "prefixes": 0,
        "quantized": 0,
        "quarantine": 0,
        "voices": 1,
    }
    gone = {removed.path.name for removed in maintenance.clear(root)}
    assert gone == {*(key.filename() for key in KEYS.values()), other.name, "anna.json"}
    assert [path for path in sorted(root.rglob("*")) if path.is_file()] == sorted(foreign)


def test_links_are_removed_but_not_their_targets(filled: PromptCache, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (filled.root / "quarantine").mkdir()
    (filled.root / "quarantine" / "link").symlink_to(tmp_path / "precious")
    list(maintenance.clear(filled.root))
    assert list((filled.root / "quarantine").iterdir()) == []
    assert (tmp_path / "precious" / "file").exists()


def test_a_missing_root_is_empty(tmp_path: Path) -> None:
    assert list(maintenance.prune(tmp_path / "none", max_bytes=0, older_than_seconds=0)) == []
    assert list(maintenance.clear(tmp_path / "none")) == []
    assert not (tmp_path / "none").exists()
