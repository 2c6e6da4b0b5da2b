"""Stage directions: what people and other tools write for a laugh, a sigh, a pause.

    (laughs)  [sighs deeply]  *clears throat*  （笑）     become tags
    [pause]  (long pause)  {pause:1.5}  <break time="500ms"/>  #0.5#     become pauses
    (whispering)  [music]  (nods)     have no sound of their own here and are dropped

The tables are data: a spelling that is missing belongs in one of them.
"""

import re

from podtts.text.tags import PARALINGUISTIC_TAGS

PAUSE_SECONDS = {"short": 0.4, "": 0.8, "long": 1.5, "tiny": 0.2}  # of a pause without a length

# A pattern matches a whole direction, in lower case, with none of the words of _AROUND.
_TAG_PATTERNS = {
    "laughter": r"(?:burst(?:s|ing)? (?:out )?(?:in(?:to)? )?)?(?:laugh(?:s|ed|ing|ter)?"
    r"|chuckl(?:e|es|ed|ing)|giggl(?:e|es|ed|ing)|snicker(?:s|ing)?|snort(?:s|ing)?"
    r"|cackl(?:e|es|ing)|guffaws?|lol|(?:ha){2,}|(?:he){2,})|laugh_\d"
    r"|[大轻微偷苦]?笑(?:声|了|着)?|哈哈+|笑出声",
    "sigh": r"sigh(?:s|ed|ing)?|(?:lets out|heaves|gives) a sigh|叹气|叹息|叹了口气|叹口气",
    "breathing": r"(?:(?:takes?|taking|draws?|drawing) (?:an? )?)?"
    r"(?:deep |long |big |heavy |sharp )?breath(?:s|e|es|ing)?"
    r"|(?:in|ex)hal(?:e|es|ed|ing)|quick_breath|(?:深)?(?:呼吸|吸气|吐气|喘气)",
    "coughing": r"cough(?:s|ed|ing)?|咳嗽|咳(?:咳|了一声)?",
    "throat_clearing": r"(?:clear(?:s|ed|ing)?|clearing of) ?(?:his |her |their |the |my )?"
    r"throat|throat[ _-]clear(?:s|ing)?|ahem|清嗓子?|清了清嗓子",
}
_PAUSE_WORDS = (
    r"(?:pause[sd]?|pausing|break|silence|silent|beat|waits?|moment of silence|停顿|沉默)"
)
_SHORT = r"(?:short|brief|small|slight|tiny|quick|little|短暂?|稍作?)"
_LONG = r"(?:long|longer|lengthy|big|awkward|dramatic|长时间?|长)"
_AROUND = (
    r"(?:softly|loudly|quietly|gently|lightly|deeply|heavily|nervously|awkwardly|warmly|slightly"
    r"|slowly|briefly|happily|sadly|bitterly|dryly|again|twice|a (?:bit|little|lot)|out loud"
    r"|deep|heavy|soft|loud|light|nervous|long|short|big|small|audible|audibly|hard"
    r"|both|all|everyone|they|he|she|together|in (?:relief|disbelief|surprise|frustration)"
    r"|with relief|to (?:him|her|them)self)"
)
# Directions for which the model has no sound.
_SILENT_WORDS = (
    r"(?:(?:nod|smil|grin|smirk|wink|shrug|frown|gasp|yawn|sniff|sniffl|sob|weep|groan|moan|whisper"
    r"|shout|yell|scream|mutter|mumbl|murmur|sing|hum|whistl|clap|applaud|cheer|lean|turn|look"
    r"|glanc|star|gaz|point|wav|gestur|typ|knock|drink|sip|gulp|swallow|stammer|stutter|hesitat"
    r"|mock|teas|jok|interrupt|overlap|impress|surpris|shock|amaz|amus|confus|excit|annoy"
    r"|frustrat|fad|slurp|cry|chew|narrat)"
    r"(?:|e|s|es|ed|d|edly|ing|ingly|ting|ning|ping|bing|ging)"
    r"|cries|hesitant(?:ly)?|enthusiastic(?:ally)?|sarcastic(?:ally)?|sarcasm|curious(?:ly)?"
    r"|angr(?:y|ily)|nervous(?:ly)?|calm(?:ly)?|serious(?:ly)?|thoughtful(?:ly)?|playful(?:ly)?"
    r"|ironic(?:ally)?|softly|quietly|loudly|gently|slowly|warmly|sadly|happily|dryly|deadpan"
    r"|excitement|applause|crosstalk|inaudible|unintelligible|indistinct"
    r"|(?:\w+ )?(?:music|song|jingle|intro|outro|theme|sfx|sound effects?|stinger|noise"
    r"|footsteps|bells?)|phone rings?|door \w+"
    r"|voice[- ]?over|off[- ]?(?:screen|mic|camera)|aside|cont(?:inued|['’]d)|v\.?o|o\.?s"
    r"|oral_\d|speed_\d|lipsmack|mn|clucking|hissing|vocalized-noise"
    r"|微笑|点头|摇头|鼓掌|掌声|音乐|小声|低声|大声|激动|惊讶|生气|哭|唱)"
)
_FEW_WORDS = r"(?:[ ,]+[\w'’-]+){0,4}"

