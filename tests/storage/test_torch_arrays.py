import numpy as np
import pytest
import torch

from podtts.storage.sealed import seal, unseal
from podtts.storage.torch_arrays import to_aligned_tensor, to_array, to_tensor


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int8])
def test_a_sealed_tensor_is_read_back(dtype: torch.dtype) -> None:
    tensor = torch.arange(6).reshape(2, 3).T.to(dtype)
    arrays, _ = unseal(seal({"tensor": to_array(tensor)}, {}))
    restored = to_tensor(arrays["tensor"])
    assert restored.dtype == dtype
    assert torch.equal(restored, tensor)


def test_the_memory_is_shared() -> None:
    array = np.zeros(3, np.float32)
    tensor = to_tensor(array)
    tensor[0] = 1
    assert array[0] == 1
    assert to_array(tensor).ctypes.data == array.ctypes.data


def test_unaligned_memory_is_copied() -> None:
    memory = np.zeros(256, np.uint8)
    aligned = -memory.ctypes.data % 64
    for offset, is_shared in ((aligned, True), (aligned + 4, False)):
        array = memory[offset : offset + 8]
        tensor = to_aligned_tensor(array)
        assert (tensor.data_ptr() == array.ctypes.data) == is_shared
        assert torch.equal(tensor, to_tensor(array))
