import torch
from support.golden_data import models, relative_rms, tensors

from podtts.vocoder.f0 import F0Predictor


def test_f0_is_the_published_one() -> None:
    golden = tensors("hift")
    assert relative_rms(models().vocoder.f0([golden["mel"].T])[0], golden["f0"]) < 1e-5


def test_f0_has_one_value_a_frame_and_is_not_negative() -> None:
    torch.manual_seed(0)
    predictor = F0Predictor(8, (3, 3), 80).requires_grad_(False)
    predictor.linear.bias.fill_(-5)
    f0 = predictor(torch.randn(2, 80, 17))
    assert f0.shape == (2, 17)
    assert (f0 > 0).all()
