"""The parts of the encoder by their definitions; tests/flow/test_decode.py has golden numbers."""

import math

import torch
from support.golden_data import models
from torch import Tensor

from podtts.flow.encoder import UPSAMPLING, RelativeAttention, distance_encoding

SIZE, HEADS = 8, 2


def test_distances_are_encoded_as_sines_and_cosines() -> None:
    encoding = distance_encoding(3, 4)[0]
    assert encoding.shape == (5, 4)
    for row, distance in enumerate((2, 1, 0, -1, -2)):
        expected = [wave(distance * rate) for rate in (1, 0.01) for wave in (math.sin, math.cos)]
        torch.testing.assert_close(encoding[row], torch.tensor(expected))


def test_relative_attention_is_that_of_transformer_xl() -> None:
    """Scores (q + u)·k + (q + v)·r of the distance from query to key (arXiv:1901.02860)."""
    torch.manual_seed(0)
    attention = RelativeAttention(SIZE, HEADS).requires_grad_(False)
    for parameter in (attention.bias_u, attention.bias_v):
        parameter.normal_()
    x, tokens = torch.randn(1, 4, SIZE), 4
    encoding = distance_encoding(tokens, SIZE)
    visible = torch.ones(1, 1, tokens, tokens, dtype=torch.bool).tril(1)

    def heads(rows: Tensor) -> Tensor:
        return rows.view(-1, HEADS, SIZE // HEADS)

    q, k, v = (heads(layer(x[0])) for layer in (attention.query, attention.key, attention.value))
    positions = heads(attention.position(encoding[0]))
    out = torch.zeros(tokens, HEADS, SIZE // HEADS)
    for head in range(HEADS):
        for query in range(tokens):
            scores = torch.full((tokens,), -torch.inf)
            for key in range(min(query + 2, tokens)):
                distance = positions[tokens - 1 - (query - key), head]
                content = (q[query, head] + attention.bias_u[head]) @ k[key, head]
                position = (q[query, head] + attention.bias_v[head]) @ distance
                scores[key] = (content + position) / math.sqrt(SIZE // HEADS)
            out[query, head] = scores.softmax(0) @ v[:, head]
    expected = attention.out(out.flatten(1))
    torch.testing.assert_close(attention(x, encoding, visible)[0], expected)


def test_padding_does_not_change_a_row() -> None:
    encoder = models().flow.encoder
    x = torch.randn(2, 9, encoder.embed.linear.in_features)
    for chunk_tokens in (0, 4):
        both = encoder(x, torch.tensor([5, 9]), chunk_tokens)
        alone = encoder(x[:1, :5], torch.tensor([5]), chunk_tokens)
        torch.testing.assert_close(both[:1, : 5 * UPSAMPLING], alone, rtol=1e-4, atol=1e-5)
