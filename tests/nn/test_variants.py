import copy

from torch import nn

from podtts.nn.variants import WeightVariants


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.narrow: WeightVariants[str, nn.Module] = WeightVariants()


def test_variants_are_neither_copied_nor_part_of_the_state() -> None:
    layer = Layer()
    layer.narrow["bfloat16"] = nn.Linear(2, 2)
    assert set(layer.state_dict()) == {"linear.weight", "linear.bias"}
    duplicate = copy.deepcopy(layer)
    assert isinstance(duplicate.narrow, WeightVariants)
    assert not duplicate.narrow
    assert list(layer.narrow) == ["bfloat16"]
