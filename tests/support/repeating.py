"""How a run that was interrupted is repeated."""

from pathlib import Path


def again(command: tuple[str | Path, ...], output: Path) -> tuple[str | Path, ...]:
    """Return the command that goes on after an interrupted one.

    output: the file of `synth`, as the test sees it. `batch` and `prep` go on by themselves.
    """
    journal = output.with_name(f"{output.name}.podtts") / "turns.jsonl"
    began = journal.exists() and b"\n" in journal.read_bytes()
    return (*command, "--resume") if command[0] == "synth" and began else command
