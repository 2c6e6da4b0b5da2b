import json

from support.golden_data import GOLDEN, models

from podtts.text.normalize import normalize_text


def test_turn_ids_are_the_published_ones() -> None:
    template = models().template
    for case in json.loads((GOLDEN / "text.json").read_text()):
        assert template.turn(1, normalize_text(case["text"])) == case["ids"]


def test_the_prompt_of_the_first_speaker_begins_with_the_task() -> None:
    template = models().template
    first, second = template.prompt(0, "a.", [0, 5]), template.prompt(1, "a.", [0, 5])
    assert first[0] == template.task()[0] != second[0]
    assert second[-3:] == [473, 478, 457]


def test_a_dialect_request_begins_with_the_task_and_ends_with_the_dialect_prompt() -> None:
    template = models().template
    for speaker in (0, 1):
        prompt = template.prompt(speaker, "a.", [0, 5])
        request = template.dialect_request(speaker, "a.", [0, 5], "b.")
        task = [] if speaker == 0 else template.task()  # the prompt of speaker 0 has it already
        assert request == task + prompt + template.turn(speaker, "b.")


def test_a_dialect_entry_replaces_transcript_and_speech_of_the_prompt() -> None:
    template = models().template
    speech = template.speech([7, 8])
    for speaker in (0, 1):
        task = template.task() if speaker == 0 else []
        entry = template.dialect_entry(speaker, "b.", speech)
        assert entry == task + template.turn(speaker, "b.") + speech
