"""How a script is read: which names are speakers, and what becomes of stage directions."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from podtts.options import one_of

DirectionMode = Literal["tags", "drop", "refuse"]
DIRECTION_MODES: tuple[DirectionMode, ...] = ("tags", "drop", "refuse")


@dataclass(frozen=True)
class ReadingOptions:
    """What a reader knows besides the text of a script.

    names:      labels and voices that are known, in any case. A line that begins with one of them
                and a colon starts a turn, even without a space after the colon.
    directions: what becomes of the spellings in `podtts.script.directions`. tags: they become tags
                and pauses. drop: they are left out with a warning. refuse: they are errors.
    Raises UsageError for another way of reading directions.
    """

    names: frozenset[str] = field(default_factory=frozenset)
    directions: DirectionMode = "tags"

    def __post_init__(self) -> None:
        one_of(DIRECTION_MODES, "way of reading directions", self.directions)

    def knows(self, name: str) -> bool:
        """Whether a name is that of a known label or voice; case does not matter."""
        return name.casefold() in self.names

    @classmethod
    def of(cls, names: Iterable[str], directions: str = "tags") -> "ReadingOptions":
        """Return the options for names as they are written. Raises UsageError as the class does."""
        mode = one_of(DIRECTION_MODES, "way of reading directions", directions)
        return cls(frozenset(name.casefold() for name in names), mode)

    def with_names(self, names: Iterable[str]) -> "ReadingOptions":
        """Return these options with more known names."""
        return replace(self, names=self.names | {name.casefold() for name in names})
