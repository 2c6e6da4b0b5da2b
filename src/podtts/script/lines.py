"""The lines of a script in plain text, and of forms that are read as plain text."""

from dataclasses import dataclass

from podtts.script.layout import foot_note, heading_title, is_ornament


@dataclass(frozen=True)
class ScriptLine:
    """A line, and what the form of its file says about it."""

    number: int
    text: str
    speaker: str = ""  # who says it, where the form tells; it starts a turn
    is_words: bool = False  # it continues the turn, whatever it looks like

    @property
    def is_speech(self) -> bool:
        """Whether a line that is not indented may hold a label or words."""
        text = self.text
        return bool(
            text.strip()
            and not text[0].isspace()
            and not text.startswith("//")
            and not is_ornament(text)
            and foot_note(text) is None
            and heading_title(text) is None
        )
