"""Layout of prompts and turns as the ids that the LLM was trained on."""

from collections.abc import Callable, Sequence

TASK = "<|task_podcast|>"
TEXT_START, TEXT_END = "<|text_start|>", "<|text_end|>"
SPEECH_START = "<|semantic_token_start|>"


class Template:
    """Turns text and speech tokens of prompts and turns into ids.

    encode: text to ids; recognises special tokens and adds none.
    speech_token_offset: id of speech token 0. end_token: id that ends a turn's speech.
    Expects normalized text (`podtts.normalize_text`).
    """

    def __init__(
        self, encode: Callable[[str], list[int]], speech_token_offset: int, end_token: int
    ) -> None:
        self.encode = encode
        self.speech_token_offset = speech_token_offset
        self.end_token = end_token

    def turn(self, speaker: int, text: str) -> list[int]:
        """Ids of a turn up to the start of its speech; `speaker` is 0-based."""
        return self.encode(f"<|SPEAKER_{speaker}|>{TEXT_START}{text}{TEXT_END}{SPEECH_START}")

    def task(self) -> list[int]:
        """Ids at the start of a dialogue."""
        return self.encode(TASK)

    def speech(self, tokens: Sequence[int]) -> list[int]:
        """Ids of complete speech: its tokens and the end token."""
        return [token + self.speech_token_offset for token in tokens] + [self.end_token]

    def prompt(self, speaker: int, transcript: str, speech_tokens: Sequence[int]) -> list[int]:
        """Ids of a speaker's prompt; that of speaker 0 begins with the task."""
        opening = self.task() if speaker == 0 else []
        return opening + self.turn(speaker, transcript) + self.speech(speech_tokens)

    def dialect_request(
        self, speaker: int, transcript: str, speech_tokens: Sequence[int], dialect_prompt: str
    ) -> list[int]:
        """Ids from which the LLM decodes the speech of `dialect_prompt` in the prompt's voice."""
        opening = [] if speaker == 0 else self.task()
        prompt = self.prompt(speaker, transcript, speech_tokens)
        return opening + prompt + self.turn(speaker, dialect_prompt)

    def dialect_entry(self, speaker: int, dialect_prompt: str, generated: list[int]) -> list[int]:
        """Ids that replace a speaker's prompt, with the decoded ids of the dialect prompt."""
        opening = self.task() if speaker == 0 else []
        return opening + self.turn(speaker, dialect_prompt) + generated
