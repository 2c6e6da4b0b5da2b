"""The vocoder's residual blocks in compiled code against torch, on every instruction set here."""

import copy
import gc
import weakref
from collections.abc import Sequence

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.forced_set import SETS_HERE
from support.golden_data import models, relative_rms, tensors
from torch import Tensor

from podtts.device.cancellation import Cancellation, Cancelled, cancelled_by
from podtts.nn.carried import Carried, States
from podtts.options import Precision
from podtts.vocoder import hift
from podtts.vocoder.native_level import NativeLevel, supports_blocks
from podtts.vocoder.residual import ResidualBlock, Snake
from podtts.vocoder.streaming import VocoderState, extend

pytestmark = [
    pytest.mark.skipif(not SETS_HERE, reason="compiled code does not run here"),
    pytest.mark.usefixtures("each_set"),
]

MAX_ERROR = {False: 2e-6, True: 6e-3}  # of bfloat16: False, True
CPU = torch.device("cpu")


def blocks(channels: int, kernels: Sequence[int]) -> list[ResidualBlock]:
    """Residual blocks as a trained vocoder may have them."""
    made = [ResidualBlock(channels, kernel).requires_grad_(False) for kernel in kernels]
    for block in made:
        for module in block.modules():
            if isinstance(module, Snake):
                module.alpha.uniform_(0.2, 3)
    return made


def streams(channels: int, positions: int) -> tuple[Tensor, Tensor]:
    return torch.randn(1, positions, channels), torch.randn(1, positions, channels)


def by_torch(made: Sequence[ResidualBlock], x: Tensor, source: Tensor) -> Tensor:
    """In float64."""
    source_block, *others = (copy.deepcopy(block).double() for block in made)
    x = x.double() + source_block(source.double(), None)
    total: Tensor = sum(block(x, None) for block in others)
    return total / len(others)


@pytest.fixture(params=[False, True], ids=["float32", "bfloat16"])
def bfloat16(request: pytest.FixtureRequest) -> bool:
    narrow: bool = request.param
    return narrow


@pytest.mark.parametrize("positions", [1, 7, 300])
@pytest.mark.parametrize("kernels", [(7, 3, 7, 11), (1, 3), (3, 5, 1)], ids=str)
@pytest.mark.parametrize("channels", [8, 24, 48, 64, 96, 128, 256])
def test_outputs_are_those_of_torch(
    channels: int, kernels: Sequence[int], positions: int, bfloat16: bool
) -> None:
    made, (x, source) = blocks(channels, kernels), streams(channels, positions)
    native = NativeLevel(made, bfloat16=bfloat16)
    out = native.whole(x, source)
    assert relative_rms(out, by_torch(made, x, source)) < MAX_ERROR[bfloat16]


def test_rows_of_a_batch_have_the_bits_of_rows_alone(bfloat16: bool) -> None:
    native = NativeLevel(blocks(24, (3, 5, 3)), bfloat16=bfloat16)
    x, source = torch.randn(3, 70, 24), torch.randn(3, 70, 24)
    batch = native.whole(x, source)
    for row in range(3):
        alone = slice(row, row + 1)
        assert torch.equal(native.whole(x[alone], source[alone]), batch[alone])


@pytest.fixture(scope="module")
def of_any_sizes() -> list[NativeLevel]:
    """With the set that is chosen here; tests of `tests/native` have all sets."""
    torch.manual_seed(1)
    return [NativeLevel(blocks(24, (7, 3, 11)), bfloat16=narrow) for narrow in (False, True)]


_COUNTS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=5)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(positions=st.integers(1, 400), counts=_COUNTS, narrow=st.booleans())
def test_parts_of_any_sizes_have_the_bits_of_the_whole(
    of_any_sizes: list[NativeLevel], positions: int, counts: list[tuple[int, int]], narrow: bool
) -> None:
    native, (x, source) = of_any_sizes[narrow], streams(24, positions)
    whole = native.whole(x, source)
    states: States | None = None
    parts: list[Tensor] = []
    starts = 0, 0
    for more_x, more_source in [*counts, (positions, positions)]:
        stops = min(starts[0] + more_x, positions), min(starts[1] + more_source, positions)
        last = stops == (positions, positions)
        for repeated in range(2):  # a call changes nothing that it is given
            carried = Carried(states)
            part = native.extend(
                x[:, starts[0] : stops[0]], source[:, starts[1] : stops[1]], carried, last=last
            )
            assert repeated == 0 or torch.equal(part, parts[-1])
            parts += [part] * (repeated == 0)
        states, starts = carried.after, stops
        if last:
            break
    assert torch.equal(torch.cat(parts, dim=1), whole)


