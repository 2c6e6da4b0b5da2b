"""The workloads: named texts that never change, and the length of their speech.

A trained model ends its turns itself. Random weights do not, so their turns get the length that
the text prescribes. All turns of a workload are equally long, so that one length fits all.
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

SPEAKERS = ("S1", "S2")  # the context of every workload contains both prompts


@dataclass(frozen=True)
class Workload:
    """A script whose turns alternate between the speakers."""

    name: str
    texts: tuple[str, ...]

    @property
    def script(self) -> Script:
        turns = (Turn(number % len(SPEAKERS), text) for number, text in enumerate(self.texts))
        return Script(self.name, SPEAKERS, tuple(turns))

    @property
    def characters(self) -> int:
        """Letters and Chinese characters of all turns, without punctuation."""
        return sum(character.isalnum() for text in self.texts for character in text)

    def prescribed(self, options: SynthesisOptions) -> SynthesisOptions:
        """Return options that give every turn the length that its text prescribes."""
        tokens = prescribed_tokens(self.texts[0])
        sampling = replace(options.sampling, min_tokens=tokens, max_tokens=tokens)
        return replace(options, sampling=sampling, check_length=False)


def prescribed_tokens(text: str) -> int:
    """Return the number of speech tokens of a text at the usual pace."""
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
    """Return the workloads with these names, in the order of WORKLOADS; no names: all.

    Raises UsageError for an unknown name, offering the nearest.
    """
    known = [workload.name for workload in WORKLOADS]
    for name in names:
        if name not in known:
            raise UsageError(
                f"unknown workload {name!r}{nearest(name, known)}", f"known: {', '.join(known)}"
            )
    return tuple(workload for workload in WORKLOADS if not names or workload.name in names)
