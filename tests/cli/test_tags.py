from commands import run
from golden_data import models

from podtts.llm.tokenizer import is_token


def test_tags_lists_what_a_script_may_use() -> None:
    listed = [line.split(maxsplit=1) for line in run("tags").done().lines]
    assert [tag for tag, _ in listed] == [
        "<|laughter|>",
        "<|sigh|>",
        "<|breathing|>",
        "<|coughing|>",
        "<|throat_clearing|>",
        "<|Sichuan|>",
        "<|Yue|>",
        "<|Henan|>",
    ]
    assert all(meaning for _, meaning in listed)


def test_every_tag_is_one_token_of_the_checkpoint() -> None:
    encode = models().template.encode
    for line in run("tags").done().lines:
        assert is_token(encode, line.split()[0])
