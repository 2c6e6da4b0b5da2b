"""`podtts synth`: what it writes, what it refuses, and how it is stopped."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import torch
from support.commands import Result, environment, run, run_and_list_modules, run_script, started
from support.golden_data import MODEL

from podtts.device.placement import available_devices

HEADER_BYTES = 44  # at least
GAP_SAMPLES = 6000
QUICK = ("--model", MODEL, "--flow-steps", "2")
FULL = Path("/dev/full")


def perf_lines(stderr: str) -> list[tuple[str, int, int]]:
    """Stage, turn and tokens of every [PERF] line of a turn."""
    pattern = r"^\[PERF\] stage=(\w+) device=\w+ seconds=[\d.]+ turn=(\d+) tokens=(\d+) audio="
    lines = re.findall(pattern, stderr, re.MULTILINE)
    return [(stage, int(turn), int(tokens)) for stage, turn, tokens in lines]


def samples_of(raw: bytes) -> bytes:
    """The samples of a WAV file, without its header."""
    return raw[raw.index(b"data") + 8 :]


def hidden_files(folder: Path) -> list[str]:
    """Temporary files: their names begin with a dot until they are complete."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.fixture
def long_talk(tmp_path: Path) -> Path:
    """A script of more turns than a pipe holds unread, however fast they are synthesized."""
    script = tmp_path / "long.txt"
    script.write_text("".join(f"[anna] Turn {number}, and on it goes.\n" for number in range(40)))
    return script


# What is written


def test_an_episode_is_mono_pcm_of_24_khz(first_synth: tuple[Path, Result]) -> None:
    wav, result = first_synth
    info = soundfile.info(wav)
    assert (info.format, info.subtype) == ("WAV", "PCM_16")
    assert (info.samplerate, info.channels) == (24_000, 1)
    tokens = {turn: count for _, turn, count in perf_lines(result.stderr)}
    assert list(tokens) == [1, 2, 3, 4]
    assert info.frames == 960 * sum(tokens.values()) + 3 * GAP_SAMPLES
    assert result.stdout == b""
    assert hidden_files(wav.parent) == []


def test_verbose_prints_the_seconds_of_every_stage(first_synth: tuple[Path, Result]) -> None:
    _, result = first_synth
    stages = [(stage, turn) for stage, turn, _ in perf_lines(result.stderr)]
    assert stages == [
        (stage, turn) for turn in (1, 2, 3, 4) for stage in ("llm", "flow", "vocoder")
    ]
    for stage in ("prompts", "load"):
        assert f"[PERF] stage={stage} device=cpu seconds=" in result.stderr


def test_the_first_line_has_the_setting_and_the_last_the_figures(
    first_synth: tuple[Path, Result],
) -> None:
    wav, result = first_synth
    decisions = next(line for line in result.said if not line.startswith("[PERF]"))
    for words in (str(MODEL), "LLM ", "seed 1988", "S1=anna (cached)", "S2=ben (cached)"):
        assert words in decisions
    assert re.fullmatch(
        rf"{re.escape(str(wav))}: 4 turns, [\d.]+ s of audio in [\d.]+ s, RTF [\d.]+",
        result.said[-1],
    )


def test_a_pipe_gets_the_same_samples_and_nothing_else(
    talk: Path, prepared: Path, episode: bytes
) -> None:
    result = run(
        "synth", "-", "-o", "-", *QUICK, "--cache-dir", prepared, stdin=talk.read_bytes()
    ).done()
    assert samples_of(result.stdout) == samples_of(episode)
    samples, rate_hz = soundfile.read(io.BytesIO(result.stdout), dtype="int16")
    assert rate_hz == 24_000
    assert samples.tobytes() == samples_of(episode)
    assert "[PERF]" not in result.stderr
    assert result.said[-1].startswith("stdout: 4 turns, ")


def test_the_same_command_gives_the_same_bytes(
    talk: Path, prepared: Path, tmp_path: Path, episode: bytes
) -> None:
    out = tmp_path / "out.wav"
    run("synth", talk, "-o", out, *QUICK, "--cache-dir", prepared).done()
    assert out.read_bytes() == episode
    run("synth", talk, "-o", out, *QUICK, "--cache-dir", prepared, "--seed", "1989").done()
    assert out.read_bytes() != episode