_TAGS = {
    tag.token: re.compile(rf"(?:{_AROUND} )*(?:{_TAG_PATTERNS[tag.name]})(?: {_AROUND})*")
    for tag in PARALINGUISTIC_TAGS
}
_PAUSE = re.compile(
    rf"(?:an? |the )?(?:(?P<short>{_SHORT})|(?P<long>{_LONG}))?[ _-]?{_PAUSE_WORDS}"
    r"(?: (?:briefly|for (?:effect|a (?:moment|beat|second))))?|(?P<tiny>uv_break)"
)
_SILENT = re.compile(rf"(?:{_AROUND} )?{_SILENT_WORDS}{_FEW_WORDS}")
_LENGTH = re.compile(
    rf"(?:{_PAUSE_WORDS}|p)?(?:[ \t:=_]*|-)(?:for )?(?P<number>\d+(?:[.,]\d+)?|\.\d+)[ \t]*"
    r"(?P<unit>milliseconds?|millisecs?|msecs?|ms|seconds?|secs?|s|毫秒|秒钟?)?"
    rf"(?:[ \t-]+(?:of )?{_PAUSE_WORDS})?"
)
_SECONDS_ALONE = 20.0  # a number without a unit means seconds up to here; beyond, nobody knows
_PAUSE_WORD = re.compile(_PAUSE_WORDS)
_LONGEST = 60  # characters of a direction


def meaning(direction: str) -> str | None:
    """Return what a direction, without its brackets, means.

    That is a tag, a pause in podtts' own spelling, an empty text for a direction without a sound,
    or None for what is no direction that podtts knows.
    """
    words = " ".join(direction.casefold().split()).strip(" .…,;:~-[](){}*")
    if not words or len(words) > _LONGEST:
        return None
    if (seconds := _pause_seconds(words)) is not None:
        return f"[pause {seconds:g}]"
    for token, pattern in _TAGS.items():
        if pattern.fullmatch(words):
            return token
    return "" if _SILENT.fullmatch(words) else None


def length_of(written: str) -> float | None:
    """Return the seconds of a length such as 1.5, 500ms or 2 s, or None for anything else."""
    match = _LENGTH.fullmatch(written.casefold().strip())
    if match is None:
        return None
    number, unit = float(match["number"].replace(",", ".")), match["unit"] or ""
    if unit.startswith(("m", "毫")):
        return number / 1000
    return number if unit or number <= _SECONDS_ALONE else None


def _pause_seconds(words: str) -> float | None:
    """Return the length of a pause in words, or None for what is no pause."""
    if match := _PAUSE.fullmatch(words):
        return PAUSE_SECONDS[match.lastgroup or ""]
    return length_of(words) or None if _PAUSE_WORD.search(words) else None
