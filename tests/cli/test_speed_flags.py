import pytest

from podtts.cli.speed_flags import SpeedFlags
from podtts.device.placement import place
from podtts.errors import UsageError
from podtts.presets import DEFAULT_PRESET, PRESETS, suited


def test_flags_change_parts_of_the_preset() -> None:
    assert SpeedFlags().chosen_preset() == PRESETS[DEFAULT_PRESET]
    chosen = SpeedFlags(preset="fast", quantize="none", flow_steps=7).chosen_preset()
    assert (chosen.quantize, chosen.flow.steps) == ("none", 7)
    assert chosen.flow.precision == PRESETS["fast"].flow.precision
    with pytest.raises(UsageError, match="unknown preset 'fsat'; did you mean fast"):
        SpeedFlags(preset="fsat").chosen_preset()


def test_a_quantization_that_was_asked_for_holds_on_every_device() -> None:
    placement = SpeedFlags(device="cpu", quantize="int4").placement()
    assert (placement.device.type, placement.quantize) == ("cpu", "int4")
    assert SpeedFlags(device="cpu", quantize="int4").placement("none").quantize == "none"


def test_a_precision_that_was_asked_for_holds_on_every_device() -> None:
    placement = place("cpu")
    asked = SpeedFlags(preset="faithful", flow_precision="bfloat16")
    assert asked.flow_on(placement).precision == "bfloat16"
    flow = PRESETS["balanced"].flow
    assert SpeedFlags(preset="balanced").flow_on(placement) == suited(flow, placement)
