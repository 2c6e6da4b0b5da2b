import math

import pytest

from podtts.errors import UsageError
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions, WindowOptions


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (SamplingOptions, "temperature", 0.0),
        (SamplingOptions, "temperature", math.inf),
        (SamplingOptions, "temperature", math.nan),
        (SamplingOptions, "top_k", 0),
        (SamplingOptions, "top_p", 0.0),
        (SamplingOptions, "top_p", 1.5),
        (SamplingOptions, "top_p", math.nan),
        (SamplingOptions, "repetition_penalty", 0.0),
        (SamplingOptions, "repetition_penalty", math.inf),
        (SamplingOptions, "max_tokens", 0),
        (SamplingOptions, "max_tokens", 10**11),
        (FlowOptions, "steps", 0),
        (FlowOptions, "steps", 10**22),
        (FlowOptions, "guidance", -0.1),
        (FlowOptions, "guidance", math.nan),
        (WindowOptions, "full_turns", -1),
        (SynthesisOptions, "limit_turns", 0),
        (SynthesisOptions, "retries", -1),
    ],
)
def test_values_out_of_range_are_named(kind: type, name: str, value: float) -> None:
    with pytest.raises(UsageError, match=r"must be|at least|above"):
        kind(**{name: value})


def test_defaults_are_the_published_values() -> None:
    sampling, flow = SamplingOptions(), FlowOptions()
    assert (sampling.temperature, sampling.top_k, sampling.top_p) == (0.6, 100, 0.9)
    assert (sampling.repetition_penalty, sampling.min_tokens) == (1.25, 8)
    assert (sampling.repeat_window, sampling.repeat_limit) == (25, 4)
    assert (flow.steps, flow.guidance, SynthesisOptions().seed) == (15, 0.7, 1988)


def test_the_published_window_is_the_most_turns_of_context() -> None:
    assert WindowOptions.of_turns(10) == WindowOptions() == SynthesisOptions().window
    for turns in (-1, 11):
        with pytest.raises(UsageError, match=f"context-turns is {turns}, but must be 0 to 10"):
            WindowOptions.of_turns(turns)
