from pathlib import Path

from recipes.mini.layout import END_TOKEN, SPECIAL_TOKENS, SPEECH_OFFSET, TEXT_IDS, write_tokenizer

from podtts.llm.template import Template
from podtts.llm.tokenizer import load_encode


def test_podtts_loads_the_tokenizer(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    encode = load_encode(tmp_path)
    ids = [encode(token) for token in SPECIAL_TOKENS]
    assert ids == [[256 + number] for number in range(len(SPECIAL_TOKENS))]
    assert SPEECH_OFFSET == TEXT_IDS == 256 + len(SPECIAL_TOKENS)


def test_every_byte_has_an_id_and_text_is_one_id_a_byte(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    ids = load_encode(tmp_path)("the quick brown fox, 你好")
    assert len(ids) == len("the quick brown fox, 你好".encode())
    assert max(ids) < 256


def test_accents_and_typographic_quotes_are_removed(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    encode = load_encode(tmp_path)
    assert encode("\u201cCaf\u00e9\u201d isn\u2019t") == encode('"cafe" isn\'t')


def test_speech_ids_follow_the_layout(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    template = Template(load_encode(tmp_path), SPEECH_OFFSET, END_TOKEN)
    assert template.speech([0, 6560]) == [SPEECH_OFFSET, SPEECH_OFFSET + 6560, END_TOKEN]
