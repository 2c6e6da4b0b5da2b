from collections.abc import Callable

import torch

from podtts.bench.variants import Variant, VariantTimes, measure_variants


def test_variants_take_turns_and_every_round_counts() -> None:
    order: list[str] = []
    lines: list[str] = []

    def synthesis(name: str) -> Callable[[], float]:
        def synthesize() -> float:
            order.append(name)
            return float(len(order))

        return synthesize

    variants = [Variant(name, synthesis(name)) for name in "abc"]
    times = measure_variants(variants, 3, torch.device("cpu"), lines.append)
    assert "".join(order) == "abccbaabc"
    assert lines[3] == "round 2 of 3: c"
    assert [variant.name for variant in times] == ["a", "b", "c"]
    assert [variant.audio_seconds for variant in times] == [(1, 6, 7), (2, 5, 8), (3, 4, 9)]
    assert all(seconds > 0 for variant in times for seconds in variant.wall_seconds)


def test_ratios_compare_the_same_round() -> None:
    first = VariantTimes("a", (2.0, 2.0), (1.0, 4.0))
    second = VariantTimes("b", (2.0, 2.0), (3.0, 4.0))
    assert second.ratios(first) == (3.0, 1.0)
    assert second.rtfs == (1.5, 2.0)
