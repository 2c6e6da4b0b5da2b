from pathlib import Path

import torch

from podtts.audio.mix_reader import MixReader, silence
from podtts.audio.wav import WavWriter, round_to_pcm16

WAVE = round_to_pcm16(torch.rand(250_000, generator=torch.Generator().manual_seed(1)) - 0.5)


def write_mix(path: Path) -> Path:
    with WavWriter(path) as file:
        file.write(WAVE)
    return path


def test_blocks_are_the_samples_of_the_file(tmp_path: Path) -> None:
    reads: list[int] = []
    with MixReader(write_mix(tmp_path / "mix.wav"), on_read=reads.append) as mix:
        assert mix.samples == len(WAVE)
        blocks = [*mix.blocks()]
    assert torch.equal(torch.cat(blocks), WAVE)
    assert reads == [len(block) for block in blocks] == [240_000, 10_000]


def test_a_part_is_read_with_a_gain(tmp_path: Path) -> None:
    with MixReader(write_mix(tmp_path / "mix.wav"), gain=0.5) as mix:
        assert torch.equal(mix.read(100, 200), WAVE[100:200] * 0.5)
        assert torch.equal(torch.cat([*mix.blocks(100, 200)]), WAVE[100:200] * 0.5)


def test_silence_comes_in_blocks() -> None:
    blocks = [*silence(500_000)]
    assert [len(block) for block in blocks] == [240_000, 240_000, 20_000]
    assert not torch.cat(blocks).any()
    assert [*silence(0)] == []
