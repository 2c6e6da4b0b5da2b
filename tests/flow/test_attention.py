import pytest
import torch
import torch.nn.functional as F
from support.golden_data import relative_rms
from torch import Tensor

from podtts.flow.attention import attend


def inputs(frames: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values as the estimator has them: heads next to channels in memory."""
    random = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, frames, 4, 16, generator=random).to(dtype) for _ in range(3))
    return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)


@pytest.mark.parametrize("frames", [1, 256, 300, 600])
def test_bfloat16_in_blocks_is_near_the_float32_result(frames: int) -> None:
    exact = F.scaled_dot_product_attention(*inputs(frames, torch.float32))
    ours = attend(*inputs(frames, torch.bfloat16), None)
    assert ours.dtype == torch.bfloat16
    assert relative_rms(ours.float(), exact) < 0.02


def test_float32_and_masks_use_the_fused_kernel() -> None:
    wide = inputs(40, torch.float32)
    assert torch.equal(attend(*wide, None), F.scaled_dot_product_attention(*wide))
    bfloat16, visible = inputs(40, torch.bfloat16), torch.arange(40)[None, None, None] < 30
    masked = F.scaled_dot_product_attention(*bfloat16, attn_mask=visible)
    assert torch.equal(attend(*bfloat16, visible), masked)
