from pathlib import Path

from recipes.mini.layout import (
    END_TOKEN,
    HAN,
    HAN_IDS,
    SPECIAL_TOKENS,
    SPEECH_OFFSET,
    TEXT_IDS,
    write_tokenizer,
)

from podtts.llm.template import Template
from podtts.llm.tokenizer import load_encode


def test_podtts_loads_the_tokenizer(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    encode = load_encode(tmp_path)
    ids = [encode(token) for token in SPECIAL_TOKENS]
    assert ids == [[HAN_IDS.stop + number] for number in range(len(SPECIAL_TOKENS))]
    assert SPEECH_OFFSET == TEXT_IDS == HAN_IDS.stop + len(SPECIAL_TOKENS)


def test_latin_text_is_one_id_a_byte(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    ids = load_encode(tmp_path)("the quick brown fox, ")
    assert len(ids) == len("the quick brown fox, ")
    assert max(ids) < 256


def test_a_chinese_character_is_one_id_and_its_marks_are_latin(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    encode = load_encode(tmp_path)
    assert all(
        encode(character) == [number] for character, number in zip(HAN, HAN_IDS, strict=True)
    )
    assert encode("你好，世界！") == encode("你好,世界!")


def test_a_rare_character_is_its_bytes(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    assert "龘" not in HAN
    assert all(id_ < HAN_IDS.start for id_ in load_encode(tmp_path)("龘"))


def test_accents_and_typographic_quotes_are_removed(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    encode = load_encode(tmp_path)
    assert encode("\u201cCaf\u00e9\u201d isn\u2019t") == encode('"cafe" isn\'t')


def test_speech_ids_follow_the_layout(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    template = Template(load_encode(tmp_path), SPEECH_OFFSET, END_TOKEN)
    assert template.speech([0, 6560]) == [SPEECH_OFFSET, SPEECH_OFFSET + 6560, END_TOKEN]
