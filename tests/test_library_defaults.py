"""The library's defaults are those of the command line, down to the bytes."""

import dataclasses
from functools import partial
from pathlib import Path

import pytest
import soundfile
from support.commands import run
from support.golden_data import MODEL

import podtts
from podtts.audio.wav import to_pcm16

SPEAKERS = Path(__file__).parent / "speakers"
TALK = "[anna] Hello there.\n[ben] Hi.\n"


@pytest.mark.parametrize("preset", [None, "faithful", "fast"])
def test_a_checkpoint_sounds_the_same_from_the_library_and_from_the_command_line(
    preset: str | None, tmp_path: Path
) -> None:
    (tmp_path / "talk.txt").write_text(TALK)
    flags = ["--preset", preset] if preset else []
    limits = ["--max-turn-tokens", "12", "--gap", "0", "--seed", "7"]
    voices = ["--speakers", str(SPEAKERS), "--model", str(MODEL)]
    run("synth", "talk.txt", "-o", "talk.wav", *flags, *limits, *voices, cwd=tmp_path).done()
    samples, _ = soundfile.read(tmp_path / "talk.wav", dtype="int16")

    cache = podtts.PromptCache(tmp_path / "library", warn=pytest.fail)
    script = podtts.spoken_script(podtts.read_script(tmp_path / "talk.txt"))
    cast = podtts.gather_prompts(
        script,
        {},
        podtts.checkpoint_encoders(MODEL),
        cache,
        podtts.VoiceStore(cache.root),
        SPEAKERS,
    )
    load = partial(podtts.Synthesizer.from_checkpoint, MODEL, cache=cache.root)
    synthesizer = load() if preset is None else load(preset=preset)
    options = synthesizer.options
    options = dataclasses.replace(
        options,
        seed=7,
        sampling=dataclasses.replace(options.sampling, max_tokens=12),
        check_length=False,
    )
    turns = synthesizer.synthesize(script, [member.prompt for member in cast], options)
    assert b"".join(to_pcm16(turn.wave) for turn in turns) == samples.tobytes()
    stored = {path.parent.name for path in cache.root.rglob("*.safetensors")}
    assert {"prompts", "prefixes"} <= stored


def test_an_unknown_preset_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(podtts.UsageError, match="unknown preset 'blanced'; did you mean"):
        podtts.Synthesizer.from_checkpoint(MODEL, preset="blanced")
