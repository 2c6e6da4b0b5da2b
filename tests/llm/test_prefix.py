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
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.prompts import maintenance
from podtts.script.parse import parse_script
from podtts.storage.verify import verify_sealed
from podtts.values import TurnAudio

QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=12), flow=FlowOptions(steps=1))
SCRIPT = parse_script("\n".join(f"[S{number % 2}] line {number}" for number in range(12)))
IDENTITY = {"llm": "the golden one", "dtype": "float32"}


class Kept:
    """A store under a folder of its own, and what it warned of."""

    def __init__(self, root: Path, identity: dict[str, str] = IDENTITY, limit: int = 2**30) -> None:
        self.root, self.warnings = root, list[str]()
        self.store = PrefixStore(root, identity, self.warnings.append, limit)

    @property
    def files(self) -> list[Path]:
        return sorted((self.root / FOLDER).glob("*"))

    def open(self, name: str, options: SynthesisOptions) -> None:
        loaded = models()
        cache = loaded.llm.new_cache()
        prefill_prompts(loaded, self.store, trace_prompts(name), options, cache)

    def reads(self, name: str = "plain", options: SynthesisOptions = QUICK) -> bool:
        """Whether a dialogue opened now starts from what is kept."""
        before = {path: path.stat().st_mtime_ns for path in self.files}
        for path in self.files:
            os.utime(path, (1, 1))
        self.open(name, options)
        return any(path in before and path.stat().st_mtime > 1 for path in self.files)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A store that holds the state of the plain prompts."""
    kept = Kept(tmp_path)
    assert not kept.reads()
    assert len(kept.files) == 1
    return kept


def spoken(name: str, store: PrefixStore | None) -> list[TurnAudio]:
    """Twelve turns: the context is rebuilt on the way."""
    return list(Synthesizer(models(), store).synthesize(SCRIPT, trace_prompts(name), QUICK))


@pytest.mark.parametrize("name", ["plain", "dialect"])
def test_what_is_spoken_is_the_same_to_the_bit_with_and_without(name: str, tmp_path: Path) -> None:
    runs = [spoken(name, store) for store in (None, Kept(tmp_path).store, Kept(tmp_path).store)]
    assert len(Kept(tmp_path).files) == 1
    for turns in zip(*runs, strict=True):
        assert len({turn.tokens for turn in turns}) == 1
        assert all(torch.equal(turn.wave, turns[0].wave) for turn in turns)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_state_comes_back_as_it_was(dtype: torch.dtype, tmp_path: Path) -> None:
    llm, store = models().llm, Kept(tmp_path).store
    cache = replace_dtype(llm.new_cache(), dtype)
    cache.reserve(7)
    cache.keys.copy_(torch.randn(cache.keys.shape))
    cache.values.copy_(torch.randn(cache.values.shape))
    cache.advance(7)
    store.write("prompts", [[1, 2, 3], [4, 5, 6, 7]], cache)
    back = replace_dtype(llm.new_cache(), dtype)
    assert store.read("prompts", back) == [[1, 2, 3], [4, 5, 6, 7]]
    assert back.length == 7
    assert torch.equal(back.keys[:, :, :, :7], cache.keys[:, :, :, :7])
    assert torch.equal(back.values[:, :, :, :7], cache.values[:, :, :, :7])


def replace_dtype(cache: KVCache, dtype: torch.dtype) -> KVCache:
    whole = cache.together
    whole.keys, whole.values = whole.keys.to(dtype), whole.values.to(dtype)
    return cache


def test_only_what_decides_the_state_makes_a_miss(kept: Kept) -> None:
    assert kept.reads()
    other_draws = replace(QUICK, seed=5, sampling=replace(QUICK.sampling, temperature=0.1))
    assert kept.reads(options=other_draws)  # nothing is drawn for plain prompts
    for key in IDENTITY:
        assert not Kept(kept.root, {**IDENTITY, key: "another"}).reads()
    assert not kept.reads("dialect")
    assert kept.reads("dialect")
    assert not kept.reads("dialect", other_draws)


def truncated(sixteenths: int) -> Callable[[Path], object]:
    return lambda path: os.truncate(path, path.stat().st_size * sixteenths // 16)


def flipped(place: float) -> Callable[[Path], object]:
    def flip(path: Path) -> None:
        raw = bytearray(path.read_bytes())
        raw[int(place * (len(raw) - 1))] ^= 4
        path.write_bytes(raw)

    return flip


def other_file(path: Path) -> None:
    path.write_bytes(save({"keys": torch.zeros(3)}))


def of_other_prompts(path: Path) -> None:
    other = Kept(path.parents[1])
    other.reads("dialect")
    (stranger,) = [file for file in other.files if file != path]
    stranger.replace(path)


def in_place(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def replaced(path: Path) -> None:
        path.unlink()
        make(path)

    return replaced


@pytest.mark.parametrize(
    "damage",
    [
        *map(truncated, range(16)),
        *map(flipped, (0, 0.00002, 0.0005, 0.3, 0.6, 1)),
        other_file,
        of_other_prompts,
        in_place(Path.mkdir),
        in_place(os.mkfifo),
        in_place(lambda path: path.symlink_to(path)),
    ],
)
def test_damaged_state_is_set_aside_and_computed_again(
    damage: Callable[[Path], object], kept: Kept
) -> None:
    (path,) = kept.files
    whole = path.read_bytes()
    damage(path)
    kept.open("plain", QUICK)
    assert path.read_bytes() == whole
    assert len(kept.warnings) == 1
    assert str(path) in kept.warnings[0]
    assert len(list((kept.root / "quarantine").iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_said_and_no_more(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    kept = Kept(tmp_path)
    kept.open("plain", QUICK)
    assert len(kept.warnings) == 1
    assert os.strerror(errno.EEXIST) in kept.warnings[0]


def test_the_folder_stays_within_its_limit(tmp_path: Path) -> None:
    size = sum(path.stat().st_size for path in _both(tmp_path / "all").files)
    limited = Kept(tmp_path / "limited", limit=size - 1)
    limited.reads("plain")
    limited.reads("dialect")
    assert len(limited.files) == 1
    assert limited.reads("dialect")
    tiny = Kept(tmp_path / "tiny", limit=100)
    assert not tiny.reads()
    assert not tiny.files
    assert not tiny.warnings


def test_prune_clear_and_verify_cover_it(tmp_path: Path) -> None:
    kept = _both(tmp_path)
    assert [problem for _, problem in verify_sealed(tmp_path, FOLDER)] == [None, None]
    flipped(0.5)(kept.files[0])
    problems = [problem for _, problem in verify_sealed(tmp_path, FOLDER)]
    assert [problem is None for problem in problems] == [False, True]
    assert len(kept.files) == 1
    assert maintenance.contents(tmp_path)[FOLDER] == 1
    assert kept.files[0] in {gone.path for gone in maintenance.prune(tmp_path, max_bytes=0)}
    assert not kept.files
    kept.reads()
    list(maintenance.clear(tmp_path))
    assert not kept.files


def _both(root: Path) -> Kept:
    kept = Kept(root)
    kept.reads("plain")
    kept.reads("dialect")
    assert len(kept.files) == 2
    return kept
