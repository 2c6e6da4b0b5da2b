"""Help of the commands with dozens of options: in panels, with the most used options first."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from podtts.cli.help_groups import help_records

_ARGUMENTS = "Arguments"
PANELS: dict[str, tuple[str, ...]] = {  # parameters of any command, in the order of the help
    "Most used": (
        "output",
        "speaker",
        "speakers",
        "model",
        "host",
        "port",
        "random_weights",
        "preset",
        "workload",
        "repeat",
        "json_file",
    ),
    "Text": ("dry_run", "check", "limit_turns", "lexicon", "normalize", "directions"),
    "Access": ("token_file", "cors", "names"),
    "Jobs": ("jobs", "keep_days"),
    "Limits": (
        "queue",
        "max_characters",
        "max_turns",
        "max_seconds",
        "deadline",
        "max_jobs",
        "max_job_seconds",
        "stop_seconds",
    ),
    "Pauses and loudness": ("gap", "gap_same_speaker", "trim_silence", "loudness", "balance"),
    "Music": ("intro", "outro", "music", "music_below"),
    "Output files": (
        "format_name",
        "bitrate",
        "sample_rate",
        "subtitles",
        "chapters",
        "transcript",
        "split",
        "page",
        "page_audio",
    ),
    "Metadata": ("title", "artist", "date", "cover", "c2pa"),
    "Resume and retry": (
        "resume",
        "resume_anyway",
        "keep_later",
        "fresh",
        "retake",
        "retries",
        "keep",
    ),
    "Listening": ("verify", "verify_limit", "recognizer"),
    "Other measurements": (
        "against",
        "quality",
        "sweep",
        "scripts",
        "first_audio",
        "batch",
        "picture",
    ),
    "Device and speed": (
        "device",
        "devices",
        "dtype",
        "threads",
        "rows",
        "workers",
        "quantize",
        "flow_steps",
        "flow_solver",
        "flow_precision",
        "flow_mode",
        "flow_cache",
        "cache_dir",
        "prefix_cache",
    ),
    "Ray cluster": ("ray", "ray_results"),
    "Sampling": (
        "seed",
        "temperature",
        "top_k",
        "top_p",
        "repetition_penalty",
        "max_turn_tokens",
        "context_turns",
    ),
    "Logging and help": ("verbose", "quiet", "log_json", "help"),
}


class CommandWithPanels(TyperCommand):
    """A command whose help shows its arguments, and then its options in panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write every panel that has a parameter."""
        arguments: list[tuple[str, str]] = []
        options: dict[str, tuple[str, str]] = {}
        for param, record in help_records(self, ctx):
            if param.param_type_name == "argument":
                arguments.append(record)
            else:
                options[param.name or ""] = record
        panels = {_ARGUMENTS: arguments}
        for panel, names in PANELS.items():
            panels[panel] = [options.pop(name) for name in names if name in options]
        assert not options, f"options without a panel: {', '.join(options)}"
        for panel, records in panels.items():
            if records:
                with formatter.section(panel):
                    formatter.write_dl(records)
