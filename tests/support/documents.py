"""The pages of the documentation and their code blocks, for tests that do what they say."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
DOCS = ROOT / "docs"
PAGES = [README, CHINESE, *sorted(DOCS.glob("*.md"))]
OTHERS = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *(ROOT / folder / "README.md" for folder in ("cache", "examples", "recipes/mini")),
]

_FENCE = re.compile(r" *```(?P<language>\S*)$")
_NOTE = re.compile(r" *<!-- (?P<note>.*) -->$")


@dataclass(frozen=True)
class Block:
    """A fenced code block."""

    language: str  # "" for a plain block
    text: str
    note: str = ""  # the HTML comment on the line before it, such as `not run: needs a cluster`


def page_name(page: Path) -> str:
    """Name a page as people do: docs/voices.md."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """Return the code blocks of a page in order; all, or those of a language ("" for plain)."""
    every = list(_blocks(page.read_text(encoding="utf-8")))
    return [block for block in every if language in (None, block.language)]


def _blocks(text: str) -> Iterator[Block]:
    lines = iter(text.splitlines())
    before = ""
    for line in lines:
        if fence := _FENCE.match(line):
            code = []
            for inner in lines:
                if _FENCE.match(inner):
                    break
                code.append(f"{inner}\n")
            note = _NOTE.match(before)
            yield Block(fence["language"], "".join(code), note["note"] if note else "")
        before = line


def prose(page: Path) -> str:
    """Return the text of a page without its code blocks."""
    kept, inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def podtts_commands(shell: str) -> list[list[str]]:
    """Return the arguments of every call of podtts in shell code, in order."""
    calls = []
    joined = re.sub(
        r"\\\n|(?<=\|)\n", " ", re.sub(r"<<END\n.*?\nEND$", "", shell, flags=re.M | re.S)
    )
    for line in joined.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        for word in [*lexer, "|"]:
            if set(word) <= set("();<>|&"):
                if command[:1] == ["xargs"]:
                    command = command[command.index("podtts") :]
                if command[:1] == ["podtts"]:
                    calls.append(command[1:])
                command = []
            else:
                command.append(word)
    return calls
