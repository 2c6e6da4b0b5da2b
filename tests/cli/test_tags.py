import re

from support.commands import run
from support.golden_data import models

from podtts.llm.tokenizer import is_token
from podtts.text.pauses import PAUSE_SPELLINGS


def test_tags_lists_all_tags_and_pauses() -> None:
    listed = [re.split(r" {2,}", line) for line in run("tags").done().lines]
    assert [tag for tag, _ in listed] == [
        "<|laughter|>",
        "<|sigh|>",
        "<|breathing|>",
        "<|coughing|>",
        "<|throat_clearing|>",
        "<|Sichuan|>",
        "<|Yue|>",
        "<|Henan|>",
        "[pause 0.8]",
        "<|pause:300|>",
    ]
    assert all(meaning for _, meaning in listed)


def test_every_tag_is_one_token_of_the_checkpoint() -> None:
    encode = models().template.encode
    listed = run("tags").done().lines
    for line in listed[: -len(PAUSE_SPELLINGS)]:
        assert is_token(encode, line.split()[0])
