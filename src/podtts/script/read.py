"""Reads script files: detects the encoding and the form."""

from pathlib import Path

from podtts.errors import InputError
from podtts.script.element_script import element_lines, is_elements
from podtts.script.json_script import is_json, parse_json
from podtts.script.model import Script
from podtts.script.parse import parse_lines, parse_script
from podtts.script.reading import ReadingOptions
from podtts.script.subtitle_script import is_subtitles, subtitle_lines
from podtts.text.characters import clean_text, decode_utf8


def read_script(path: Path, options: ReadingOptions | None = None) -> Script:
    """Read a script file, in any of the forms of docs/scripts.md.

    Raises ScriptError, with file and line, when podtts cannot synthesize it as written, and
    InputError when the file does not exist or cannot be read.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such script", "check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, not a script", "name a file in it") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return decode_script(raw, str(path), path.parent, options)


def decode_script(
    raw: bytes, source: str, folder: Path, options: ReadingOptions | None = None
) -> Script:
    """Parse the bytes of a script, in the form that they look like: plain text, JSON, subtitles.

    source: name of the script in messages. A name that ends with `.json`, or a text that begins
            with `{`, selects JSON.
    folder: folder that a relative `prompt_audio` of a JSON script starts from.
    Raises ScriptError.
    """
    options = options or ReadingOptions()
    text = clean_text(decode_utf8(raw, source), source)
    if is_json(text, source):
        return parse_json(text, source, folder, options)
    if is_subtitles(text):
        return parse_lines(subtitle_lines(text), source, options)
    if is_elements(text):
        return parse_lines(element_lines(text, source), source, options)
    return parse_script(text, source, options)
