"""Turn layout: text of a speaker to the ids the LLM was trained on."""

from collections.abc import Callable, Sequence

TASK = "<|task_podcast|>"
TEXT_START, TEXT_END = "<|text_start|>", "<|text_end|>"
SPEECH_START = "<|semantic_token_start|>"


class Template:
    """Lays out prompts and turns as ids.

    encode: text to ids, special tokens recognised, none added.
    speech_token_offset: id of speech token 0. end_token: id that ends a turn's speech.
    Text is expected normalised (`podtts.normalize_text`).
    """

    def __init__(
        self, encode: Callable[[str], list[int]], speech_token_offset: int, end_token: int
    ) -> None:
        self.encode = encode
        self.speech_token_offset = speech_token_offset
        self.end_token = end_token

    def turn(self, speaker: int, text: str) -> list[int]:
        """Ids of what stands before a turn's speech; `speaker` is 0-based."""
        return self.encode(f"<|SPEAKER_{speaker}|>{TEXT_START}{text}{TEXT_END}{SPEECH_START}")

    def task(self) -> list[int]:
        """Ids that open a dialogue."""
        return self.encode(TASK)

    def speech(self, tokens: Sequence[int]) -> list[int]:
        """Ids of finished speech: the tokens and the end token."""
        return [token + self.speech_token_offset for token in tokens] + [self.end_token]

    def prompt(self, speaker: int, transcript: str, speech_tokens: Sequence[int]) -> list[int]:
        """Ids of a speaker's prompt; the first speaker's opens the dialogue."""
        opening = self.task() if speaker == 0 else []
        return opening + self.turn(speaker, transcript) + self.speech(speech_tokens)

    def dialect_request(
        self, speaker: int, transcript: str, speech_tokens: Sequence[int], dialect_prompt: str
    ) -> list[int]:
        """Ids behind which the LLM speaks `dialect_prompt` in the voice of the prompt."""
        opening = [] if speaker == 0 else self.task()
        prompt = self.prompt(speaker, transcript, speech_tokens)
        return opening + prompt + self.turn(speaker, dialect_prompt)

    def dialect_entry(self, speaker: int, dialect_prompt: str, generated: list[int]) -> list[int]:
        """Ids that replace a speaker's prompt once the dialect prompt has been spoken."""
        opening = self.task() if speaker == 0 else []
        return opening + self.turn(speaker, dialect_prompt) + generated
