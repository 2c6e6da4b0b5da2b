import json

from support.golden_data import GOLDEN, MODEL, models

from podtts.llm.tokenizer import _from_transformers, is_token
from podtts.text.normalize import normalize_text


def test_turn_ids_are_the_published_ones() -> None:
    template = models().template
    for case in json.loads((GOLDEN / "text.json").read_text()):
        assert template.turn(1, normalize_text(case["text"])) == case["ids"]


def test_prompt_of_the_first_speaker_opens_the_dialogue() -> None:
    template = models().template
    first, second = template.prompt(0, "a.", [0, 5]), template.prompt(1, "a.", [0, 5])
    assert first[0] == template.task()[0] != second[0]
    assert second[-3:] == [473, 478, 457]


def test_transformers_reads_the_same_ids() -> None:
    ours, theirs = models().template.encode, _from_transformers(MODEL)
    for text in ["Hello  there.", "我love你podcast.", "<|SPEAKER_0|>a<|sigh|> b", "  x \n y "]:
        assert ours(text) == theirs(text)


def test_a_tag_is_one_id_and_an_unknown_one_is_not() -> None:
    encode = models().template.encode
    assert is_token(encode, "<|laughter|>")
    assert not is_token(encode, "<|giggle|>")