def test_a_limited_run_is_the_beginning_of_the_episode(
    talk: Path, prepared: Path, tmp_path: Path, episode: bytes
) -> None:
    out = tmp_path / "out.wav"
    options = (*QUICK, "--cache-dir", prepared, "--limit-turns", "2")
    first = run("synth", talk, "-o", out, *options, "--verbose").done()
    assert [turn for _, turn, _ in perf_lines(first.stderr)] == [1, 1, 1, 2, 2, 2]
    samples = samples_of(out.read_bytes())
    assert samples == samples_of(episode)[: len(samples)]
    assert "warning" not in first.stderr

    cut = run("synth", talk, "-o", "/dev/null", *options, "--max-turn-tokens", "3").done()
    warnings = [line for line in cut.said if "warning" in line]
    assert len(warnings) == 2
    assert "turn 2 (line 7) reached the limit of 3 tokens" in warnings[1]
    assert cut.said[-1].startswith("/dev/null: 2 turns, 0.5 s of audio")
    assert not Path("/dev/null").is_file()


# Whose voices


def test_a_label_or_a_flag_can_name_the_voice(talk: Path, prepared: Path, episode: bytes) -> None:
    """One label is the name of a voice, a flag maps the other: the samples are the same."""
    text = talk.read_text().replace("S1 = anna\nS2 = ben\n", "")
    text = text.replace("[S1]", "anna:").replace("[S2]", "[B]")
    flags = ("--speaker", "B=ben", "--cache-dir", prepared)
    result = run("synth", "-", "-o", "-", *QUICK, *flags, stdin=text).done()
    assert samples_of(result.stdout) == samples_of(episode)


def test_new_prompts_give_the_same_bytes_as_cached_ones(
    talk: Path, speakers: Path, tmp_path: Path, episode: bytes
) -> None:
    out, cache = tmp_path / "out.wav", tmp_path / "cache"
    options = (*QUICK, "--cache-dir", cache, "--speakers", speakers)
    result = run("synth", talk, "-o", out, *options).done()
    assert "S1=anna (prepared)" in result.stderr
    assert out.read_bytes() == episode
    voices = run("cache", "ls", "--json", "--cache-dir", cache).done().json
    assert [row["voice"] for row in voices] == ["anna", "ben"]
    assert all(row["tokens"] for row in voices)


def test_a_folders_recording_wins_over_a_prepared_voice(
    talk: Path, own_cache: Path, speakers: Path, tmp_path: Path, episode: bytes
) -> None:
    swapped = tmp_path / "swapped"
    swapped.mkdir()
    for ours, theirs in (("anna", "ben"), ("ben", "anna")):
        for ending in ("wav", "txt"):
            shutil.copy(speakers / f"{theirs}.{ending}", swapped / f"{ours}.{ending}")
    known = (own_cache / "voices" / "anna.json").read_bytes()
    flags = ("--speakers", swapped, "--speaker", "S1=ben", "--speaker", "S2=anna")
    result = run("synth", talk, "-o", "-", *QUICK, "--cache-dir", own_cache, *flags).done()
    assert samples_of(result.stdout) == samples_of(episode)
    assert "S1=ben (cached)" in result.stderr  # by its bytes: the recording has a prompt already
    assert (own_cache / "voices" / "anna.json").read_bytes() == known


def test_a_json_script_can_name_its_recordings(
    talk: Path, speakers: Path, tmp_path: Path, episode: bytes
) -> None:
    turns = re.findall(r"\[(S\d)\] (.+)", talk.read_text())
    cast = {
        label: {
            "prompt_audio": f"speakers/{name}.wav",
            "prompt_text": (speakers / f"{name}.txt").read_text(),
        }
        for label, name in (("S1", "anna"), ("S2", "ben"))
    }
    script, cache = speakers.parent / "talk.json", tmp_path / "cache"
    script.write_text(json.dumps({"speakers": cast, "text": turns}))
    result = run("synth", script, "-o", "-", *QUICK, "--cache-dir", cache, cwd=Path("/")).done()
    assert samples_of(result.stdout) == samples_of(episode)
    assert not (cache / "voices").exists()  # S1 names no voice for other scripts


