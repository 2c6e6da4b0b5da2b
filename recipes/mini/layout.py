"""The text tokenizer: an id a byte, one a Chinese character, and the dialogue layout's tokens.

It folds case, accents, typographic quotes and Chinese punctuation, so that a small model has one
spelling to learn. Characters are those of GB 2312, and are merged from their bytes.
"""

import json
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from podtts.llm.template import SPEECH_START, TASK, TEXT_END, TEXT_START
from podtts.rates import MAX_SPEAKERS
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS

_END = "<|semantic_token_end|>"
SPECIAL_TOKENS = (
    "<|endoftext|>",
    TASK,
    *(f"<|SPEAKER_{number}|>" for number in range(MAX_SPEAKERS)),
    TEXT_START,
    TEXT_END,
    SPEECH_START,
    _END,
    *(tag.token for tag in PARALINGUISTIC_TAGS + DIALECT_TAGS),
)
_BYTES = 256
HAN = tuple(
    bytes((0xA0 + row, 0xA0 + column)).decode("gb2312")
    for row in range(16, 88)
    for column in range(1, 95)
    if (row, column) not in {(55, last) for last in range(90, 95)}  # not assigned
)
_PREFIXES = tuple(sorted({character.encode()[:2] for character in HAN}))
HAN_IDS = range(_BYTES + len(_PREFIXES), _BYTES + len(_PREFIXES) + len(HAN))
_SPECIAL_OFFSET = HAN_IDS.stop
TEXT_IDS = _SPECIAL_OFFSET + len(SPECIAL_TOKENS)
END_TOKEN = _SPECIAL_OFFSET + SPECIAL_TOKENS.index(_END)
SPEECH_OFFSET = TEXT_IDS

_PLAIN = (("\u2018", "'"), ("\u2019", "'"), ("\u201c", '"'), ("\u201d", '"'), ("\u2014", ", "))
_CHINESE = tuple(zip("\uff0c\u3002\uff01\uff1f\uff1a\uff1b\u3001", ",.!?:;,", strict=True))


def write_tokenizer(directory: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    written = byte_letters()
    vocabulary = {letter: number for number, letter in enumerate(alphabet)}
    merges: list[tuple[str, str]] = []
    for piece in (*_PREFIXES, *(character.encode() for character in HAN)):
        letters = [written[byte] for byte in piece]
        first, last = "".join(letters[:-1]), letters[-1]
        vocabulary[first + last] = len(vocabulary)
        merges.append((first, last))
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]
        + [normalizers.Replace(fancy, plain) for fancy, plain in (*_PLAIN, *_CHINESE)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.save(str(directory / "tokenizer.json"))
    added = {
        str(_SPECIAL_OFFSET + number): {"content": token, "special": True, "normalized": False}
        for number, token in enumerate(SPECIAL_TOKENS)
    }
    config = {
        "added_tokens_decoder": added,
        "additional_special_tokens": list(SPECIAL_TOKENS),
        "eos_token": SPECIAL_TOKENS[0],
        "pad_token": SPECIAL_TOKENS[0],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    path = directory / "tokenizer_config.json"
    path.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def byte_letters() -> list[str]:
    """The letter that a byte-level tokenizer writes for every byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(_BYTES) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    letters |= {byte: chr(_BYTES + number) for number, byte in enumerate(others)}
    return [letters[byte] for byte in range(_BYTES)]
