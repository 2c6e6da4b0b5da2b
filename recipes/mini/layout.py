"""The text tokenizer: one id a byte, the tokens of the dialogue layout behind them.

It folds case, accents and typographic quotes, so that a small model has one spelling to learn.
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
TEXT_IDS = _BYTES + len(SPECIAL_TOKENS)
END_TOKEN = _BYTES + SPECIAL_TOKENS.index(_END)
SPEECH_OFFSET = TEXT_IDS

_PLAIN = (("\u2018", "'"), ("\u2019", "'"), ("\u201c", '"'), ("\u201d", '"'), ("\u2014", ", "))


def write_tokenizer(directory: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]
        + [normalizers.Replace(fancy, plain) for fancy, plain in _PLAIN]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.save(str(directory / "tokenizer.json"))
    added = {
        str(_BYTES + number): {"content": token, "special": True, "normalized": False}
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