def test_a_dialect_prompt_changes_the_samples(
    talk: Path, own_cache: Path, speakers: Path, episode: bytes
) -> None:
    (speakers / "anna.dialect.txt").write_text("<|Sichuan|>今天天气好得很，我们出去耍嘛。")
    flags = ("--speakers", speakers, "--cache-dir", own_cache)
    result = run("synth", talk, "-o", "-", *QUICK, *flags).done()
    assert len(result.stdout) > HEADER_BYTES
    assert samples_of(result.stdout) != samples_of(episode)


# What is refused, and when


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", ":1: the script is empty"),
        ("// nothing is said\n", ":1: the script has no turns"),
        ("[a] 1\n[b] 2\n[c] 3\n[d] 4\n\n[e] 5\n", ":6: e would be speaker 5"),
        ("[a] Hello\n[a] Ha <|laughtr|>\n", ":2: unknown tag <|laughtr|>; did you mean laughter?"),
        ("Hello there.\n", ":1: "),
        ("[a] Hello\nS1 = anna <|\n", ":2: "),
        ('{"speakers": {},\n "text": [,]}', ":2: not valid JSON"),
    ],
)
def test_a_script_with_an_error_is_refused_before_torch_is_imported(
    tmp_path: Path, script: str, words: str
) -> None:
    path = tmp_path / "talk.txt"
    path.write_text(script)
    result, modules = run_and_list_modules("synth", path, "-o", tmp_path / "out.wav", *QUICK)
    assert result.code == 3
    assert result.error.startswith(f"{path}{words}")
    assert "torch" not in modules
    assert not (tmp_path / "out.wav").exists()


def test_a_script_from_stdin_is_named_in_its_errors() -> None:
    result = run("synth", "-", "-o", "-", *QUICK, stdin="[a] Hello <|world|>\n")
    assert result.code == 3
    assert result.error.startswith("<stdin>:1: unknown tag <|world|>")


@pytest.mark.parametrize(
    ("descriptor", "script", "output", "words"),
    [(0, "-", "out.wav", "no stdin"), (1, "talk", "-", "no stdout")],
)
def test_a_closed_stdin_or_stdout_is_refused(
    talk: Path, descriptor: int, script: str, output: str, words: str
) -> None:
    close = f"import os, sys; os.close({descriptor}); os.execv(sys.executable, sys.argv[1:])"
    named = str(talk) if script == "talk" else script
    command = [sys.executable, "-m", "podtts", "synth", named, "-o", output]
    result = run_script(close, *command, "--model", MODEL)
    assert result.code == 2
    assert words in result.error


def test_a_missing_script_is_refused(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "talk.txt", "no such script"), (tmp_path, "is a folder")):
        result = run("synth", path, "-o", tmp_path / "out.wav", *QUICK)
        assert result.code == 3
        assert result.error.startswith(f"{path}: {words}")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--flow-steps 0", "flow-steps is 0"),
        ("--temperature 0", "temperature is 0"),
        ("--temperature nan", "temperature is nan"),
        ("--top-p 2", "top-p is 2"),
        ("--top-k 0", "top-k is 0"),
        ("--repetition-penalty -1", "repetition-penalty is -1"),
        ("--max-turn-tokens 0", "max-turn-tokens is 0"),
        ("--limit-turns 0", "limit-turns is 0"),
        ("--context-turns 11", "context-turns is 11, but must be 0 to 10"),
        ("--speaker anna", "is not LABEL=VOICE"),
        ("--speaker S1=anna --speaker S1=ben", "twice"),
    ],
)
def test_values_out_of_range_are_refused(
    talk: Path, tmp_path: Path, flags: str, words: str
) -> None:
    result = run("synth", talk, "-o", tmp_path / "out.wav", "--model", MODEL, *flags.split())
    assert result.code == 2
    assert words in result.error


