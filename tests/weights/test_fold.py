from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from podtts.errors import ModelError
from podtts.weights.checkpoint import StoredTensor, Tensors
from podtts.weights.fold import hift_tensors

PAIRS = [("parametrizations.weight.original0", "parametrizations.weight.original1")]
PAIRS += [("weight_g", "weight_v")]


def stored(values: dict[str, Tensor]) -> Tensors:
    return {
        name: StoredTensor(Path("hift.pt"), tuple(value.shape), partial(Tensor.detach, value))
        for name, value in values.items()
    }


@pytest.mark.parametrize(("length", "direction"), PAIRS)
def test_length_and_direction_become_one_weight(length: str, direction: str) -> None:
    g, v = torch.tensor([[[2.0]], [[3.0]]]), torch.tensor([[[3.0], [4.0]], [[0.0], [5.0]]])
    tensors = hift_tensors(
        stored(
            {
                f"generator.conv.{length}": g,
                f"generator.conv.{direction}": v,
                "generator.conv.bias": torch.ones(2),
            }
        )
    )
    assert set(tensors) == {"conv.weight", "conv.bias"}
    expected = torch.tensor([[[1.2], [1.6]], [[0.0], [3.0]]])
    torch.testing.assert_close(tensors["conv.weight"].read(), expected)
    assert tensors["conv.weight"].shape == (2, 2, 1)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["conv.weight_g"], r"tensor conv\.weight_v is missing"),
        (["conv.weight_v"], r"tensor conv\.weight_v has no tensor of lengths"),
        (["conv.bias", "generator.conv.bias"], r"tensor conv\.bias occurs twice"),
    ],
)
def test_half_a_pair_and_equal_names_are_refused(names: list[str], problem: str) -> None:
    with pytest.raises(ModelError, match=rf"hift\.pt: {problem}"):
        hift_tensors(stored({name: torch.ones(2, 1) for name in names}))


def test_lengths_of_a_wrong_shape_are_refused() -> None:
    values = {"conv.weight_g": torch.ones(2, 1), "conv.weight_v": torch.ones(3, 4)}
    with pytest.raises(ModelError, match=r"weight_g has shape \(2, 1\), expected \(3, 1\)"):
        hift_tensors(stored(values))
