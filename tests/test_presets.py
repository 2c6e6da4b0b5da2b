from dataclasses import replace

import pytest

from podtts.errors import UsageError
from podtts.options import FlowOptions
from podtts.presets import DEFAULT_PRESET, PRESETS, choose_preset


def test_faithful_is_the_published_recipe() -> None:
    assert PRESETS["faithful"].flow == FlowOptions()
    assert PRESETS["faithful"].quantize == "none"
    assert DEFAULT_PRESET in PRESETS


def test_what_is_given_explicitly_wins() -> None:
    chosen = choose_preset("fast", "int8", 7, "ab2", "float32")
    assert chosen.quantize == "int8"
    assert (chosen.flow.steps, chosen.flow.solver, chosen.flow.precision) == (7, "ab2", "float32")
    assert choose_preset("fast", None, None, None, None) == PRESETS["fast"]


def test_guidance_at_the_start_is_left_out_at_the_preset_s_own_steps_alone() -> None:
    assert not choose_preset("fast", None, None, None, "float32").flow.guided_start
    assert choose_preset("fast", None, 2, None, None).flow.guided_start
    assert choose_preset("fast", None, None, "heun", None).flow.guided_start


def test_no_preset_streams_unless_it_is_asked_to() -> None:
    assert {preset.flow.mode for preset in PRESETS.values()} == {"full"}
    chosen = choose_preset("fast", mode="streaming")
    assert chosen.flow == replace(PRESETS["fast"].flow, mode="streaming")
    with pytest.raises(UsageError, match="unknown flow-mode 'steaming'; did you mean streaming"):
        choose_preset("fast", mode="steaming")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (("fats", None, None, None, None), "unknown preset 'fats'"),
        (("fast", "int3", None, None, None), "unknown quantization 'int3'"),
        (("fast", None, None, "eular", None), "unknown flow-solver 'eular'"),
        (("fast", None, None, None, "float61"), "unknown flow-precision 'float61'"),
        (("fast", None, 0, None, None), "flow-steps is 0"),
    ],
)
def test_what_is_unknown_is_said(
    given: tuple[str, str | None, int | None, str | None, str | None], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        choose_preset(*given)
