import pytest

from podtts.bench.workload import WORKLOADS, Workload, find_workloads, prescribed_tokens
from podtts.errors import UsageError
from podtts.options import SynthesisOptions


def test_sizes_are_what_the_documentation_says() -> None:
    sizes = {workload.name: (len(workload.texts), workload.characters) for workload in WORKLOADS}
    assert sizes == {"short": (1, 10), "middle": (1, 25), "long": (1, 50), "dialogue": (10, 150)}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("今天我们聊聊人工智能。", 62),  # 10 characters, 2.5 s
        ("abcd efgh, ijkl!", 25),  # 12 letters, 1 s
        ("你好 ab", 17),  # 2/4 + 2/12 s
        ("!", 1),
    ],
)
def test_the_text_prescribes_the_length(text: str, tokens: int) -> None:
    assert prescribed_tokens(text) == tokens


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_one_length_fits_all_turns_of_a_workload(workload: Workload) -> None:
    options = workload.prescribed(SynthesisOptions(seed=5))
    lengths = {prescribed_tokens(text) for text in workload.texts}
    assert lengths == {options.sampling.min_tokens} == {options.sampling.max_tokens}
    assert options.seed == 5
    assert not options.check_length


def test_both_speakers_are_in_every_script_and_take_turns() -> None:
    for workload in WORKLOADS:
        assert len(workload.script.labels) == 2
    speakers = [turn.speaker for turn in WORKLOADS[-1].script.turns]
    assert speakers == [0, 1] * 5


def test_workloads_are_found_by_name_in_their_own_order() -> None:
    assert [workload.name for workload in find_workloads(["long", "short"])] == ["short", "long"]
    assert find_workloads([]) == WORKLOADS
    with pytest.raises(UsageError, match=r"'middel'; did you mean middle\?.*short, middle, long"):
        find_workloads(["short", "middel"])
