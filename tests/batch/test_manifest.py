import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from podtts.batch.folder import ScriptFolder
from podtts.batch.manifest import Manifest
from podtts.batch.manifest_keys import COMMON_KEYS, OPTION_KEYS
from podtts.batch.request import EpisodeRequest, EpisodeSettings
from podtts.errors import InputError
from podtts.options import SynthesisOptions, WindowOptions
from podtts.publish.publish_options import BESIDE, LayoutOptions, PublishOptions

TALK = "[S1] Hello.\n[S2] Hi.\n"


def manifest(
    *lines: str | Mapping[str, object],
    folder: Path | None = None,
    defaults: EpisodeSettings | None = None,
) -> Manifest:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    settings = defaults or EpisodeSettings(SynthesisOptions())
    return Manifest(io.BytesIO(text.encode()), "all.jsonl", folder or Path(), settings)


def requests(source: Manifest | ScriptFolder) -> list[EpisodeRequest]:
    """The requests of a source without mistakes."""
    found = list(source.scan())
    good = [
        one[1] for one in found if isinstance(one, tuple) and isinstance(one[1], EpisodeRequest)
    ]
    assert len(good) == len(found)
    return good


def mistake(line: str | Mapping[str, object], folder: Path | None = None) -> InputError:
    """What is wrong with a line that stands behind a blank one and a good one."""
    source = manifest({"id": "good", "turns": [["A", "Yes."]]}, "", line, folder=folder)
    good, error = source.scan()
    assert isinstance(good, tuple)
    assert isinstance(error, InputError), error
    assert error.problem.startswith("all.jsonl:3: ")
    return error


