import copy

import pytest
import torch
from golden_data import relative_rms
from torch import nn

from podtts.flow.packed import PackedLinear, pack


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(2, 300, 24), (1, 1, 24), (7, 24)])
@torch.inference_mode()
def test_packed_layers_compute_the_same(bias: bool, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(24, 40, bias=bias), nn.GELU(), nn.Linear(40, 8))
    module = module.to(torch.bfloat16)
    x = torch.randn(shape).to(torch.bfloat16)
    before = module(x)
    pack(module)
    assert isinstance(module[0], PackedLinear)
    assert isinstance(module[2], PackedLinear)
    assert module(x).shape == before.shape
    assert relative_rms(module(x).float(), before.float()) < 0.005
    assert torch.equal(copy.deepcopy(module)(x), module(x))
