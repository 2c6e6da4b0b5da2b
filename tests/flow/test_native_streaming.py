"""The compiled estimator that goes on: close to torch's, and a row's bits are its own."""

import gc
from collections.abc import Sequence

import pytest
import torch
from support.golden_data import models, relative_rms
from support.small_estimator import CONFIG, MAX_ERROR, estimator, needs_compiled_code
from torch import Tensor

from podtts.device.cancellation import Cancellation, Cancelled, cancelled_by
from podtts.flow.estimator import Estimator, EstimatorConfig
from podtts.flow.native_estimator import KeptRow, NativeEstimator
from podtts.nn.carried import Carried
from podtts.options import Precision

# The prompt, then chunks: of a whole segment, of odd numbers, and of fewer frames than a
# convolution sees.
PARTS = (70, 42, 54, 50, 7, 1, 1, 50)

pytestmark = [needs_compiled_code, pytest.mark.usefixtures("each_set")]
Rows = Sequence[KeptRow | None]


def inputs(rows: int, parts: Sequence[int], config: EstimatorConfig = CONFIG) -> list[Tensor]:
    """x of each part."""
    rng = torch.Generator().manual_seed(len(parts))
    return [torch.randn(rows, config.input_channels, frames, generator=rng) for frames in parts]


def times(rows: int) -> Tensor:
    return torch.rand(rows, generator=torch.Generator().manual_seed(1))


def extended(
    native: NativeEstimator, xs: Sequence[Tensor], t: Tensor, before: Rows | None = None
) -> tuple[list[Tensor], Rows]:
    """Velocity of each part, and what is kept behind the last."""
    rows: Rows = [None] * len(t) if before is None else before
    velocities = []
    for x in xs:
        velocity, rows = native.extend(x, t, rows)
        velocities.append(velocity)
    return velocities, rows


def by_torch(exact: Estimator, xs: Sequence[Tensor], t: Tensor) -> list[Tensor]:
    carried, velocities = Carried(), []
    with torch.inference_mode():
        for x in xs:
            velocities.append(exact.extend(x, t, carried))
            carried = Carried(carried.after)
    return velocities


