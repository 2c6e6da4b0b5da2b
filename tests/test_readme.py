"""The README's examples are run as they stand."""

import re
import shutil
from pathlib import Path

import pytest
from support.golden_data import MODEL
from support.readme import README, ROOT, blocks

from podtts.script.parse import parse_script
from podtts.text.lexicon import SECTIONS, parse_lexicon
from podtts.text.verbalize import verbalize


def test_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    examples = blocks("python")
    assert len(examples) == 2
    for example in examples:
        exec(compile(example.replace("CHECKPOINT", str(MODEL)), "README.md", "exec"), names)
    import soundfile

    assert soundfile.info("episode.wav").samplerate == 24_000
    assert len(names["wave"]) == 480 * len(names["mel"])  # type: ignore[arg-type]


def test_script_examples_parse() -> None:
    scripts = [parse_script(block) for block in blocks("") if "[S1]" in block]
    assert [len(script.turns) for script in scripts] == [2, 4]
    assert scripts[1].voices == {"S1": "anna", "S2": "ben"}
    assert scripts[1].rates == {"S2": 0.9}
    assert scripts[1].turns[2].pause == 0.8
    assert "always do" in scripts[1].turns[0].text


def test_the_lexicon_example_and_what_is_said_of_numbers() -> None:
    [block] = [block for block in blocks("") if "GWh" in block]
    lexicon = parse_lexicon(block, "README.md")
    assert set(lexicon.sections) == {"all", "en", "zh", "yue"}
    assert f"`{'`, `'.join(f'[{name}]' for name in SECTIONS[:-1])}` and `[{SECTIONS[-1]}]`" in (
        " ".join(README.split())
    )
    [(written, words)] = re.findall(r"^ +`(.*)` becomes `(.*)`\.", README, re.MULTILINE)
    assert verbalize(written, "en") == words


def test_exit_codes_are_those_of_the_help() -> None:
    from podtts.cli.app import EXIT_CODES

    for code, meaning in re.findall(r"^\| (\d[\d, ]*) \| (.+) \|$", README, re.MULTILINE):
        assert re.search(rf"^ +{code} +{re.escape(meaning)}$", EXIT_CODES, re.MULTILINE), code


def test_every_room_is_in_the_table() -> None:
    rooms = {path.name for path in (ROOT / "src" / "podtts").iterdir() if path.is_dir()}
    rooms -= {"__pycache__"}
    assert all(f"`{room}/`" in README for room in rooms)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
