"""What /proc/cpuinfo says is what the sets are chosen from."""

import pytest

from podtts.native.build import INSTRUCTION_SETS
from podtts.native.cpu_features import parse_cpuinfo

ZEN4 = "fma f16c avx2 avx512f avx512bw avx512vl avx512_vnni avx512_bf16"
ICE_LAKE = "fma f16c avx2 avx512f avx512bw avx512vl avx512_vnni"
ALDER_LAKE = "fma f16c avx2 avx_vnni"
HASWELL = "fma f16c avx2"
CLOUD = "fp asimd asimddp bf16 i8mm"


@pytest.mark.parametrize(
    ("line", "best"),
    [
        (f"flags\t\t: {ZEN4}", "avx512"),
        (f"flags\t\t: {ICE_LAKE}", "avx512-vnni"),
        (f"flags\t\t: {ALDER_LAKE}", "avx2-vnni"),
        (f"flags\t\t: {HASWELL}", "avx2"),
        ("flags\t\t: sse2", None),
        (f"Features\t: {CLOUD}", "neon-bf16"),
        ("Features\t: fp asimd asimddp", "neon"),
        ("Features\t: fp asimd", None),
        ("", None),
    ],
)
def test_the_best_set_of_a_cpu(line: str, best: str | None) -> None:
    features = parse_cpuinfo(f"processor\t: 0\n{line}\nbogomips\t: 1\n")
    names = (isa.name for isa in INSTRUCTION_SETS if features.issuperset(isa.features))
    assert next(names, None) == best


def test_what_one_cpu_of_a_machine_lacks_is_not_used() -> None:
    assert parse_cpuinfo("flags : avx2 avx512f\nflags : avx2\n") == {"avx2"}
