import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from support.golden_data import models, trace_prompts

from podtts.engine.prefill import prefill_prompts
from podtts.llm.kv_cache import KVCache
from podtts.llm.prefix import FOLDER, PrefixStore
from podtts.llm.recent_prefix import RecentPrefix
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.prompts import maintenance
from podtts.script.parse import parse_script
from podtts.storage.verify import verify_sealed
from podtts.values import TurnAudio

QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=12), flow=FlowOptions(steps=1))
SCRIPT = parse_script("\n".join(f"[S{number % 2}] line {number}" for number in range(12)))
IDENTITY = {"llm": "the golden one", "dtype": "float32"}


class StoreUnderTest:
    """A store under a folder of its own, and its warnings."""

    def __init__(self, root: Path, identity: dict[str, str] = IDENTITY, limit: int = 2**30) -> None:
        self.root, self.warnings = root, list[str]()
        self.store = PrefixStore(root, identity, self.warnings.append, limit)

    @property
    def files(self) -> list[Path]:
        return sorted((self.root / FOLDER).glob("*"))

    def prefill(self, name: str, options: SynthesisOptions) -> None:
        loaded = models()
        cache = loaded.llm.new_cache()
        prefill_prompts(loaded, self.store, trace_prompts(name), options, cache)

    def hits(self, name: str = "plain", options: SynthesisOptions = QUICK) -> bool:
        """Whether the prefill of a dialogue uses a stored state."""
        before = {path: path.stat().st_mtime_ns for path in self.files}
        for path in self.files:
            os.utime(path, (1, 1))
        self.prefill(name, options)
        return any(path in before and path.stat().st_mtime > 1 for path in self.files)


@pytest.fixture
def store(tmp_path: Path) -> StoreUnderTest:
    """A store with the state after the plain prompts."""
    store = StoreUnderTest(tmp_path)
    assert not store.hits()
    assert len(store.files) == 1
    return store


def synthesized(name: str, store: PrefixStore | None) -> list[TurnAudio]:
    """Twelve turns, within which the context window is rebuilt."""
    return list(Synthesizer(models(), store).synthesize(SCRIPT, trace_prompts(name), QUICK))


@pytest.mark.parametrize("name", ["plain", "dialect"])
def test_turns_have_the_same_bits_with_and_without_a_stored_state(
    name: str, tmp_path: Path
) -> None:
    runs = [
        synthesized(name, store)
        for store in (None, StoreUnderTest(tmp_path).store, StoreUnderTest(tmp_path).store)
    ]
    assert len(StoreUnderTest(tmp_path).files) == 1
    for turns in zip(*runs, strict=True):
        assert len({turn.tokens for turn in turns}) == 1
        assert all(torch.equal(turn.wave, turns[0].wave) for turn in turns)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_stored_state_has_the_same_bits(dtype: torch.dtype, tmp_path: Path) -> None:
    llm, store = models().llm, StoreUnderTest(tmp_path).store
    cache = replace_dtype(llm.new_cache(), dtype)
    cache.reserve(7)
    cache.keys.copy_(torch.randn(cache.keys.shape))
    cache.values.copy_(torch.randn(cache.values.shape))
    cache.advance(7)
    store.write("prompts", [[1, 2, 3], [4, 5, 6, 7]], cache)
    loaded = replace_dtype(llm.new_cache(), dtype)
    assert store.read("prompts", loaded) == [[1, 2, 3], [4, 5, 6, 7]]
    assert loaded.length == 7
    assert torch.equal(loaded.keys[:, :, :, :7], cache.keys[:, :, :, :7])
    assert torch.equal(loaded.values[:, :, :, :7], cache.values[:, :, :, :7])


def replace_dtype(cache: KVCache, dtype: torch.dtype) -> KVCache:
    batch = cache.batch
    batch.keys, batch.values = batch.keys.to(dtype), batch.values.to(dtype)
    return cache


def test_only_what_decides_the_bits_of_the_state_makes_a_miss(store: StoreUnderTest) -> None:
    assert store.hits()
    other_draws = replace(QUICK, seed=5, sampling=replace(QUICK.sampling, temperature=0.1))
    assert store.hits(options=other_draws)  # nothing is drawn for plain prompts
    for key in IDENTITY:
        assert not StoreUnderTest(store.root, {**IDENTITY, key: "another"}).hits()
    assert not store.hits("dialect")
    assert store.hits("dialect")
    assert not store.hits("dialect", other_draws)


