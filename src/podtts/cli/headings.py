"""The help of commands with dozens of options: under headings, what is decided first at the top."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

_FIRST = "Options"
HEADINGS = {  # parameters of any command by heading; all others stand under the first
    "Timing and sound": (
        "gap",
        "gap_same_speaker",
        "trim_silence",
        "format_name",
        "sample_rate",
        "loudness",
    ),
    "Files beside the episode": (
        "split",
        "subtitles",
        "chapters",
        "transcript",
        "page",
        "page_audio",
    ),
    "What the files say of themselves": ("title", "artist", "date"),
    "Earlier runs, and turns that fail": ("resume", "retake", "retries", "keep"),
    "Device and speed": (
        "preset",
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
        "prefix_cache",
        "ray",
        "ray_results",
    ),
    "How words become speech": (
        "seed",
        "temperature",
        "top_k",
        "top_p",
        "repetition_penalty",
        "max_turn_tokens",
    ),
    "Being told": ("verbose", "log_json", "help"),
}


class UnderHeadings(TyperCommand):
    """A command whose help groups its options; arguments stand before them."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, each under its heading."""
        heading_of = {name: heading for heading, names in HEADINGS.items() for name in names}
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], _FIRST: []}
        sections |= {heading: [] for heading in HEADINGS}
        for param in self.get_params(ctx):
            if (record := param.get_help_record(ctx)) is not None:
                is_option = param.param_type_name == "option"
                heading = heading_of.get(param.name or "", _FIRST) if is_option else "Arguments"
                sections[heading].append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
