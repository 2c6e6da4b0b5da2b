"""Reads script files: detects the encoding and the format."""

from pathlib import Path

from podtts.errors import InputError
from podtts.script.model import Script
from podtts.script.parse import parse_script
from podtts.script.published_json import parse_published
from podtts.text.characters import clean_text, decode_utf8


def read_script(path: Path) -> Script:
    """Read a script file.

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
    return decode_script(raw, str(path), path.parent)


def decode_script(raw: bytes, source: str, folder: Path) -> Script:
    """Parse the bytes of a script: published JSON, or plain text.

    source: name of the script in messages. A name that ends with `.json`, or a text that begins
            with `{`, selects JSON.
    folder: folder that a relative `prompt_audio` of a JSON script starts from.
    Raises ScriptError.
    """
    text = clean_text(decode_utf8(raw, source), source)
    named_json = source.casefold().endswith(".json")
    if text.lstrip().startswith("{") or (named_json and text.strip()):
        return parse_published(text, source, folder)
    return parse_script(text, source)