def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    talk: Path, tmp_path: Path
) -> None:
    for output, words in (
        (tmp_path / "no" / "out.wav", f"there is no folder {tmp_path / 'no'}; run: mkdir -p"),
        (tmp_path, "is a folder"),
        (
            tmp_path / "out.mp4",
            "does not end in .wav, .flac, .mp3, .ogg, .opus, .m4a, .m4b; did you mean mp3?",
        ),
        (tmp_path / "out", "does not end in .wav"),
        ("", "names no file"),
    ):
        result, modules = run_and_list_modules("synth", talk, "-o", output, *QUICK)
        assert result.code == 2
        assert words in result.error
        assert "torch" not in modules
    assert list(tmp_path.iterdir()) == []


def test_the_default_model_and_voices_are_the_bundled_ones(talk: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.wav"
    flags = ("--cache-dir", tmp_path / "cache", "--limit-turns", "1", "--speaker", "S2=clara")
    result = run("synth", talk, "-o", output, *flags).done()
    assert "a small demonstration model" in result.said[0]
    assert "podtts model pull soulx-podcast-1.7b" in result.said[0]
    assert "S1=anna (cached), S2=clara (cached)" in result.stderr
    assert soundfile.info(output).duration > 0.5


def test_an_unprepared_voice_is_refused_before_any_weight_is_read(
    prepared: Path, own_model: Path, tmp_path: Path
) -> None:
    script = tmp_path / "talk.txt"
    script.write_text("// a guest\n\n[ben] Hello, everybody.\n[bena] Hello, Ben.\n")
    for name in ("model.safetensors", "flow.pt", "hift.pt"):
        (own_model / name).write_bytes(b"damaged")
    flags = ("--model", own_model, "--cache-dir", prepared)
    result = run("synth", script, "-o", tmp_path / "out.wav", *flags)
    assert result.code == 3
    assert result.error.startswith(
        f"{script}:4: no voice 'bena' is prepared for bena; did you mean ben?; "
        "run: podtts prep bena.wav"
    )


def test_an_unknown_dtype_is_refused_before_voices_are_looked_up(
    talk: Path, tmp_path: Path
) -> None:
    out, empty = tmp_path / "out.wav", tmp_path / "cache"
    result = run("synth", talk, "-o", out, *QUICK, "--cache-dir", empty, "--dtype", "flot32")
    assert result.code == 2
    assert "unknown dtype 'flot32'; did you mean float32?" in result.error


@pytest.mark.skipif("cuda" in available_devices(), reason="this machine has CUDA")
def test_a_missing_device_is_refused(talk: Path, tmp_path: Path) -> None:
    options = (*QUICK, "--cache-dir", tmp_path / "cache", "--device", "cuda")
    result = run("synth", talk, "-o", tmp_path / "out.wav", *options)
    assert result.code == 5
    assert "device 'cuda' is not available" in result.error


def test_a_damaged_checkpoint_leaves_the_old_episode(
    talk: Path, prepared: Path, own_model: Path, tmp_path: Path
) -> None:
    state = torch.load(own_model / "flow.pt", weights_only=True)
    del state["spk_embed_affine_layer.weight"]
    torch.save(state, own_model / "flow.pt")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "out.wav").write_bytes(b"an older episode")
    flags = ("--model", own_model, "--cache-dir", prepared)
    result = run("synth", talk, "-o", folder / "out.wav", *flags)
    assert result.code == 4
    assert str(own_model / "flow.pt") in result.said[-1]
    assert "spk_embed_affine_layer.weight is missing" in result.said[-1]
    assert "Traceback" not in result.stderr
    assert hidden_files(folder) == []
    assert (folder / "out.wav").read_bytes() == b"an older episode"