def truncated(sixteenths: int) -> Callable[[Path], object]:
    return lambda path: os.truncate(path, path.stat().st_size * sixteenths // 16)


def flipped(at: float) -> Callable[[Path], object]:
    def flip(path: Path) -> None:
        raw = bytearray(path.read_bytes())
        raw[int(at * (len(raw) - 1))] ^= 4
        path.write_bytes(raw)

    return flip


def other_file(path: Path) -> None:
    path.write_bytes(save({"keys": torch.zeros(3)}))


def of_other_prompts(path: Path) -> None:
    other = StoreUnderTest(path.parents[1])
    other.hits("dialect")
    (stranger,) = [file for file in other.files if file != path]
    stranger.replace(path)


def replaced_by(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def replace_file(path: Path) -> None:
        path.unlink()
        make(path)

    return replace_file


@pytest.mark.parametrize(
    "damage",
    [
        *map(truncated, range(16)),
        *map(flipped, (0, 0.00002, 0.0005, 0.3, 0.6, 1)),
        other_file,
        of_other_prompts,
        replaced_by(Path.mkdir),
        replaced_by(os.mkfifo),
        replaced_by(lambda path: path.symlink_to(path)),
    ],
)
def test_damaged_state_is_set_aside_and_computed_again(
    damage: Callable[[Path], object], store: StoreUnderTest
) -> None:
    (path,) = store.files
    intact = path.read_bytes()
    damage(path)
    store.prefill("plain", QUICK)
    assert path.read_bytes() == intact
    assert len(store.warnings) == 1
    assert str(path) in store.warnings[0]
    assert len(list((store.root / "quarantine").iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    store = StoreUnderTest(tmp_path)
    store.prefill("plain", QUICK)
    assert len(store.warnings) == 1
    assert os.strerror(errno.EEXIST) in store.warnings[0]


def test_the_folder_stays_within_its_limit(tmp_path: Path) -> None:
    size = sum(path.stat().st_size for path in _both(tmp_path / "all").files)
    limited = StoreUnderTest(tmp_path / "limited", limit=size - 1)
    limited.hits("plain")
    limited.hits("dialect")
    assert len(limited.files) == 1
    assert limited.hits("dialect")
    tiny = StoreUnderTest(tmp_path / "tiny", limit=100)
    assert not tiny.hits()
    assert not tiny.files
    assert not tiny.warnings


def test_prune_clear_and_verify_include_stored_states(tmp_path: Path) -> None:
    store = _both(tmp_path)
    assert [problem for _, problem in verify_sealed(tmp_path, FOLDER)] == [None, None]
    flipped(0.5)(store.files[0])
    problems = [problem for _, problem in verify_sealed(tmp_path, FOLDER)]
    assert [problem is None for problem in problems] == [False, True]
    assert len(store.files) == 1
    assert maintenance.contents(tmp_path)[FOLDER] == 1
    assert store.files[0] in {gone.path for gone in maintenance.prune(tmp_path, max_bytes=0)}
    assert not store.files
    store.hits()
    list(maintenance.clear(tmp_path))
    assert not store.files


def _both(root: Path) -> StoreUnderTest:
    store = StoreUnderTest(root)
    store.hits("plain")
    store.hits("dialect")
    assert len(store.files) == 2
    return store


def test_the_recent_state_is_that_of_the_prompts_themselves() -> None:
    loaded, options, recent = models(), SynthesisOptions(), RecentPrefix()
    first, again, other = loaded.llm.new_caches(3).rows
    for cache, name in ((first, "plain"), (again, "plain"), (other, "dialect")):
        prefill_prompts(loaded, None, trace_prompts(name), options, cache, recent)
    assert again.length == first.length
    assert torch.equal(again.keys, first.keys)
    assert torch.equal(again.values, first.values)
    alone = loaded.llm.new_cache()
    prefill_prompts(loaded, None, trace_prompts("dialect"), options, alone)
    assert torch.equal(other.keys[..., : other.length, :], alone.keys[..., : other.length, :])
    cache = loaded.llm.new_cache()
    assert recent.read("another cast", cache) is None
    assert cache.length == 0


def test_the_recent_state_does_not_change_with_its_rows() -> None:
    loaded, options, recent = models(), SynthesisOptions(), RecentPrefix()
    first, second = loaded.llm.new_caches(2).rows
    prefill_prompts(loaded, None, trace_prompts("plain"), options, first, recent)
    before = first.keys.clone()
    with torch.inference_mode():
        first.keys.zero_()
    prefill_prompts(loaded, None, trace_prompts("plain"), options, second, recent)
    assert torch.equal(second.keys, before)
