"""Rows of an embedding shared through the digits of a code.

Of 6561 codes many are rare. While training, a code's row is its own plus one of every digit's
value, so that a rare code starts from its neighbours; the sum is written out for export.
"""

import torch
from torch import Tensor, nn

from recipes.mini.sizes import CODE_DIGITS, CODE_LEVELS, CODES


class DigitRows(nn.Module):
    """One row for every value of every digit; `forward` gives their sum for all codes."""

    def __init__(self, size: int, deviation: float) -> None:
        super().__init__()
        self.rows = nn.Parameter(deviation * torch.randn(CODE_DIGITS * CODE_LEVELS, size))
        self.register_buffer("uses", _uses(), persistent=False)

    def forward(self) -> Tensor:
        """Float32 [6561, size]."""
        uses: Tensor = self.uses  # type: ignore[assignment]
        return uses @ self.rows


def _uses() -> Tensor:
    """Which rows a code is made of, 0 or 1, float32 [6561, 24]."""
    codes = torch.arange(CODES)[:, None]
    digits = codes // CODE_LEVELS ** torch.arange(CODE_DIGITS) % CODE_LEVELS
    places = digits + CODE_LEVELS * torch.arange(CODE_DIGITS)
    return torch.zeros(CODES, CODE_DIGITS * CODE_LEVELS).scatter_(1, places, 1.0)
