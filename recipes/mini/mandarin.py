"""Mandarin to say: lines of conversation from templates, filled with a dictionary's words."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMMON = 300  # occurrences in the dictionary's own count; about 7,000 words
_HAN = re.compile(r"[\u4e00-\u9fff]{1,4}")
# The dictionary's parts of speech that fill a slot: nouns, verbs, adjectives, places, and so on.
_PARTS = {"n": "n", "v": "v", "vn": "v", "a": "a", "ns": "place", "d": "adverb", "i": "idiom"}
_SHORTEST = {"n": 2, "v": 2, "a": 2, "place": 2, "adverb": 2, "idiom": 4}

_SLOTS = {
    slot: tuple(words.split())
    for slot, words in {
        "name": (
            "小明 小红 安娜 李雷 王芳 张伟 刘洋 陈静 杨帆 赵敏 周杰 老王 老李 林老师 孙医生 "
            "美玲 建国 志强 晓燕 雨桐 子涵"
        ),
        "topic": (
            "天气 音乐 茶的历史 太空旅行 人工智能 气候变化 深海 老电脑 象棋 在家做饭 "
            "学习外语 语音合成 公共交通 睡眠 科幻小说 咖啡的价格 远程办公 城市规划 自行车 "
            "开源软件 收音机 野生动物 摄影 好习惯 播客 高铁 数学 海洋 春节 京剧 书法 足球 "
            "电影 网络安全 环境保护 读书"
        ),
        "thing": (
            "想法 问题 故事 办法 机器 声音 计划 歌 项目 实验 城市 花园 菜谱 会议 程序 旅程 "
            "朋友 手机 房子 游戏 节目 故乡 习惯 决定"
        ),
        "good": (
            "好 有意思 奇怪 简单 困难 美 有用 好玩 重要 棒 可怕 清楚 新鲜 普通 特别 容易 "
            "真实 完美 辛苦 热闹 安静 便宜 贵"
        ),
        "do": ("聊聊 想想 看看 听听 学习 理解 解释 试试 记住 忘记 改变 讨论 介绍 研究 准备 回忆"),
        "time": (
            "今天 明天 昨天 今天早上 今天晚上 上个星期 明年 每天 过一会儿 现在 星期一 "
            "星期五 夏天 很久以前 晚饭以后 这个周末 下个月 去年冬天"
        ),
        "open": (
            "嗯 那么 对 好的 是的 不 哦 现在 当然 其实 说实话 没错 我明白了 你知道吗 "
            "顺便说一句 事实上 哎呀 不过 所以"
        ),
        "who": "我 你 我们 他们 大家 大部分人 我的朋友 听众朋友 她 孩子们",
        "measure": "个 次 天 年 块钱 分钟 公里 本书 位朋友 张照片 杯茶",
    }.items()
}
_LINES = (
    "大家好，欢迎收听我们的节目。",
    "你好，{name}，{time}过得怎么样？",
    "欢迎回来，我是{name}，坐在我旁边的是{name}。",
    "我叫{name}，{time}我们来{do}{topic}。",
    "今天我们想谈一谈{topic}。",
    "谢谢你的邀请，{name}。",
    "谢谢，{name}，很高兴来到这里。",
    "{open}，这真是一个{good}的{thing}。",
    "{open}，这个很{good}。",
    "{open}，你觉得{topic}怎么样？",
    "{open}，我觉得{topic}真的很{good}。",
    "这个我不太确定，{name}。",
    "我不知道，听起来很{good}。",
    "你能再{do}一下那个{thing}吗？",
    "能不能给我们多讲一点{topic}？",
    "{topic}最{good}的地方是什么？",
    "为什么{topic}这么{good}？",
    "这是怎么做到的？",
    "要花多长时间？大概{number}分钟。",
    "一共有{number}{measure}，每一个都很{good}。",
    "{time}要花{number}块钱。",
    "{who}应该{time}去{do}那个{thing}。",
    "{who}从来不{do}{topic}，真可惜。",
    "让我先{do}这个{good}的{thing}。",
    "我们休息一下，马上回来继续聊{topic}。",
    "这是一个{good}的问题，{name}。",
    "这让我想起了一个{good}的{thing}。",
    "我同意你的看法，可是这个{thing}太{good}了。",
    "我从来没听过这么{good}的{thing}。",
    "你说得对，{name}，那个{thing}{time}还很{good}。",
    "你还记得我们{time}看到的那个{thing}吗？",
    "你有没有试过{do}{topic}？",
    "你知道吗，{topic}也可以很{good}。",
    "如果你喜欢{topic}，你一定会喜欢这个{thing}。",
    "别担心，我们{time}可以再{do}。",
    "真没想到，已经是{time}了。",
    "哇，{number}{measure}！真不少。",
    "真的吗？再多说一点。",
    "{open}。",
    "今天就到这里，谢谢大家收听。",
    "我们下次再见。",
    "再见，{name}。",
    "{open}，{name}，我们从哪里开始呢？",
    "第一是{thing}，第二是{thing}，第三是{topic}。",
    "有人说它{good}，有人说它{good}。",
    "请你{do}一下那个{thing}，{name}。",
    "{name}告诉我，{topic}很{good}。",
    "后来怎么样了？",
    "哈哈，太{good}了！",
    "{place}的{n}很有名。",
    "{time}我从{place}坐火车到{place}，路上看到了很多{n}。",
    "{who}{time}在{place}{v}{n}。",
    "{who}{adverb}{v}这里的{n}。",
    "这里的{n}和{n}都非常{a}。",
    "{n}的{n}比以前更加{a}了。",
    "关于{n}的{v}，{who}有{number}种不同的看法。",
    "他们{v}了{n}，也{v}了{n}。",
    "没有{n}，就没有{n}。",
    "只要{who}{v}，{n}就会{v}。",
    "虽然{n}很{a}，但是{who}{adverb}{v}。",
    "因为{time}要{v}，所以{who}先去{place}了。",
    "{who}说，{n}{adverb}影响{n}。",
    "真是{idiom}啊，{name}。",
    "俗话说得好，{idiom}。",
    "{who}把{n}放在{n}旁边，然后{v}。",
    "请问，去{place}的{n}在哪里？",
    "{number}年前，{place}还没有{n}。",
    "{a}的{n}需要{a}的{n}。",
)
_AROUND = (
    "{who}{time}要{do}{word}。",
    "{word}这个词是什么意思？",
    "{open}，我觉得{word}很{good}。",
    "{who}在{place}买了一个{word}。",
    "你知道{word}和{n}有什么关系吗？",
    "这个{word}的{thing}真{good}。",
)
_SLOT = re.compile(r"\{(\w+)\}")
_DIGITS, _PLACES = "零一二三四五六七八九", ("", "十", "百", "千")


@dataclass(frozen=True)
class MandarinTexts:
    """Sentences and phrases in Mandarin, with words from a dictionary."""

    words: dict[str, tuple[str, ...]]  # by the slot they fill

    @staticmethod
    def read(dictionary: Path) -> MandarinTexts:
        """Read jieba's dictionary: a word, its count and its part of speech on every line."""
        words: dict[str, list[str]] = {slot: [] for slot in _SHORTEST}
        for word, slot in _entries(dictionary):
            words[slot].append(word)
        return MandarinTexts({slot: tuple(sorted(some)) for slot, some in words.items()})

    def sentence(self, rng: random.Random) -> str:
        """A line of conversation, one time in six two of them."""
        return self._line(rng) + (self._line(rng) if rng.random() < 1 / 6 else "")

    def phrase(self, rng: random.Random) -> str:
        """A few words without much sense, for how words are pronounced."""
        if rng.random() < 0.06:
            return f"{number_in_mandarin(int(10 ** rng.uniform(0, 4)))}。"
        slots = rng.choices(list(self.words), weights=(5, 4, 3, 2, 2, 1), k=rng.randint(1, 4))
        return "".join(rng.choice(self.words[slot]) for slot in slots) + "。"

    def around(self, rng: random.Random, word: str) -> str:
        """A line that speaks of something by the word given."""
        return self._line(rng, rng.choice(_AROUND), word)

    def _line(self, rng: random.Random, line: str = "", word: str = "") -> str:
        def fill(slot: re.Match[str]) -> str:
            if slot[1] == "word":
                return word
            if slot[1] == "number":
                return number_in_mandarin(int(10 ** rng.uniform(0.4, 4)))
            return rng.choice(_SLOTS.get(slot[1]) or self.words[slot[1]])

        return _SLOT.sub(fill, line or rng.choice(_LINES)).strip()


def _entries(dictionary: Path) -> Iterator[tuple[str, str]]:
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        word, count, part = line.split()
        slot = _PARTS.get(part)
        # Idioms are rare one by one, and together they hold many characters.
        common = _COMMON if slot != "idiom" else _COMMON // 15
        if slot and int(count) >= common and _HAN.fullmatch(word) and len(word) >= _SHORTEST[slot]:
            yield word, slot


def number_in_mandarin(number: int) -> str:
    """A number of 1 to 9999 as it is said, such as 一千零五."""
    if number == 2:
        return "两"  # beside a measure word
    said, gap = "", False
    for place in reversed(range(len(str(number)))):
        digit = number // 10**place % 10
        if digit == 0:
            gap = bool(said)
            continue
        said += ("零" if gap else "") + _DIGITS[digit] + _PLACES[place]
        gap = False
    return said.removeprefix("一") if 10 <= number < 20 else said
