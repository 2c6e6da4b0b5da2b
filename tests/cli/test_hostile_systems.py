"""Disks without locks and hard links, quotas, clocks that jump: the same bytes, or one line."""

import errno
import signal
from pathlib import Path

import pytest
from support.commands import run, started
from support.golden_data import MODEL
from support.hostile_system import (
    CLOCK_THAT_JUMPS,
    WITHOUT_LINKS,
    WITHOUT_LOCKS,
    hostile_system,
    quota,
)

FLAGS = ("--model", MODEL, "--flow-steps", "2")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_an_output_has_one_writer_on_a_disk_without_locks(
    number: int, talk: Path, prepared: Path, episode: bytes, tmp_path: Path
) -> None:
    env = hostile_system({"HOSTILE_LOCKS": str(number)}, WITHOUT_LINKS)
    out = tmp_path / "out.wav"
    command = ("synth", talk, "-o", out, *FLAGS, "--cache-dir", prepared)
    with started(*command, "--verbose", env=env) as running:
        running.wait_for("stage=vocoder")
        refused = run(*command, env=env)
        assert refused.code == 2
        assert "another run is writing out.wav" in refused.said[-1]
        running.process.send_signal(signal.SIGKILL)
        running.finish()
    # A killed run holds the lock no longer.
    done = run(*command, env=env).done()
    assert "warning" not in done.stderr.lower()
    assert out.read_bytes() == episode


def test_a_batch_works_on_a_disk_without_locks(talk: Path, prepared: Path, tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "talk.txt").write_bytes(talk.read_bytes())
    env = hostile_system(WITHOUT_LOCKS, WITHOUT_LINKS)
    command = ("batch", scripts, "-o", tmp_path / "out", *FLAGS, "--cache-dir", prepared)
    run(*command, env=env).done()
    assert (tmp_path / "out" / "talk.wav").stat().st_size > 44
    run(*command, env=env).done()


def test_a_quota_is_named(talk: Path, prepared: Path, episode: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    command = ("synth", talk, "-o", out, *FLAGS, "--cache-dir", prepared, "--no-prefix-cache")
    refused = run(*command, env=hostile_system(quota(150_000)))
    assert refused.code == 5
    assert refused.said[-1].endswith(
        "your quota on this disk is used up: make room, then run the same command again"
    )
    assert not out.exists()
    run(*command).done()
    assert out.read_bytes() == episode


def test_a_clock_that_jumps_changes_no_byte(
    talk: Path, prepared: Path, episode: bytes, tmp_path: Path
) -> None:
    env = hostile_system(CLOCK_THAT_JUMPS)
    out, log = tmp_path / "out.wav", tmp_path / "log.jsonl"
    command = ("synth", talk, "-o", out, *FLAGS, "--cache-dir", prepared, "--log-json", log)
    with started(*command, "--verbose", env=env) as running:
        running.wait_for("stage=vocoder")
        running.process.kill()
        running.finish()
    run(*command, env=env).done()
    assert out.read_bytes() == episode
