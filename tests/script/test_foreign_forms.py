"""Scripts of other tools: labels, turns and texts are those that were written."""

from pathlib import Path
from random import Random

import pytest
from support.script_forms import FORMS, Form, random_turns

from podtts.script.model import Script
from podtts.script.own_form import own_form
from podtts.script.parse import parse_script
from podtts.script.read import decode_script

SCRIPTS = 200  # of each form


def turns_of(script: Script) -> list[tuple[str, str]]:
    return [(script.labels[turn.speaker], turn.text) for turn in script.turns]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_generated_scripts_are_read_as_they_were_made(form: Form) -> None:
    for seed in range(SCRIPTS):
        turns = random_turns(Random(seed), form.names)
        text = form.write(turns)
        script = decode_script(text.encode(), form.file, Path())
        assert turns_of(script) == turns, text
        own = own_form(script)
        again = parse_script(own)
        assert turns_of(again) == turns, own
        assert again.labels == script.labels
        assert own_form(again) == own
