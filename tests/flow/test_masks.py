import torch

from podtts.flow.masks import valid_positions, visible_keys, zero_padding

CPU = torch.device("cpu")


def test_positions_up_to_the_length_are_valid() -> None:
    valid = valid_positions(torch.tensor([2, 0, 3]), 3)
    assert valid is not None
    assert valid.int().tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 1]]


def test_rows_without_padding_need_no_mask() -> None:
    assert valid_positions(torch.tensor([3, 3]), 3) is None
    assert visible_keys(None, 3, 0, CPU) is None
    x = torch.ones(2, 3, 4)
    assert zero_padding(x, None) is x


def test_a_query_sees_the_valid_keys_up_to_the_end_of_its_chunk() -> None:
    chunks = visible_keys(None, 5, 2, CPU)
    assert chunks is not None
    assert chunks.int().tolist() == [
        [[[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]]
    ]
    valid = valid_positions(torch.tensor([3, 5]), 5)
    both = visible_keys(valid, 5, 2, CPU)
    assert valid is not None
    assert both is not None
    assert torch.equal(both, chunks & valid[:, None, None])
    keys = visible_keys(valid, 5, 0, CPU)
    assert keys is not None
    assert torch.equal(keys, valid[:, None, None])


def test_padding_becomes_zero() -> None:
    x = torch.ones(2, 3, 1)
    zeroed = zero_padding(x, valid_positions(torch.tensor([1, 3]), 3))
    assert zeroed[..., 0].tolist() == [[1, 0, 0], [1, 1, 1]]
