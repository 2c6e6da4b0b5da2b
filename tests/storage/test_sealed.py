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


def test_what_was_sealed_comes_back() -> None:
    tensors, metadata = unseal(seal(TENSORS, METADATA))
    assert metadata == METADATA
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == TENSORS[name].dtype
        assert np.array_equal(tensor, TENSORS[name])
        tensor[0] = 0  # memory of its own


def test_equal_content_gives_equal_bytes_in_any_order() -> None:
    turned = dict(reversed(TENSORS.items())), dict(reversed(METADATA.items()))
    assert seal(*turned) == seal(TENSORS, METADATA)


def test_any_safetensors_reader_opens_it() -> None:
    loaded = safetensors.numpy.load(seal(TENSORS, METADATA))
    assert np.array_equal(loaded["mel"], TENSORS["mel"])
    assert np.array_equal(loaded["ids"], TENSORS["ids"])


def test_every_flipped_bit_breaks_the_seal() -> None:
    whole = seal(TENSORS, METADATA)
    for index in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[index // 8] ^= 1 << index % 8
        with pytest.raises(SealError):
            unseal(bytes(flipped))


def test_every_cut_and_any_addition_breaks_the_seal() -> None:
    whole = seal(TENSORS, METADATA)
    for length in range(len(whole)):
        with pytest.raises(SealError):
            unseal(whole[:length])
    with pytest.raises(SealError):
        unseal(whole + b"\0")


def test_files_of_others_have_no_seal() -> None:
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
def test_a_header_that_makes_no_sense_breaks_the_seal(header: bytes) -> None:
    with pytest.raises(SealError):
        unseal(len(header).to_bytes(8, "little") + header + bytes(4))


def test_another_spelling_of_the_same_content_is_not_what_was_written() -> None:
    whole = seal(TENSORS, METADATA)
    length = int.from_bytes(whole[:8], "little")
    respelled = json.dumps(json.loads(whole[8 : 8 + length]), indent=1).encode()
    raw = len(respelled).to_bytes(8, "little") + respelled + whole[8 + length :]
    assert safetensors.numpy.load(raw).keys() == TENSORS.keys()
    with pytest.raises(SealError):
        unseal(raw)


@pytest.mark.parametrize("name", ["a", "a longer name", "x" * 57])
def test_tensors_begin_where_kernels_can_read_them_mapped(name: str) -> None:
    raw = seal({name: np.zeros(3, np.float32)}, METADATA)
    assert (8 + int.from_bytes(raw[:8], "little")) % 64 == 0
