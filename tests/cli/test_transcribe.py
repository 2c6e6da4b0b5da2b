"""`podtts prep --transcribe`, with a recognizer that hears the same words in everything."""

import json
import shutil
from pathlib import Path

import pytest
from support.commands import run, run_and_list_modules, run_script
from support.golden_data import MODEL
from support.no_network import NoNetwork
from support.tiny_whisper import tiny_whisper

HEARD = "Good morning, everybody out there in the long, quiet street."
QUICK = ("--model", MODEL, "--flow-steps", "1", "--max-turn-tokens", "16", "--dtype", "float32")


@pytest.fixture(scope="module")
def ears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper(tmp_path_factory.mktemp("ears") / "whisper", HEARD)


@pytest.fixture
def recordings(speakers: Path) -> Path:
    """Two recordings, one of them without a transcript."""
    (speakers / "anna.txt").unlink()
    return speakers


def voice(cache: Path, name: str) -> dict[str, str]:
    content: dict[str, str] = json.loads((cache / "voices" / f"{name}.json").read_text())
    return content


def test_missing_transcripts_are_written_and_others_compared(
    ears: Path, recordings: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    flags = ("--model", MODEL, "--cache-dir", cache)
    hearing = ("--transcribe", "--recognizer", ears)
    first = run("prep", recordings, *flags, *hearing).done()
    anna, ben = first.lines
    assert anna.endswith(f", heard: {HEARD}")
    assert "heard" not in ben
    said = (recordings / "ben.txt").read_text().strip()
    assert first.said == [
        f"podtts: warning: {recordings / 'ben.wav'}: “{HEARD}” is heard in it, but its transcript "
        f"is “{said}”: write what is said",
        f"voices are in {cache}",
    ]
    assert voice(cache, "anna")["transcript"] == HEARD
    assert voice(cache, "anna")["transcript_source"] == "heard"
    assert "transcript_source" not in voice(cache, "ben")  # as before there were ears
    listed = run("cache", "ls", "--cache-dir", cache).done().lines
    assert [line.endswith("  transcript heard") for line in listed] == [True, False]

    # It is kept with the voice: neither ears nor a transcript are needed any more.
    again, modules = run_and_list_modules("prep", recordings, *flags)
    assert again.code == 0, again.stderr
    assert again.lines[0].endswith(f"cached, 7.4 s, 185 tokens, heard: {HEARD}")
    assert not modules & {"faster_whisper", "ctranslate2", "onnxruntime"}
    talk = tmp_path / "talk.txt"
    talk.write_text("[anna] Hello.\n")
    out = ("-o", tmp_path / "talk.wav", "--speakers", recordings)
    run("synth", talk, *out, *QUICK, "--cache-dir", cache).done()

    # A transcript that somebody writes wins.
    (recordings / "anna.txt").write_text("What I really said, and nothing else.")
    third = run("prep", recordings / "anna.wav", *flags).done()
    assert third.lines[0].endswith(", replaces the voice of that name")
    assert "transcript_source" not in voice(cache, "anna")


def test_a_heard_voice_keeps_its_mark_in_a_file(
    ears: Path, recordings: Path, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    hearing = ("--transcribe", "--recognizer", ears)
    run("prep", recordings / "anna.wav", "--model", MODEL, "--cache-dir", one, *hearing).done()
    file = tmp_path / "anna.voice"
    run("cache", "export", "anna", file, "--cache-dir", one).done()
    run("cache", "import", file, "--cache-dir", other).done()
    assert voice(other, "anna") == voice(one, "anna")


def test_another_recording_of_that_name_is_heard_again(
    ears: Path, recordings: Path, tmp_path: Path
) -> None:
    flags = ("--model", MODEL, "--cache-dir", tmp_path / "cache")
    hearing = ("--transcribe", "--recognizer", ears)
    run("prep", recordings / "anna.wav", *flags, *hearing).done()
    shutil.copy(recordings / "ben.wav", recordings / "anna.wav")
    result = run("prep", recordings / "anna.wav", *flags)
    assert result.code == 1
    assert "anna.wav: has no transcript; write its words to" in result.stderr
    assert "or let podtts prep --transcribe" in result.stderr


def test_a_recording_without_words_needs_a_transcript(speakers: Path, tmp_path: Path) -> None:
    deaf = tiny_whisper(tmp_path / "deaf", "")
    (speakers / "anna.txt").unlink()
    hearing = ("--transcribe", "--recognizer", deaf)
    result = run("prep", speakers / "anna.wav", "--cache-dir", tmp_path / "cache", *hearing)
    assert result.code == 1
    assert "anna.wav: has no transcript, and no words are heard in it; write its" in result.stderr
    assert not (tmp_path / "cache" / "voices").exists()


def test_nothing_is_downloaded_unasked(speakers: Path) -> None:
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    result = run("prep", speakers, "--transcribe")
    assert result.code == 4
    assert result.error == (
        "whisper-base is not on this machine; run: podtts model pull whisper-base"
    )


def test_ears_reach_for_no_network(
    ears: Path, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    network = NoNetwork(tmp_path)
    flags = ("--transcribe", "--recognizer", ears, "--cache-dir", tmp_path / "cache")
    run("prep", recordings, "--model", MODEL, *flags, env=network.env).done()
    assert network.wanted() == set()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--recognizer", "whisper-base"), "--recognizer needs --transcribe"),
        (("--transcribe", "--recognizer", "wisper-base"), "did you mean whisper-base?"),
        (("--transcribe", "--recognizer", str(MODEL)), "is not a Whisper model for CTranslate2"),
    ],
)
def test_flags_that_cannot_work_are_refused(
    speakers: Path, flags: tuple[str, ...], words: str
) -> None:
    if "needs" not in words:
        pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    result = run("prep", speakers, *flags)
    assert result.code == (2 if "needs" in words else 4)
    assert words in result.error


def test_the_missing_extra_is_named(speakers: Path, tmp_path: Path) -> None:
    script = (
        "import importlib.util\n"
        "importlib.util.find_spec = lambda name: None\n"
        "from podtts.cli.app import main\n"
        "main()\n"
    )
    result = run_script(script, "prep", speakers, "--transcribe", "--recognizer", tmp_path)
    assert result.code == 2
    assert result.error == (
        "listening needs faster-whisper, which is not installed; run: pip install 'podtts[asr]'"
    )
