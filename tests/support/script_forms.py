"""The forms in which other tools write dialogues: each makes a script of labels and texts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

Turns = Sequence[tuple[str, str]]

NAMES = (
    *("Anna", "Ben", "HOST", "GUEST", "Speaker 1", "Speaker 2", "SPEAKER_00", "SPEAKER_01"),
    *("Dr. Smith", "Mary Ann", "O'Brien", "Jean-Luc", "Émile", "R2-D2", "安娜", "小明", "S1", "S2"),
)
# Texts with what looks like a label, a time, markup or a direction, and is none of these.
TEXTS = (
    "Hello and welcome to the show.",
    "See https://example.org/a_b for more.",
    "We meet at 10:30 sharp, as always.",
    "The ratio is 3:1, not 2:1.",
    "She said: go on!",
    "He was there (in 1990) too.",
    "你好，世界。我们开始吧！",
    "他说：“走吧！”",
    "So 5 * 3 is 15.",
    "Use snake_case here.",
    "C# and F# are languages.",
    "It is 100% true.",
    "Q&A comes at 5 o'clock.",
    "Now a < b and b > c.",
    "Well... maybe?",
    "I, er, don't know.",
    "He asked “why?” and left.",
    "AT&T costs $12.50 on May 3.",
    "Yes?",
)


@dataclass(frozen=True)
class Form:
    """A form: its name, how a script is written in it, and the name that a file of it has."""

    name: str
    write: Callable[[Turns], str]
    file: str = "talk.txt"
    names: tuple[str, ...] = NAMES


def _lines(pattern: str, between: str = "\n") -> Callable[[Turns], str]:
    return lambda turns: between.join(pattern.format(name, text) for name, text in turns) + "\n"


def _timed(pattern: str) -> Callable[[Turns], str]:
    def write(turns: Turns) -> str:
        return "".join(
            pattern.format(name, text, clock=f"00:{at // 60:02}:{at % 60:02}") + "\n"
            for at, (name, text) in enumerate(turns, 1)
        )

    return write


def _subtitles(head: str, point: str, pattern: str) -> Callable[[Turns], str]:
    def write(turns: Turns) -> str:
        blocks = [head] if head else []
        for at, (name, text) in enumerate(turns, 1):
            times = [f"00:{second // 60:02}:{second % 60:02}{point}000" for second in (at, at + 1)]
            blocks.append(f"{at}\n{times[0]} --> {times[1]}\n{pattern.format(name, text)}\n")
        return "\n".join(blocks)

    return write


def _json(shape: Callable[[Turns], object], indent: int | None = 1) -> Callable[[Turns], str]:
    return lambda turns: json.dumps(shape(turns), ensure_ascii=False, indent=indent)


def _objects(speaker: str, text: str) -> Callable[[Turns], list[dict[str, str]]]:
    return lambda turns: [{speaker: name, text: words} for name, words in turns]


def _fenced(write: Callable[[Turns], str], language: str = "") -> Callable[[Turns], str]:
    return lambda turns: f"```{language}\n{write(turns).rstrip()}\n```\n"


def _crlf(write: Callable[[Turns], str]) -> Callable[[Turns], str]:
    return lambda turns: "\ufeff" + write(turns).replace("\n", "\r\n")


def _persons(turns: Turns) -> str:
    return "".join(f"<{name}>{text.replace('<', '&lt;')}</{name}>\n" for name, text in turns)


def _elements(turns: Turns) -> str:
    inner = "".join(f'  <turn speaker="{name}">\n    {text}\n  </turn>\n' for name, text in turns)
    return f"<podcast>\n{inner}</podcast>\n"


ELEMENT_NAMES = ("Person1", "Person2", "Host", "Guest_2", "S1", "S2")
LETTERS = ("A", "B", "Anna", "Ben", "安娜")

FORMS = (
    Form("colon", _lines("{}: {}")),
    Form("colon, empty lines", _lines("{}: {}", "\n\n")),
    Form("colon, Windows", _crlf(_lines("{}: {}"))),
    Form("colon with a space before", _lines("{} : {}")),
    Form("wide colon", _lines("{}：{}")),
    Form("no space", _lines("{}:{}"), names=("Speaker 1", "Speaker 2", "S1", "S2", "HOST_1")),
    Form("brackets", _lines("[{}] {}")),
    Form("brackets and colon", _lines("[{}]: {}")),
    Form("black brackets", _lines("【{}】{}")),
    Form("black brackets and colon", _lines("【{}】：{}")),
    Form("one line", lambda turns: _lines("[{}] {}", " ")(turns), names=("S1", "S2", "S3")),
    Form("bold, colon inside", _lines("**{}:** {}", "\n\n")),
    Form("bold, colon outside", _lines("**{}**: {}", "\n\n")),
    Form("bold brackets", _lines("**[{}]** {}", "\n\n")),
    Form("italic", _lines("*{}:* {}", "\n\n")),
    Form("underlined", _lines("__{}__: {}")),
    Form("bold list", _lines("- **{}:** {}")),
    Form("list", _lines("- {}: {}")),
    Form("starred list", _lines("* {}: {}")),
    Form("numbered list", _lines("1. {}: {}")),
    Form("quotation", _lines("> {}: {}", "\n>\n")),
    Form("quoted name", _lines('"{}": {}')),
    Form("curly quoted name", _lines("“{}”: {}")),
    Form("transcriber", _lines(">> {}: {}")),
    Form("chapters", lambda turns: "# One\n\n" + _lines("**{}:** {}", "\n\n")(turns)),
    Form("rules", _lines("**{}:** {}", "\n\n---\n\n")),
    Form("fence", _fenced(_lines("{}: {}"), "text")),
    Form("direction", _lines("{} (softly): {}")),
    Form("bold with a direction", _lines("**{} (excited):** {}", "\n\n")),
    Form("bold, direction outside", _lines("**{}** (to the guest): {}", "\n\n")),
    Form("name alone", _lines("{}:\n{}", "\n\n")),
    Form("time before", _timed("[{clock}] {}: {}")),
    Form("time before in parentheses", _timed("({clock}) {}: {}")),
    Form("bare time before", _timed("{clock} {}: {}")),
    Form("time and dash", _timed("{clock} - {}: {}")),
    Form("time behind", _timed("{} ({clock}): {}")),
    Form("time behind in brackets", _timed("{} [{clock}]: {}")),
    Form("time behind bold", _timed("**{}** [{clock}]: {}")),
    Form("span before", _timed("[{clock}.000 --> {clock}.900] {}: {}")),
    Form("time line", _timed("{}  {clock}\n{}\n")),
    Form("srt", _subtitles("", ",", "{}: {}"), "talk.srt"),
    Form("srt in brackets", _subtitles("", ",", "[{}] {}"), "talk.srt"),
    Form("srt, no name of a file", _subtitles("", ",", "{}: {}"), "<stdin>"),
    Form("vtt", _subtitles("WEBVTT\n", ".", "{}: {}"), "talk.vtt"),
    Form("vtt voices", _subtitles("WEBVTT - a talk\n", ".", "<v {}>{}</v>"), "talk.vtt"),
    Form("persons", _persons, names=ELEMENT_NAMES),
    Form("elements", _elements),
    Form("open-notebook", _json(lambda t: {"transcript": _objects("speaker", "dialogue")(t)})),
    Form("array", _json(_objects("speaker", "text"), None)),
    Form("fenced array", _fenced(_json(_objects("speaker", "text")), "json")),
    Form("pairs", _json(lambda turns: [list(turn) for turn in turns])),
    Form("ElevenLabs", _json(lambda t: {"inputs": _objects("voice_id", "text")(t), "seed": 1})),
    Form(
        "Google", _json(lambda t: {"multiSpeakerMarkup": {"turns": _objects("speaker", "text")(t)}})
    ),
    Form(
        "Google request",
        _json(
            lambda t: {
                "input": {"multi_speaker_markup": {"turns": _objects("speaker", "text")(t)}},
                "voice": {"languageCode": "en-US"},
            }
        ),
    ),
    Form("dialogue", _json(lambda t: {"title": "x", "dialogue": _objects("speaker", "text")(t)})),
    Form("segments", _json(lambda t: {"segments": _objects("speaker", "body")(t)})),
    Form(
        "JSON Lines",
        lambda t: "".join(
            json.dumps(turn, ensure_ascii=False) + "\n" for turn in _objects("speaker", "text")(t)
        ),
    ),
    Form(
        "web UI",
        _json(lambda t: {"version": "1.0", "speakers": [], "text_inputs": [_lines("[{}]{}")(t)]}),
        names=("S1", "S2", "S3", "S4"),
    ),
)


def random_turns(random: Random, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the turns of a script of two to four speakers, each of whom speaks twice at least."""
    cast = random.sample(names, min(len(names), random.choice((2, 2, 3, 4))))
    labels = [*cast, *cast, *random.choices(cast, k=random.randrange(6))]
    random.shuffle(labels)
    return [(label, random.choice(TEXTS)) for label in labels]
