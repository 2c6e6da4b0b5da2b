"""The colours of the page: enough contrast, and distinct for every kind of colour vision."""

import itertools
import re
from importlib.resources import files

import numpy as np
import pytest

CSS = (files("podtts") / "assets" / "page" / "page.css").read_text()
BACKGROUNDS = ("page", "raised", "current")
SPEAKERS = tuple(f"speaker-{number}" for number in range(1, 5))

# Machado, Oliveira, Fernandes (2009), severity 1; on linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
Colour = np.ndarray[tuple[int], np.dtype[np.float64]]


def colours(theme: str) -> dict[str, Colour]:
    """Linear RGB of every named colour."""
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    codes = re.findall(r"--([\w-]+): #(\w{6});", light if theme == "light" else dark)
    return {name: linear(bytes.fromhex(code)) for name, code in codes}


def linear(code: bytes) -> Colour:
    coded = np.frombuffer(code, np.uint8) / 255
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def contrast(first: Colour, second: Colour) -> float:
    """The contrast ratio of WCAG 2."""
    darker, lighter = sorted(float(colour @ TO_XYZ[1]) for colour in (first, second))
    return (lighter + 0.05) / (darker + 0.05)


def lab(colour: Colour) -> Colour:
    share = TO_XYZ @ np.clip(colour, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_has_contrast_on_all_backgrounds(theme: str) -> None:
    by_name = colours(theme)
    for name, background in itertools.product(("text", "quiet", *SPEAKERS), BACKGROUNDS):
        assert contrast(by_name[name], by_name[background]) >= 4.5, (name, background)
    for background in BACKGROUNDS:
        assert contrast(by_name["focus"], by_name[background]) >= 3
    # The part that plays has text and an underline.
    assert contrast(by_name["text"], by_name["heard"]) >= 4.5
    assert all(contrast(by_name[name], by_name["heard"]) >= 3 for name in SPEAKERS)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_speakers_differ_for_every_colour_vision(theme: str, vision: str) -> None:
    seen = [lab(VISION[vision] @ colours(theme)[name]) for name in SPEAKERS]
    for first, second in itertools.combinations(seen, 2):
        assert np.linalg.norm(first - second) >= 20  # ten times the smallest visible difference
