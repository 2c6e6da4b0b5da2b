import json

import numpy as np
import pytest
import safetensors.numpy

from podtts.storage.sealed import Array, SealError, seal, unseal

TENSORS: dict[str, Array] = {
    "mel": np.arange(6, dtype=np.float32).reshape(3, 2),
    "ids": np.array([7, -1], dtype=np.int32),
}
METADATA = {"made of": "语音", "format": "1"}


def test_sealed_tensors_are_read_back() -> None:
    tensors, metadata = unseal(seal(TENSORS, METADATA))
    assert metadata == METADATA
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == TENSORS[name].dtype
        assert np.array_equal(tensor, TENSORS[name])
        tensor[0] = 0  # its memory is writable


def test_equal_content_gives_equal_bytes_in_any_order() -> None:
    reordered = dict(reversed(TENSORS.items())), dict(reversed(METADATA.items()))
    assert seal(*reordered) == seal(TENSORS, METADATA)


def test_safetensors_can_read_a_sealed_file() -> None:
    loaded = safetensors.numpy.load(seal(TENSORS, METADATA))
    assert np.array_equal(loaded["mel"], TENSORS["mel"])
    assert np.array_equal(loaded["ids"], TENSORS["ids"])


def test_every_flipped_bit_breaks_the_seal() -> None:
    sealed = seal(TENSORS, METADATA)
    for index in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[index // 8] ^= 1 << index % 8
        with pytest.raises(SealError):
            unseal(bytes(flipped))


def test_truncation_and_addition_break_the_seal() -> None:
    sealed = seal(TENSORS, METADATA)
    for length in range(len(sealed)):
        with pytest.raises(SealError):
            unseal(sealed[:length])
    with pytest.raises(SealError):
        unseal(sealed + b"\0")


def test_files_of_other_writers_have_no_seal() -> None:
    foreign = safetensors.numpy.save(TENSORS, {"payload_sha256": "0" * 64})
    for raw in (foreign, safetensors.numpy.save(TENSORS), safetensors.numpy.save({})):
        with pytest.raises(SealError):
            unseal(raw)
    doubles = safetensors.numpy.save({"mel": np.zeros(3, np.float64)}, {"payload_sha256": ""})
    with pytest.raises(SealError, match="F64"):
        unseal(doubles)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{}",
        b"null",
        b"[" * 100_000,
        b'{"__metadata__":[]}',
        b'{"__metadata__":null}',
        b"\xff",
    ]
    + [b'{"__metadata__":{"payload_sha256":""},"a":%s}' % entry for entry in (b"1", b"[]", b"{}")]
    + [
        b'{"__metadata__":{"payload_sha256":""},"a":'
        b'{"dtype":"F32","shape":%s,"data_offsets":%s}}' % (shape, offsets)
        for shape in (b"[1]", b"[-1]", b"[1e99]", b'"x"', b"[99999999999999999999]")
        for offsets in (b"[0,4]", b"[4,0]", b"[0,99]", b"[0]", b'["0","4"]', b"[-4,0]", b"[0,3]")
    ],
)
def test_an_invalid_header_breaks_the_seal(header: bytes) -> None:
    with pytest.raises(SealError):
        unseal(len(header).to_bytes(8, "little") + header + bytes(4))


def test_a_reformatted_header_breaks_the_seal() -> None:
    sealed = seal(TENSORS, METADATA)
    length = int.from_bytes(sealed[:8], "little")
    header = json.dumps(json.loads(sealed[8 : 8 + length]), indent=1).encode()
    raw = len(header).to_bytes(8, "little") + header + sealed[8 + length :]
    assert safetensors.numpy.load(raw).keys() == TENSORS.keys()
    with pytest.raises(SealError):
        unseal(raw)


@pytest.mark.parametrize("name", ["a", "a longer name", "x" * 57])
def test_tensors_are_aligned_in_the_file(name: str) -> None:
    raw = seal({name: np.zeros(3, np.float32)}, METADATA)
    assert (8 + int.from_bytes(raw[:8], "little")) % 64 == 0