def test_the_number_of_threads_changes_nothing(bfloat16: bool) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        native = NativeLevel(blocks(48, (3, 7, 3)), bfloat16=bfloat16)
        x, source = streams(48, 2500)
        out = native.whole(x, source)
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            assert torch.equal(native.whole(x, source), out)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_nan_and_infinity_are_passed_on(wrong: float, bfloat16: bool) -> None:
    native = NativeLevel(blocks(24, (3, 5)), bfloat16=bfloat16)
    for which in range(2):
        pair = streams(24, 300)
        pair[which][0, 150, 23] = wrong
        finite = native.whole(*pair)[0].isfinite().all(dim=1)
        assert not finite[150]
        assert finite[:50].all()
        assert finite[250:].all()


def test_what_is_cancelled_before_computes_nothing(bfloat16: bool) -> None:
    native, cancellation = NativeLevel(blocks(24, (3, 5)), bfloat16=bfloat16), Cancellation()
    x, source = streams(24, 100)
    with cancelled_by(cancellation):
        out = native.whole(x, source)
        cancellation.cancel()
        with pytest.raises(Cancelled):
            native.whole(x, source)
    assert torch.equal(native.whole(x, source), out)


def test_sizes_that_are_not_taken_are_known_and_refused() -> None:
    for channels, kernels in ((12, (3, 3)), (24, (65, 3)), (1032, (1, 1))):
        made = blocks(channels, kernels)
        assert not supports_blocks(made, CPU)
        with pytest.raises(ValueError, match="compiled code does not run residual blocks of"):
            NativeLevel(made, bfloat16=False)
    assert not supports_blocks(blocks(24, (3, 3)), torch.device("meta"))


def test_a_level_that_nobody_uses_is_freed() -> None:
    native = NativeLevel(blocks(24, (3, 3)), bfloat16=False)
    alive = weakref.ref(native)
    del native
    gc.collect()
    assert alive() is None


@pytest.fixture
def vocoder() -> hift.Vocoder:
    """Without compiled code of another set."""
    return copy.deepcopy(models().vocoder)


@pytest.mark.usefixtures("native_bfloat16")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_vocoder_has_nearly_the_wave_of_torch(
    vocoder: hift.Vocoder, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = tensors("hift")
    mel, source = golden["mel"].T, golden["source"][0]
    [wave] = vocoder.wave([mel], [source], precision)
    monkeypatch.setattr(hift, "supports_blocks", lambda *_: False)
    [expected] = vocoder.wave([mel], [source])
    assert 0 < relative_rms(wave, expected) < (2e-5 if precision == "float32" else 0.02)


def test_changed_weights_are_used(vocoder: hift.Vocoder) -> None:
    """As in training, where waves are heard now and then."""
    golden = tensors("hift")
    mel, source = golden["mel"].T, golden["source"][0]
    before = vocoder.wave([mel], [source])[0]
    assert torch.equal(vocoder.wave([mel], [source])[0], before)
    weights = dict(vocoder.named_parameters())
    with torch.no_grad():
        weights["levels.0.blocks.1.steps.0.conv1.weight"].mul_(1.5)
    assert not torch.equal(vocoder.wave([mel], [source])[0], before)


def test_with_gradients_torch_computes(vocoder: hift.Vocoder) -> None:
    with torch.enable_grad():
        assert all(native is None for _, native in vocoder.levels_in("float32"))
    with torch.no_grad():
        assert all(native is not None for _, native in vocoder.levels_in("float32"))
        assert all(native is None for _, native in vocoder.levels_in("float32", padded=True))
        vocoder.compiled = False  # as for the published recipe
        assert all(native is None for _, native in vocoder.levels_in("float32"))


def test_float32_takes_over_from_bfloat16(vocoder: hift.Vocoder) -> None:
    mel = tensors("hift")["mel"].T
    noise = torch.randn(9, len(mel) * 480)
    half = len(mel) // 2
    _, state = extend(
        vocoder, VocoderState(), mel[:half], noise[:, : half * 480], "bfloat16", last=False
    )
    rest, _ = extend(vocoder, state, mel[half:], noise[:, half * 480 :], "float32", last=True)
    [whole] = vocoder.render([mel], [noise])
    assert relative_rms(rest, whole[-len(rest) :]) < 0.02
