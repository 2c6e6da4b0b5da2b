import torch

from podtts.flow.prompt_states import PromptStates
from podtts.flow.streaming import FlowState
from podtts.options import FlowOptions, Precision
from podtts.values import PromptFeatures

OPTIONS = FlowOptions(mode="streaming")


def prompt_of(number: int) -> PromptFeatures:
    return PromptFeatures(torch.tensor([number]), torch.zeros(2, 80), torch.zeros(192))


class Computed:
    """Computes states of a megabyte, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> tuple[FlowState, Precision]:
        self.count += 1
        state = FlowState(1, torch.zeros(1, 80), ((torch.zeros(250_000),),), ())
        return state, "float32"


def test_a_state_is_computed_once_for_a_prompt_and_options() -> None:
    states, computed = PromptStates(), Computed()
    first = states.get(prompt_of(1), OPTIONS, computed)
    assert states.get(prompt_of(1), OPTIONS, computed) is first
    assert states.get(prompt_of(2), OPTIONS, computed) is not first
    assert states.get(prompt_of(1), FlowOptions(steps=2), computed) is not first
    assert computed.count == 3


def test_the_state_that_was_not_used_for_longest_goes_first() -> None:
    states, computed = PromptStates(megabytes=2), Computed()
    for number in (1, 2, 1, 3):
        states.get(prompt_of(number), OPTIONS, computed)
    assert states.memory_bytes == 2_000_000
    states.get(prompt_of(1), OPTIONS, computed)
    assert computed.count == 3
    states.get(prompt_of(2), OPTIONS, computed)
    assert computed.count == 4


def test_a_state_that_is_larger_than_the_limit_is_not_kept() -> None:
    states, computed = PromptStates(megabytes=0), Computed()
    state, _ = states.get(prompt_of(1), OPTIONS, computed)
    assert state.memory_bytes == 1_000_000
    assert states.memory_bytes == 0
