"""Which ids are the LLM's context, and which earlier turns stay in it when the window is rebuilt.

Integers only. The published code keeps the first two entries of the history whatever the cast;
here the prompts of all speakers stay, which for two speakers is the same.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from podtts.options import WindowOptions


@dataclass(frozen=True)
class PastTurn:
    """A finished turn as ids: its text, ending in the token that opens speech, and the speech."""

    text: tuple[int, ...]
    generated: tuple[int, ...]


@dataclass(frozen=True)
class WindowMark:
    """A window in an open turn, to come back to."""

    ids: tuple[int, ...]
    counter: int
    text: tuple[int, ...]
    past: tuple[PastTurn, ...]


class ContextWindow:
    """The context of one dialogue: all prompts, then turns, rebuilt when it grows too long.

    `prefix` (the prompts) never changes and opens `ids` at all times, so what the LLM computed for
    it is used after every rebuild.
    """

    def __init__(self, prompts: Sequence[Sequence[int]], options: WindowOptions) -> None:
        self.options = options
        self.prefix = tuple(token for prompt in prompts for token in prompt)
        self.ids = list(self.prefix)
        self._speakers = len(prompts)
        self._counter = len(prompts)
        self._text: tuple[int, ...] = ()
        self._past: deque[PastTurn] = deque(maxlen=options.text_turns + options.full_turns)

    @property
    def is_full(self) -> bool:
        """Whether the next turn begins with a rebuild."""
        return self._counter > self.options.max_turns or len(self.ids) > self.options.max_tokens

    def mark(self) -> WindowMark:
        """The window as it is in the open turn."""
        return WindowMark(tuple(self.ids), self._counter, self._text, tuple(self._past))

    def roll_back(self, mark: WindowMark) -> None:
        """Open the marked turn again and forget all that followed."""
        self.ids = list(mark.ids)
        self._counter, self._text = mark.counter, mark.text
        self._past = deque(mark.past, self._past.maxlen)

    def open_turn(self, text: Sequence[int]) -> bool:
        """Append a turn's text ids, after a rebuild if one is due; return whether one was."""
        rebuild = self.is_full
        if rebuild:
            self.ids = list(self.prefix)
            full_from = max(0, len(self._past) - self.options.full_turns)
            for number, turn in enumerate(self._past):
                self.ids += turn.text[:-1] if number < full_from else turn.text + turn.generated
            self._counter = self._speakers + len(self._past)
        self._counter += 1
        self._text = tuple(text)
        self.ids += self._text
        return rebuild

    def close_turn(self, generated: Sequence[int]) -> None:
        """Append what was generated for the open turn, its end token included if there was one."""
        self._past.append(PastTurn(self._text, tuple(generated)))
        self.ids += generated