# How it ends early


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "podtts: stopped (SIGINT)"),
        (signal.SIGTERM, 143, "podtts: stopped (SIGTERM)"),
        (signal.SIGKILL, -9, None),
    ],
)
def test_a_stopped_run_leaves_the_old_episode(
    long_talk: Path,
    prepared: Path,
    tmp_path: Path,
    number: signal.Signals,
    code: int,
    words: str | None,
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    out = folder / "out.wav"
    out.write_bytes(b"an older episode")
    flags = ("--cache-dir", prepared, "--verbose")
    with started("synth", long_talk, "-o", out, *QUICK, *flags) as running:
        running.wait_for("stage=vocoder")  # then it waits to be read
        running.process.send_signal(number)
        result = running.finish()
    assert result.code == code
    assert out.read_bytes() == b"an older episode"
    assert "Traceback" not in result.stderr
    if words:
        assert result.said[-1] == words
        assert hidden_files(folder) == []


def test_a_closed_pipe_ends_the_run(long_talk: Path, prepared: Path) -> None:
    with started("synth", long_talk, "-o", "-", *QUICK, "--cache-dir", prepared) as running:
        assert running.stdout.read(4) == b"RIFF"
        running.stdout.close()
        result = running.finish()
    assert result.code == 1
    assert "Traceback" not in result.stderr
    assert "Error" not in result.stderr


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_full_disk_is_one_line(talk: Path, prepared: Path) -> None:
    result = run("synth", talk, "-o", FULL, *QUICK, "--cache-dir", prepared)
    assert result.code == 5
    assert result.said[-1] == (
        "podtts: /dev/full: cannot be written: No space left on device; name another file or device"
    )
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_terminal_shows_every_turn(prepared: Path, tmp_path: Path) -> None:
    script = tmp_path / "talk.json"  # whose labels may be anything
    turns = [["[/b]", "Good [evening!"], ["[/b]", "Is it?"]]
    script.write_text(json.dumps({"speakers": {"[/b]": {}}, "text": turns}))
    screen, terminal = os.openpty()
    command: list[str | Path] = [sys.executable, "-m", "podtts", "synth", script]
    flags = ("-o", tmp_path / "out.wav", "--cache-dir", prepared, "--speaker", "[/b]=anna")
    with subprocess.Popen(
        [*command, *QUICK, *flags],
        stdin=subprocess.DEVNULL,
        stderr=terminal,
        env=environment({"TERM": "xterm"}),
    ) as process:
        os.close(terminal)
        shown = b""
        with open(screen, "rb", buffering=0) as stream:  # noqa: PTH123 (a descriptor, no path)
            try:
                while read := stream.read(4096):
                    shown += read
            except OSError:  # how Linux says that the terminal's last user has gone
                pass
        assert process.wait() == 0
    assert b"turn 1/2" in shown
    assert b"turn 2/2" in shown
    assert b"-:--:-- left" in shown
    assert re.search(rb"\d:\d\d:\d\d left", shown)
    assert b"[[/b]] Good [evening!" in shown


def test_a_flag_changes_a_part_of_a_preset(talk: Path, own_cache: Path) -> None:
    """The preset fast has int4 weights; --quantize wins over it."""
    flags = (
        "synth",
        talk,
        "-o",
        "-",
        "--model",
        MODEL,
        "--cache-dir",
        own_cache,
        "--limit-turns",
        "1",
    )
    fast = run(*flags, "--preset", "fast").done()
    assert "with int4 weights" in fast.stderr
    assert len(list((own_cache / "quantized").iterdir())) == 1
    assert run(*flags, "--preset", "fast").done().stdout == fast.stdout
    unquantized = run(*flags, "--preset", "fast", "--quantize", "none").done()
    assert "int4" not in unquantized.stderr
    assert unquantized.stdout != fast.stdout
    wrong = run(*flags, "--preset", "slow")
    assert wrong.code == 2
    assert "unknown preset 'slow'" in wrong.error


def test_a_cache_that_cannot_be_written_is_one_warning(
    speakers: Path, talk: Path, tmp_path: Path
) -> None:
    """Prompts, the state after them and quantized weights would all be stored there."""
    (tmp_path / "file").touch()
    flags = ("--cache-dir", tmp_path / "file" / "cache", "--speakers", speakers, "--preset", "fast")
    result = run("synth", talk, "-o", "-", *QUICK, "--limit-turns", "1", *flags).done()
    assert len([line for line in result.said if "cannot be written" in line]) == 1
    assert len(result.stdout) > HEADER_BYTES
