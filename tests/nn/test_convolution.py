import pytest
import torch
from support.golden_data import relative_rms
from torch import nn

from podtts.nn.convolution import CausalConv, Conv, TransposedConv


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("positions", [1, 40])
@torch.inference_mode()
def test_convolutions_equal_those_of_torch(channels: int, positions: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, positions, channels)
    across = x.transpose(1, 2)
    pairs = [
        (
            Conv(channels, 4, 5, stride=2, padding=6, dilation=3),
            nn.Conv1d(channels, 4, 5, stride=2, padding=6, dilation=3),
            across,
        ),
        (CausalConv(channels, 4, 3), nn.Conv1d(channels, 4, 3), nn.functional.pad(across, (2, 0))),
        (
            TransposedConv(channels, 4, 11, 5, padding=3),
            nn.ConvTranspose1d(channels, 4, 11, 5, padding=3),
            across,
        ),
    ]
    for ours, reference, reference_input in pairs:
        ours.load_state_dict(reference.state_dict())
        y = ours(x)
        assert channels == 1 or y.is_contiguous()
        assert relative_rms(y.transpose(1, 2), reference(reference_input)) < 1e-5


@torch.inference_mode()
def test_bfloat16_weights_take_and_return_float32() -> None:
    torch.manual_seed(0)
    conv, x = Conv(6, 4, 3), torch.randn(2, 9, 6)
    wide = conv(x)
    narrow = conv.to(torch.bfloat16)(x)
    assert narrow.dtype == torch.float32
    assert 0 < relative_rms(narrow, wide) < 0.02
