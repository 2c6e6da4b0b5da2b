"""What is measured: named texts that never change, and how long their speech is.

A trained model ends its turns itself. Random weights would not, so their turns are given the
length that the text prescribes; all turns of a workload are equally long, so that one length fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from podtts.errors import UsageError, nearest
from podtts.options import SynthesisOptions
from podtts.rates import TOKENS_PER_SECOND
from podtts.script.model import Script
from podtts.text.length import expected_seconds
from podtts.values import Turn

SPEAKERS = ("S1", "S2")  # both prompts stand in the context of every workload


@dataclass(frozen=True)
class Workload:
    """A script to speak; its turns go from speaker to speaker."""

    name: str
    texts: tuple[str, ...]

    @property
    def script(self) -> Script:
        turns = (Turn(number % len(SPEAKERS), text) for number, text in enumerate(self.texts))
        return Script(self.name, SPEAKERS, tuple(turns))

    @property
    def characters(self) -> int:
        """Characters and letters of all turns, without punctuation."""
        return sum(character.isalnum() for text in self.texts for character in text)

    def prescribed(self, options: SynthesisOptions) -> SynthesisOptions:
        """Return options under which every turn is as long as its text says."""
        tokens = prescribed_tokens(self.texts[0])
        sampling = replace(options.sampling, min_tokens=tokens, max_tokens=tokens)
        return replace(options, sampling=sampling, check_length=False)


def prescribed_tokens(text: str) -> int:
    """Speech tokens of a text at the usual pace."""
    return max(1, round(TOKENS_PER_SECOND * expected_seconds(text)))


WORKLOADS = (
    Workload("short", ("今天我们聊聊人工智能。",)),
    Workload("middle", ("大家好，欢迎收听本期节目，今天我们请来了一位老朋友做客。",)),
    Workload(
        "long",
        (
            "上个周末我和几个朋友一起去城外爬山，路上聊了很多关于工作和生活的话题，"
            "下山时天已经黑了，不过大家都非常开心。",
        ),
    ),
    Workload(
        "dialogue",
        (
            "最近你有没有看过什么有趣的新书？",
            "有啊，我刚刚读完一本讲海洋的小说。",
            "听起来不错，它主要讲了什么故事呢？",
            "讲一位船长带着孙女去找一座小岛。",
            "那座岛真的存在吗，还是他编出来的？",
            "这正是最妙的地方，一直到最后才说。",
            "你这么一讲，我今天晚上就想读一读。",
            "我把书带来了，待会儿就可以借给你。",
            "太好了，看完之后我们再来聊聊结尾。",
            "没问题，我也很想知道你会怎么理解。",
        ),
    ),
)


def find_workloads(names: Sequence[str]) -> tuple[Workload, ...]:
    """Return the workloads of these names, in their own order; all for no names.

    Raises UsageError for an unknown name, offering the nearest.
    """
    known = [workload.name for workload in WORKLOADS]
    for name in names:
        if name not in known:
            raise UsageError(
                f"unknown workload {name!r}{nearest(name, known)}", f"known: {', '.join(known)}"
            )
    return tuple(workload for workload in WORKLOADS if not names or workload.name in names)
