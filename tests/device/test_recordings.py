from types import ModuleType

import pytest

from podtts.device.recordings import GROWTH, recorded_size
from podtts.flow import recorded_estimator
from podtts.vocoder import recorded_generator


@pytest.mark.parametrize(("module", "few"), [(recorded_estimator, 24), (recorded_generator, 30)])
def test_sizes_are_few_and_little_larger_than_what_they_hold(module: ModuleType, few: int) -> None:
    first, step, most = module.FIRST_SIZE, module.STEP, module.MOST_FRAMES
    sizes = {frames: recorded_size(frames, first, step) for frames in range(1, most + 1)}
    assert len(set(sizes.values())) < few
    assert all(size % step == 0 for size in sizes.values())
    for frames in range(first, most):
        assert frames <= sizes[frames] <= frames * GROWTH + step