def error(velocities: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    return relative_rms(torch.cat([*velocities], dim=2), torch.cat([*expected], dim=2))


def equal(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return all(torch.equal(*pair) for pair in zip(some, others, strict=True))


@pytest.mark.parametrize("parts", [PARTS, (1,), (2, 3), (301, 50)], ids=str)
def test_velocity_is_close_to_torch(parts: tuple[int, ...], precision: Precision) -> None:
    exact, xs, t = estimator(), inputs(2, parts), times(2)
    velocities, _ = extended(NativeEstimator(exact, precision), xs, t)
    assert error(velocities, by_torch(exact, xs, t)) < MAX_ERROR[precision]


def test_velocity_of_the_golden_model_is_close_to_torch(precision: Precision) -> None:
    exact = models().flow.estimator
    xs, t = inputs(2, PARTS, exact.config), times(2)
    velocities, _ = extended(NativeEstimator(exact, precision), xs, t)
    assert error(velocities, by_torch(exact, xs, t)) < MAX_ERROR[precision]


def test_a_sequence_that_begins_is_one_whole_sequence(precision: Precision) -> None:
    native, (x,), t = NativeEstimator(estimator(), precision), inputs(2, [101]), times(2)
    (velocity,), _ = extended(native, [x], t)
    assert torch.equal(velocity, native(x, None, t, 0))


def test_rows_behind_prompts_of_different_lengths_have_the_bits_of_rows_alone(
    precision: Precision,
) -> None:
    native, t = NativeEstimator(estimator(), precision), times(3)
    prompts = [inputs(1, parts) for parts in ([70], [9, 31], [])]
    behind = [extended(native, xs, t[row : row + 1])[1][0] for row, xs in enumerate(prompts)]
    xs = inputs(3, PARTS)
    together, _ = extended(native, xs, t, behind)
    for row in range(3):
        alone = slice(row, row + 1)
        found, _ = extended(native, [x[alone] for x in xs], t[alone], behind[alone])
        assert equal(found, [velocity[alone] for velocity in together])


def test_the_number_of_threads_changes_nothing(precision: Precision) -> None:
    threads, xs, t = torch.get_num_threads(), inputs(2, PARTS), times(2)
    torch.set_num_threads(5)
    try:
        native = NativeEstimator(estimator(), precision)
        expected, _ = extended(native, xs, t)
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            assert equal(extended(native, xs, t)[0], expected)
    finally:
        torch.set_num_threads(threads)


def test_sequences_go_on_from_the_same_frames_and_do_not_change_them(precision: Precision) -> None:
    native, t = NativeEstimator(estimator(), precision), times(2)
    xs = inputs(2, PARTS)
    _, prompt = extended(native, xs[:1], t)
    first, longer = extended(native, xs[1:], t, prompt)
    extended(native, inputs(2, [20, 20]), t, prompt)
    del longer
    gc.collect()
    assert equal(extended(native, xs[1:], t, prompt)[0], first)


def test_earlier_frames_outlive_those_that_kept_them(precision: Precision) -> None:
    native, t = NativeEstimator(estimator(), precision), times(2)
    xs = inputs(2, PARTS)
    expected, _ = extended(native, xs, t)
    _, rows = extended(native, xs[:-1], t)
    gc.collect()
    assert equal(extended(native, xs[-1:], t, rows)[0], expected[-1:])


def test_float32_takes_over_what_was_kept_in_fewer_bits(precision: Precision) -> None:
    exact, xs, t = estimator(), inputs(2, PARTS), times(2)
    wide = NativeEstimator(exact, "float32")
    _, rows = extended(NativeEstimator(exact, precision), xs[:-2], t)
    velocities, after = extended(wide, xs[-2:], t, rows)
    assert error(velocities, by_torch(exact, xs, t)[-2:]) < MAX_ERROR[precision]
    assert all(row is not None and row.precision == "float32" for row in after)
    if precision == "float32":  # in which nothing is lost
        assert equal(velocities, extended(wide, xs, t)[0][-2:])


def test_memory_is_that_of_all_frames(precision: Precision) -> None:
    native, t = NativeEstimator(estimator(), precision), times(1)
    xs = inputs(1, [64, 64, 64])
    sizes = []
    rows: Rows = [None]
    for x in xs:
        _, rows = native.extend(x, t, rows)
        assert rows[0] is not None
        sizes.append(rows[0].memory_bytes)
    assert sizes == [sizes[0], 2 * sizes[0], 3 * sizes[0]]
    blocks = CONFIG.blocks * (CONFIG.middle_stages + 2)
    assert sizes[0] >= 64 * blocks * CONFIG.heads * CONFIG.head_size * 2


def test_what_cannot_be_evaluated_at_once_is_refused(precision: Precision) -> None:
    native, t = NativeEstimator(estimator(), precision), times(1)
    (x,) = inputs(1, [1])
    with pytest.raises(ValueError, match="does not take these sizes"):
        native.extend(x[..., :0], t, [None])
    assert native.extend(x, t, [None])[0].isfinite().all()


def test_what_is_cancelled_before_computes_nothing(precision: Precision) -> None:
    native, cancellation = NativeEstimator(estimator(), precision), Cancellation()
    xs, t = inputs(2, PARTS), times(2)
    _, rows = extended(native, xs[:1], t)
    with cancelled_by(cancellation):
        expected, _ = native.extend(xs[1], t, rows)
        cancellation.cancel()
        with pytest.raises(Cancelled):
            native.extend(xs[1], t, rows)
    assert torch.equal(native.extend(xs[1], t, rows)[0], expected)


def test_nan_and_infinity_are_passed_on(precision: Precision) -> None:
    """To all later frames of the row, and to no other row."""
    native, t = NativeEstimator(estimator(), precision), times(2)
    for wrong in (torch.nan, torch.inf, -torch.inf):
        first, second = inputs(2, [20, 20])
        first[0, 7, 3] = wrong
        for velocity in extended(native, [first, second], t)[0]:
            assert not velocity[0].isfinite().any(dim=0).any()
            assert velocity[1].isfinite().all()
