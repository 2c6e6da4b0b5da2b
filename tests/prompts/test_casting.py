import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from support.golden_data import GOLDEN, MODEL

from podtts.errors import AudioError, ScriptError, UsageError
from podtts.prompts.cache import PromptCache
from podtts.prompts.casting import CastPrompt, VoiceCasting, gather_prompts
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.lookup import VoiceSources
from podtts.prompts.prepare import prepare
from podtts.prompts.recording_files import RecordingFile
from podtts.prompts.voices import VoiceStore
from podtts.script.model import Script
from podtts.script.parse import parse_script
from podtts.script.published_json import parse_published
from podtts.weights.voices import checkpoint_encoders

AUDIO = GOLDEN / "audio"
A, C = AUDIO / "a_24k_mono.wav", AUDIO / "c_16k_quiet.wav"
SCRIPT = parse_script("S1 = anna\n\n[S2] Hello.\n[S1] Hi.\n", "talk.txt")


class Stage:
    """A cache under a folder, and everything that finds or makes prompts in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.warnings: list[str] = []
        self.cache = PromptCache(root, self.warnings.append)
        self.voices = VoiceStore(root)
        self.encoders = checkpoint_encoders(MODEL)

    def prepare(self, recording: Path, name: str, text: str = "", dialect: str = "") -> None:
        file = RecordingFile(recording, name, text or f"Said by {name}.", dialect)
        prepare(file, self.encoders, self.cache, self.voices)

    def gather(
        self,
        script: Script = SCRIPT,
        overrides: Mapping[str, str] | None = None,
        speakers: Path | None = None,
        encoders: PromptEncoders | None = None,
    ) -> list[CastPrompt]:
        return gather_prompts(
            script,
            overrides or {},
            encoders or self.encoders,
            self.cache,
            self.voices,
            speakers,
        )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "cache")


@pytest.fixture
def idle_encoders(tmp_path: Path) -> PromptEncoders:
    """Encoders that fail when they are used, to show that they are not."""
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    return PromptEncoders(tmp_path / "broken.onnx", tmp_path / "broken.onnx")


def offer(folder: Path, recordings: Mapping[str, Path]) -> Path:
    """A folder of recordings with transcripts, by voice."""
    folder.mkdir()
    for name, recording in recordings.items():
        shutil.copy(recording, folder / f"{name}.wav")
        (folder / f"{name}.txt").write_text(f"Offered by {name}.")
    return folder


def published(folder: Path, **recordings: Path | None) -> Script:
    """A script in the published format, one line a speaker; None: without a recording."""
    speakers = {
        label: {"prompt_audio": str(audio), "prompt_text": f"Own words of {label}."}
        if audio
        else {}
        for label, audio in recordings.items()
    }
    lines = ",\n".join(f'"{label}": {json.dumps(cast)}' for label, cast in speakers.items())
    turns = json.dumps([[label, "Hello."] for label in recordings])
    return parse_published(f'{{"speakers": {{\n{lines}}},\n"text": {turns}}}', "t.json", folder)


def same(one: CastPrompt, other: CastPrompt) -> bool:
    """Whether two speakers sound the same."""
    return torch.equal(one.prompt.features.mel, other.prompt.features.mel)


def test_prepared_voices_come_in_the_order_of_speakers(stage: Stage) -> None:
    stage.prepare(A, "anna", "What Anna says.", "<|Yue|>早晨")
    stage.prepare(C, "S2")
    first, second = stage.gather()
    assert (first.label, first.prompt.name, first.cached) == ("S1", "anna", True)
    assert (second.label, second.prompt.name, second.cached) == ("S2", "S2", True)
    assert first.prompt.transcript == "What Anna says."
    assert first.prompt.dialect_prompt == "<|Yue|>早晨"
    assert second.prompt.dialect_prompt == ""
    assert not same(first, second)


def test_an_override_wins_over_the_header(stage: Stage) -> None:
    stage.prepare(A, "anna")
    stage.prepare(C, "carl")
    cast = stage.gather(overrides={"S1": "carl", "S2": "anna"})
    assert [one.prompt.name for one in cast] == ["carl", "anna"]
    with pytest.raises(UsageError, match="S3, which is no speaker"):
        stage.gather(overrides={"S3": "anna"})


def test_offered_recordings_are_prepared_once_and_name_new_voices(
    stage: Stage, tmp_path: Path
) -> None:
    folder = offer(tmp_path / "speakers", {"anna": A, "S2": C, "spare": C})
    first = stage.gather(speakers=folder)
    assert [one.cached for one in first] == [False, False]
    assert [voice.name for voice in stage.voices.list()] == ["S2", "anna"]
    assert [one.cached for one in stage.gather(speakers=folder)] == [True, True]
    kept = stage.gather()
    assert [one.prompt.transcript for one in kept] == ["Offered by anna.", "Offered by S2."]
    assert all(same(one, other) for one, other in zip(first, kept, strict=True))


def test_an_offered_recording_wins_and_replaces_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.prepare(A, "anna")
    stage.prepare(A, "S2")
    anna, second = stage.gather(speakers=offer(tmp_path / "speakers", {"anna": C}))
    assert anna.prompt.transcript == "Offered by anna."
    assert not same(anna, second)
    before, second = stage.gather()
    assert before.prompt.transcript == "Said by anna."
    assert same(before, second)


def test_names_meet_however_their_accents_are_written(stage: Stage, tmp_path: Path) -> None:
    folder = offer(tmp_path / "speakers", {"Jose\u0301": C})
    (one,) = stage.gather(parse_script("[A] Hi.\n"), {"A": "Jos\u00e9"}, folder)
    assert one.prompt.name == "Jos\u00e9"


def test_a_recording_with_another_name_is_ignored(stage: Stage, tmp_path: Path) -> None:
    folder = offer(tmp_path / "speakers", {"anna": A, "S2": C, "a:b": C})
    assert len(stage.gather(speakers=folder)) == 2


def test_a_voice_that_is_not_prepared_is_refused_before_any_work(
    stage: Stage, tmp_path: Path, idle_encoders: PromptEncoders
) -> None:
    script = parse_script("S1 = anna\n\n[S1] Hello.\n[carla] Hi.\n", "talk.txt")
    folder = offer(tmp_path / "speakers", {"anna": A, "carlo": C})
    with pytest.raises(ScriptError) as refused:
        stage.gather(script, speakers=folder, encoders=idle_encoders)
    problem, hint = refused.value.problem, refused.value.hint
    assert problem.startswith("talk.txt:4: no voice 'carla' is prepared for carla")
    assert problem.endswith("did you mean carlo?")
    assert hint.startswith("run: podtts prep carla.wav, ")
    assert "--speaker carla=VOICE" in hint
    assert "anna, carlo" in hint


def test_the_command_that_prepares_can_be_pasted(stage: Stage) -> None:
    with pytest.raises(ScriptError) as refused:
        stage.gather(parse_script("A = the host\n[A] Hi.\n"))
    assert refused.value.hint.startswith("run: podtts prep 'the host.wav', ")


@pytest.mark.parametrize("name", ["../anna", "con"])
def test_what_is_not_a_name_is_refused_with_its_line(stage: Stage, name: str) -> None:
    with pytest.raises(ScriptError, match=r"t\.txt:2: .* cannot be the name of a voice"):
        stage.gather(parse_script(f"// ours\nA = {name}\n[A] Hi.\n", "t.txt"))


def test_a_voice_prepared_for_another_model_is_refused_before_any_work(
    stage: Stage, tmp_path: Path, idle_encoders: PromptEncoders
) -> None:
    stage.prepare(C, "S2")
    folder = offer(tmp_path / "speakers", {"anna": A})
    with pytest.raises(ScriptError) as refused:
        stage.gather(speakers=folder, encoders=idle_encoders)
    assert refused.value.problem == "talk.txt:3: voice 'S2' is not prepared for this model"
    assert "podtts prep S2.wav --model" in refused.value.hint


def test_an_offered_recording_without_words_is_refused_before_any_work(
    stage: Stage, tmp_path: Path, idle_encoders: PromptEncoders
) -> None:
    folder = offer(tmp_path / "speakers", {"anna": A, "S2": C})
    (folder / "S2.txt").unlink()
    with pytest.raises(AudioError, match=r"S2\.wav: has no transcript"):
        stage.gather(speakers=folder, encoders=idle_encoders)


def test_a_damaged_prompt_is_none(stage: Stage) -> None:
    stage.prepare(A, "anna")
    stage.prepare(C, "S2")
    entry = stage.cache.entries()[0]
    entry.path.write_bytes(entry.path.read_bytes()[:-1])
    with pytest.raises(ScriptError, match="is not prepared for this model"):
        stage.gather()
    assert len(stage.warnings) == 1


def test_a_published_scripts_recordings_are_its_own(stage: Stage, tmp_path: Path) -> None:
    shutil.copy(A, tmp_path / "host.wav")
    script = published(tmp_path, host=Path("host.wav"), guest=C)
    host, guest = stage.gather(script)
    assert [host.cached, guest.cached] == [False, False]
    assert host.prompt.transcript == "Own words of host."
    assert not same(host, guest)
    assert stage.voices.list() == ()
    assert [one.cached for one in stage.gather(script)] == [True, True]


def test_a_published_script_may_leave_the_recording_to_others(stage: Stage, tmp_path: Path) -> None:
    stage.prepare(A, "anna")
    script = published(tmp_path, host=C, guest=None)
    host, guest = stage.gather(script, {"guest": "anna"})
    assert [host.prompt.name, guest.prompt.name] == ["host", "anna"]
    host, guest = stage.gather(script, {"guest": "anna", "host": "anna"})
    assert same(host, guest)


def test_a_published_recording_that_is_not_there_has_its_line(
    stage: Stage, tmp_path: Path, idle_encoders: PromptEncoders
) -> None:
    script = published(tmp_path, host=A, guest=Path("gone.wav"))
    with pytest.raises(ScriptError) as refused:
        stage.gather(script, encoders=idle_encoders)
    assert refused.value.problem == (
        f"t.json:3: the recording of guest, {tmp_path / 'gone.wav'}, is not there"
    )


def test_bundled_voices_serve_where_the_own_cache_has_none(stage: Stage, tmp_path: Path) -> None:
    bundle = Stage(tmp_path / "bundle")
    for name, recording in (("anna", A), ("S2", C)):
        bundle.prepare(recording, name, text=f"Bundled {name}.")
    stage.prepare(C, "anna", text="My own anna.")
    cast = gather_prompts(
        SCRIPT, {}, stage.encoders, stage.cache, stage.voices, bundled=bundle.root
    )
    texts = {one.label: one.prompt.transcript for one in cast}
    assert set(texts.values()) == {"My own anna.", "Bundled S2."}
    with pytest.raises(ScriptError, match="no voice 'S2' is prepared"):
        stage.gather()


def test_a_bundled_prompt_serves_a_voice_of_the_same_recording(
    stage: Stage, tmp_path: Path
) -> None:
    """As when it was prepared for another model: the recording is that of a bundled voice."""
    bundle = Stage(tmp_path / "bundle")
    bundle.prepare(A, "anna", text="Bundled anna.")
    bundle.prepare(C, "S2")
    own = bundle.voices.get("anna")
    assert own
    stage.voices.put(dataclasses.replace(own, transcript="My own words."))
    found = gather_prompts(
        SCRIPT, {}, stage.encoders, stage.cache, stage.voices, bundled=bundle.root
    )
    assert found[0].prompt.transcript == "My own words."
    assert same(found[0], bundle.gather()[0])
    with pytest.raises(ScriptError, match="voice 'anna' is not prepared for this model"):
        stage.gather()


def test_a_bundled_voice_replaces_one_of_that_name_for_another_model(
    stage: Stage, tmp_path: Path
) -> None:
    bundle = Stage(tmp_path / "bundle")
    for name in ("anna", "S2"):
        bundle.prepare(A, name, text=f"Bundled {name}.")
    stage.prepare(C, "anna", text="My own anna.")
    shutil.rmtree(stage.root / "prompts")  # as if it were of another model
    said: list[str] = []
    cache = PromptCache(stage.root, said.append)
    sources = VoiceSources(stage.encoders, cache, stage.voices, bundled=bundle.root)
    for _ in range(2):
        cast = VoiceCasting(sources).gather(SCRIPT, {})
        assert {one.prompt.transcript for one in cast} == {"Bundled anna.", "Bundled S2."}
    [line] = said  # once, and not of S2, which the user has not
    assert line.startswith(f"voice 'anna' in {stage.root} is not prepared for this model: ")
    assert line.endswith("; to use yours, run: podtts prep anna.wav")
    with pytest.raises(ScriptError, match="voice 'anna' is not prepared for this model"):
        stage.gather()


def test_a_voice_for_another_model_is_refused_where_the_bundled_one_is_damaged(
    stage: Stage, tmp_path: Path
) -> None:
    bundle = Stage(tmp_path / "bundle")
    bundle.prepare(A, "anna")
    stage.prepare(C, "anna")
    for root in (stage.root, bundle.root):
        shutil.rmtree(root / "prompts")
    with pytest.raises(ScriptError, match="voice 'anna' is not prepared for this model"):
        gather_prompts(SCRIPT, {}, stage.encoders, stage.cache, stage.voices, bundled=bundle.root)


def test_a_damaged_bundled_voice_is_named_and_not_called_unprepared(
    stage: Stage, tmp_path: Path
) -> None:
    bundle = Stage(tmp_path / "bundle")
    bundle.prepare(A, "anna")
    bundle.prepare(C, "S2")
    for path in (bundle.root / "prompts").iterdir():
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    for _ in range(2):  # it is put aside once, and missing from then on
        with pytest.raises(ScriptError) as refused:
            gather_prompts(
                SCRIPT, {}, stage.encoders, stage.cache, stage.voices, bundled=bundle.root
            )
        assert refused.value.problem == (
            f"talk.txt:1: voice 'anna' comes with podtts, but its prompt in {bundle.root} "
            "is damaged or gone"
        )
        assert refused.value.hint == "install podtts again, or run: podtts prep anna.wav"
    [told] = stage.warnings
    assert f"it was moved to {bundle.root / 'quarantine'}" in told