def test_a_line_names_a_script_its_speakers_and_options(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(TALK)
    line = {
        "id": "monday",
        "script": "talk.txt",
        "speakers": {"S1": "anna"},
        "seed": 7,
        "temperature": 1,
        "flow_steps": 3,
        "max_turn_tokens": 50,
        "context_turns": 1,
        "flow_precision": "float32",
    }
    defaults = EpisodeSettings(SynthesisOptions(retries=5), voices={"S2": "ben", "S9": "clara"})
    [request] = requests(manifest(line, folder=tmp_path, defaults=defaults))
    assert request.id == "monday"
    assert [turn.text for turn in request.script.turns] == ["Hello.", "Hi."]
    assert request.settings.voices == {"S1": "anna", "S2": "ben"}
    options = request.settings.options
    assert (options.seed, options.retries, options.sampling.temperature) == (7, 5, 1)
    assert (options.flow.steps, options.sampling.max_tokens) == (3, 50)
    assert options.window == WindowOptions.of_turns(1)
    assert not options.check_length
    assert request.settings.keeps_precision


def test_a_line_says_which_files_an_episode_becomes() -> None:
    """Before what holds for all; null is as if no flag had been given."""
    line = {
        "id": "a",
        "turns": [["A", "Hello."]],
        "format": "mp3",
        "sample_rate": 48000,
        "loudness": None,
        "gap": 0.5,
        "split": ["speakers", "turns"],
        "subtitles": "srt, vtt",
        "transcript": True,
        "page": True,
        "title": "A walk",
    }
    defaults = PublishOptions(LayoutOptions(trim_silence=True), loudness_lufs=-19, artist="Anna")
    settings = EpisodeSettings(SynthesisOptions(), publishing=defaults)
    [request] = requests(manifest(line, defaults=settings))
    assert request.settings.publishing == PublishOptions(
        LayoutOptions(gap_seconds=0.5, trim_silence=True),
        format="mp3",
        rate_hz=48_000,
        splits=("speakers", "turns"),
        subtitles=("srt", "vtt"),
        transcript=True,
        page=BESIDE,
        title="A walk",
        artist="Anna",
    )


def test_music_is_relative_to_the_folder_of_the_manifest(tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(24_000)
    soundfile.write(tmp_path / "bed.wav", noise, 24_000)
    line = {"id": "one", "turns": [["A", "Yes."]], "music": "bed.wav", "music_below": 12}
    [request] = requests(manifest({**line, "intro": None}, folder=tmp_path))
    options = request.settings.publishing
    assert options.music is not None
    assert (options.music.path, options.music_below_lu) == (str(tmp_path / "bed.wav"), 12)
    assert options.intro is None
    error = mistake({**line, "outro": "missing.wav"}, folder=tmp_path)
    assert "missing.wav: cannot be read" in error.problem
    assert '"intro" is 3, but must be a string or null' in mistake({**line, "intro": 3}).problem


def test_a_key_that_does_nothing_without_another_is_refused() -> None:
    line = {"id": "one", "turns": [["A", "Yes."]]}
    error = mistake({**line, "music_below": 12})
    assert '"music_below" does nothing without "music"' in error.problem
    error = mistake({**line, "page_audio": "link", "page": False})
    assert '"page_audio" does nothing without "page"' in error.problem
    with_page = EpisodeSettings(SynthesisOptions(), publishing=PublishOptions(page=BESIDE))
    [request] = requests(manifest({**line, "page_audio": "link"}, defaults=with_page))
    assert request.settings.publishing.page_audio == "link"


def test_every_option_of_synth_is_a_key_or_holds_for_all() -> None:
    """But for what is said otherwise in a manifest, or is of one run."""
    import inspect

    from podtts.cli.synth import synth

    others = {"context", "script", "output", "speaker", "speakers", "dry_run"}
    others |= {"resume", "resume_anyway", "keep_later", "fresh", "retake"}
    others |= {"verbose", "quiet", "log_json"}
    options = {name.removesuffix("_name") for name in inspect.signature(synth).parameters}
    assert options - others == {*OPTION_KEYS, *COMMON_KEYS}


def test_turns_stand_in_place_of_a_script() -> None:
    line = {
        "id": "one",
        "turns": [["S1", "Hello.\nYou."], ["S2", "Hi. <|sigh|>"]],
        "speakers": {"S2": "ben"},
    }
    [_, request] = requests(manifest({"id": "zero", "turns": [["anna", "Well."]]}, line))
    assert request.script.labels == ("S2", "S1")
    assert [(turn.speaker, turn.text, turn.line) for turn in request.script.turns] == [
        (1, "Hello. You.", 2),
        (0, "Hi. <|sigh|>", 2),
    ]
    assert request.settings.voices == {"S2": "ben"}


def test_a_request_is_read_again_by_its_entry_alone() -> None:
    lines = [{"id": f"e{number}", "turns": [["A", f"Turn {number}."]]} for number in range(5)]
    source = manifest(*lines)
    found = [one for one in source.scan() if isinstance(one, tuple)]
    for entry, request in reversed(found):
        again = source.read(entry)
        assert isinstance(request, EpisodeRequest)
        assert (again.id, again.script.turns) == (request.id, request.script.turns)


def test_a_line_changed_meanwhile_is_not_taken_for_the_other() -> None:
    file = io.BytesIO(b'{"id": "a", "turns": [["A", "Yes."]]}')
    source = Manifest(file, "all.jsonl", Path(), EpisodeSettings(SynthesisOptions()))
    [found] = source.scan()
    assert isinstance(found, tuple)
    file.seek(0)
    file.write(b'{"id": "b"')
    with pytest.raises(InputError, match=r"all\.jsonl:1: the line was changed"):
        source.read(found[0])


@pytest.mark.parametrize(
    ("line", "problem", "hint"),
    [
        ('{"id": "a", ', "not valid JSON", "a line looks like"),
        ("[1]", "a line must be an object", ""),
        ("[" * 100_000, "not JSON that can be read", ""),
        ('{"id": "a", "id": "b"}', '"id" is there twice', ""),
        ({"turns": [["A", "x"]]}, 'it has no "id"', ""),
        ({"id": 7, "turns": [["A", "x"]]}, "it must be a string", ""),
        ({"id": "up/../a", "turns": [["A", "x"]]}, "it contains one of", "such as monday"),
        ({"id": "con", "turns": [["A", "x"]]}, "Windows reserves that", ""),
        ({"id": "a", "turns": [["A", "x"]], "sead": 3}, "; did you mean seed?", "the keys are id"),
        ({"id": "a", "turns": [["A", "x"]], "device": "cpu"}, "holds for the whole", "--device"),
        ({"id": "a", "turns": [["A", "x"]], "seed": True}, "must be a whole number", ""),
        ({"id": "a", "turns": [["A", "x"]], "top_p": 7}, "top-p is 7, but must be", ""),
        ({"id": "a", "turns": [["A", "x"]], "flow_solver": "hein"}, "did you mean heun?", ""),
        ({"id": "a", "turns": [["A", "x"]], "subtitle": "srt"}, "; did you mean subtitles?", ""),
        ({"id": "a", "turns": [["A", "x"]], "format": "oog"}, "did you mean ogg?", ""),
        ({"id": "a", "turns": [["A", "x"]], "sample_rate": 44}, "sample-rate is 44, but must", ""),
        (
            {"id": "a", "turns": [["A", "x"]], "format": "opus", "sample_rate": 44100},
            "opus has no sample rate of 44100",
            "",
        ),
        ({"id": "a", "turns": [["A", "x"]], "loudness": "-19"}, "must be a number or null", ""),
        ({"id": "a", "turns": [["A", "x"]], "split": ["turn"]}, "did you mean turns?", ""),
        ({"id": "a", "turns": [["A", "x"]], "split": [1]}, "must be a list of strings", ""),
        ({"id": "a", "turns": [["A", "x"]], "page": "a.html"}, "must be true or false", ""),
        ({"id": "a", "turns": [["A", "x"]], "date": "May"}, "must be a day", ""),
        ({"id": "a", "turns": [["A", "x"]], "title": None}, '"title" is null, but must be', ""),
        ({"id": "a"}, 'it has neither "script" nor "turns"', "give one"),
        ({"id": "a", "turns": [], "script": "x"}, 'it has both "script" and "turns"', ""),
        ({"id": "a", "script": "gone.txt"}, "there is no script", "relative"),
        ({"id": "a", "script": 5}, '"script" must be the path', ""),
        ({"id": "a", "turns": []}, '"turns" must be an array of turns', ""),
        ({"id": "a", "turns": "Hello"}, '"turns" must be an array of turns', ""),
        ({"id": "a", "turns": [["A"]]}, "a turn must be a label and a text", ""),
        ({"id": "a", "turns": [["A", "<|lough|>"]]}, "; did you mean laughter?", "the tags are"),
        ({"id": "a", "turns": [[c, "x"] for c in "ABCDE"]}, "would be speaker 5", ""),
        ({"id": "a", "turns": [["A", "x"]], "speakers": ["anna"]}, "must map labels", ""),
        ({"id": "a", "turns": [["A", "x"]], "speakers": {"A": ""}}, "must map labels", ""),
    ],
)
def test_a_mistake_is_named_with_its_line(
    line: str | Mapping[str, object], problem: str, hint: str
) -> None:
    error = mistake(line)
    assert problem in error.problem
    assert hint in error.hint


def test_speakers_are_those_of_the_script(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(TALK)
    error = mistake({"id": "a", "script": "talk.txt", "speakers": {"S3": "anna"}}, tmp_path)
    assert '"speakers" names S3, which is no speaker of' in error.problem
    assert error.hint == "its speakers are S1, S2"


def test_bytes_that_are_no_utf8_are_a_mistake_of_their_line() -> None:
    raw = b'\xef\xbb\xbf{"id": "a", "turns": [["A", "x"]]}\n{"id": "\xff"}\n'
    source = Manifest(io.BytesIO(raw), "all.jsonl", Path(), EpisodeSettings(SynthesisOptions()))
    first, second = source.scan()
    assert isinstance(first, tuple)
    assert isinstance(second, InputError)
    assert second.problem.startswith("all.jsonl:2: byte 0xff at offset 8 is not UTF-8")


def test_a_broken_script_is_no_mistake_of_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("[S1] <|lough|>")
    [found] = manifest({"id": "a", "script": "bad.txt"}, folder=tmp_path).scan()
    assert isinstance(found, tuple)
    assert isinstance(found[1], InputError)
    assert "bad.txt:1: unknown tag" in found[1].problem


def test_a_folder_is_its_scripts_in_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.JSON", "notes.md", ".hidden.txt", "b.chapters.json"):
        (tmp_path / name).write_text(TALK if name != "a.JSON" else '{"speakers": {"S1": {}},')
    (tmp_path / "deeper.txt").mkdir()
    folder = ScriptFolder(
        tmp_path, EpisodeSettings(SynthesisOptions(), voices={"S2": "ben", "X": "y"})
    )
    broken, good = folder.scan()
    assert isinstance(broken, tuple)
    assert broken[0].id == "a"
    assert isinstance(broken[1], InputError)
    assert isinstance(good, tuple)
    assert folder.read(good[0]).settings.voices == {"S2": "ben"}


def test_a_folder_without_scripts_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "all.jsonl").touch()
    with pytest.raises(InputError, match=r"no script .* is in this folder .*all\.jsonl"):
        ScriptFolder(tmp_path, EpisodeSettings(SynthesisOptions()))
