"""The compiled estimator: close to torch's, and the bits of a row do not depend on other rows."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch
from support.golden_data import models, relative_rms
from support.small_estimator import CONFIG, CPU, MAX_ERROR, estimator, needs_compiled_code
from torch import Tensor

from podtts.device.cancellation import Cancellation, Cancelled, cancelled_by
from podtts.flow.estimator import EstimatorConfig
from podtts.flow.native_estimator import NativeEstimator, supports_estimator
from podtts.options import PRECISIONS, Precision

pytestmark = [needs_compiled_code, pytest.mark.usefixtures("each_set")]


def inputs(config: EstimatorConfig, rows: int, frames: int) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(frames)
    x = torch.randn(rows, config.input_channels, frames, generator=rng)
    return x, torch.rand(rows, generator=rng)


def error(
    config: EstimatorConfig, precision: Precision, rows: int, frames: int, chunk: int
) -> float:
    exact = estimator(config)
    x, t = inputs(config, rows, frames)
    with torch.inference_mode():
        expected = exact(x, None, t, chunk)
    return relative_rms(NativeEstimator(exact, precision)(x, None, t, chunk), expected)


@pytest.mark.parametrize("chunk", [0, 50])
@pytest.mark.parametrize("frames", [1, 2, 47, 48, 49, 64, 65, 131])
def test_velocity_is_close_to_torch(frames: int, chunk: int, precision: Precision) -> None:
    assert error(CONFIG, precision, 2, frames, chunk) < MAX_ERROR[precision]


@pytest.mark.parametrize(
    "changes",
    [
        {"head_size": 64, "heads": 1},
        {"head_size": 48, "heads": 2},
        {"channels": 80},
        {"channels": 16, "feed_forward_size": 16, "time_size": 16},
        {"input_channels": 320, "output_channels": 80, "middle_stages": 3, "blocks": 1},
    ],
    ids=str,
)
def test_other_sizes(changes: dict[str, int], precision: Precision) -> None:
    assert error(replace(CONFIG, **changes), precision, 1, 70, 0) < MAX_ERROR[precision]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_velocity_of_the_golden_model_is_close_to_torch(precision: Precision) -> None:
    exact = models().flow.estimator
    x, t = inputs(exact.config, 2, 100)
    with torch.inference_mode():
        expected = exact(x, None, t, 0)
    velocity = NativeEstimator(exact, precision)(x, None, t, 0)
    assert relative_rms(velocity, expected) < MAX_ERROR[precision]


@pytest.mark.parametrize("changes", [{"head_size": 80}, {"channels": 40}, {"blocks": 0}], ids=str)
def test_unsupported_sizes_are_known(changes: dict[str, int]) -> None:
    assert not supports_estimator(replace(CONFIG, **changes), CPU, "bfloat16")


@pytest.mark.parametrize("changes", [{"head_size": 24}, {"channels": 40}, {"blocks": 0}], ids=str)
def test_sizes_that_are_not_taken_are_refused(
    changes: dict[str, int], precision: Precision
) -> None:
    refused = estimator(replace(CONFIG, **changes))
    with pytest.raises(ValueError, match="compiled code does not run an estimator in"):
        NativeEstimator(refused, precision)


def test_what_cannot_be_evaluated_at_once_is_refused(precision: Precision) -> None:
    native = NativeEstimator(estimator(CONFIG), precision)
    x, t = inputs(CONFIG, 1, 1)
    with pytest.raises(ValueError, match="does not take these sizes"):
        native(x[..., :0], None, t, 0)
    assert native(x, None, t, 0).isfinite().all()


def test_what_is_cancelled_before_computes_nothing(precision: Precision) -> None:
    native, cancellation = NativeEstimator(estimator(CONFIG), precision), Cancellation()
    x, t = inputs(CONFIG, 2, 77)
    with cancelled_by(cancellation):
        velocity = native(x, None, t, 0)
        cancellation.cancel()
        with pytest.raises(Cancelled):
            native(x, None, t, 0)
    assert torch.equal(native(x, None, t, 0), velocity)


def test_rows_of_a_batch_have_the_bits_of_rows_alone(precision: Precision) -> None:
    native = NativeEstimator(estimator(CONFIG), precision)
    x, t = inputs(CONFIG, 3, 77)
    batch = native(x, None, t, 0)
    for row in range(3):
        alone = slice(row, row + 1)
        assert torch.equal(native(x[alone], None, t[alone], 0), batch[alone])


def test_the_number_of_threads_changes_nothing(precision: Precision) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        native = NativeEstimator(estimator(CONFIG), precision)
        x, t = inputs(CONFIG, 2, 200)
        velocity = native(x, None, t, 0)
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            for _ in range(5):
                assert torch.equal(native(x, None, t, 0), velocity)
    finally:
        torch.set_num_threads(threads)


def test_nan_and_infinity_are_passed_on(precision: Precision) -> None:
    native = NativeEstimator(estimator(CONFIG), precision)
    for wrong in (torch.nan, torch.inf, -torch.inf):
        x, t = inputs(CONFIG, 2, 20)
        x[0, 7, 3] = wrong
        velocity = native(x, None, t, 0)
        assert not velocity[0].isfinite().any(dim=0).any()
        assert velocity[1].isfinite().all()


def test_an_estimator_that_nobody_uses_is_freed() -> None:
    native = NativeEstimator(estimator(CONFIG), "float32")
    alive = weakref.ref(native)
    del native
    gc.collect()
    assert alive() is None
