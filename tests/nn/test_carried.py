import torch

from podtts.nn.carried import Carried, state_bytes


def test_layers_get_in_order_what_they_kept() -> None:
    first = Carried()
    assert first.take("initial") == ("initial",)
    first.keep("one", 1)
    first.keep("two")
    second = Carried(first.after)
    assert second.take("initial", 0) == ("one", 1)
    assert second.take("initial") == ("two",)


def test_a_call_can_be_repeated_from_the_same_states() -> None:
    first = Carried()
    first.with_context(torch.ones(1, 3, 2), 2)
    before = first.after
    ends = [Carried(before).with_context(torch.full((1, 1, 2), 5.0), 2) for _ in range(2)]
    assert torch.equal(ends[0], ends[1])
    assert ends[0][0, :, 0].tolist() == [1, 1, 5]


def test_the_context_is_zero_at_the_beginning() -> None:
    assert Carried().with_context(torch.ones(1, 1, 1), 2).flatten().tolist() == [0, 0, 1]


def test_keys_of_sequences_with_one_beginning_share_its_memory() -> None:
    beginning = Carried()
    beginning.with_earlier_keys(torch.zeros(1, 2, 3, 4), torch.ones(1, 2, 3, 4))
    states = []
    for value in (5.0, 6.0):
        carried = Carried(beginning.after)
        new = torch.full((1, 2, 1, 4), value)
        keys, values = carried.with_earlier_keys(new, new)
        assert keys[0, 0, :, 0].tolist() == [0, 0, 0, value]
        assert values[0, 0, :, 0].tolist() == [1, 1, 1, value]
        states.append(carried.after)
    assert states[0][0][0] is states[1][0][0] is beginning.after[0][0]


def test_streams_wait_for_each_other() -> None:
    carried = Carried()
    left, right = carried.in_step(torch.tensor([[[1.0], [2.0]]]), torch.tensor([[[3.0]]]))
    assert (left.flatten().tolist(), right.flatten().tolist()) == ([1], [3])
    left, right = Carried(carried.after).in_step(left[:, :0], torch.tensor([[[4.0], [5.0]]]))
    assert (left.flatten().tolist(), right.flatten().tolist()) == ([2], [4])


def test_what_is_kept_holds_no_larger_tensor_alive() -> None:
    carried = Carried()
    carried.with_context(torch.zeros(1, 1000, 1), 2)
    ((kept,),) = carried.after
    assert kept.untyped_storage().nbytes() == state_bytes(carried.after) == 8
