"""`podtts batch`: synthesizes the episodes of many scripts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.batch_source import check_folder, find_voices, opened
from podtts.cli.ear_flags import VerifyFlags
from podtts.cli.flag_groups import with_flag_groups
from podtts.cli.flags import (
    KeepOption,
    ModelFlags,
    PrefixCacheOption,
    QuietFlag,
    ScriptFlags,
    named_path,
)
from podtts.cli.idle_flags import IdleInBatch
from podtts.cli.messages import check_loudness, fail, say, warn
from podtts.cli.publish_flags import PublishFlags, today
from podtts.cli.speed_flags import SpeedFlags
from podtts.cli.synthesis_flags import SynthesisFlags
from podtts.errors import PartialError
from podtts.publish.publish_options import BESIDE, PublishOptions
from podtts.text.counting import counted

if TYPE_CHECKING:
    from podtts.batch.request import EpisodeRequest


@with_flag_groups
def batch(
    scripts: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPTS",
            help="Folder of scripts (.txt, .json), or a manifest (JSON Lines); - reads a "
            "manifest from stdin.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            parser=named_path,
            help="Folder for the episodes: ID.wav (or another --format) and its other files.",
        ),
    ],
    script_flags: ScriptFlags,
    model_flags: ModelFlags,
    speed: SpeedFlags,
    synthesis: SynthesisFlags,
    hearing: VerifyFlags,
    publish: PublishFlags,
    rows: Annotated[
        int | None,
        typer.Option(
            "--batch",
            min=1,
            metavar="N",
            help="Scripts that a device computes at a time; default: as many as memory allows.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Check all scripts and voices; synthesize nothing."),
    ] = False,
    devices: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Devices to use at the same time, a process each: cuda:0,cuda:1, or all.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Processes per device, or actors of a Ray cluster; default: 1."
        ),
    ] = None,
    keep: KeepOption = True,
    prefix_cache: PrefixCacheOption = True,
    format_name: Annotated[
        str,
        typer.Option(
            "--format", metavar="NAME", help="wav, flac, mp3, ogg (Vorbis), opus, m4a or m4b."
        ),
    ] = PublishOptions().format,
    page: Annotated[
        bool, typer.Option("--page", help="Also write a web page for each episode, ID.html.")
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Use a Ray cluster: HOST:PORT of its head node, auto, or local to start one here.",
        ),
    ] = None,
    ray_results: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE",
            help="shared: the nodes write to DIR, which all of them can access; driver: they send "
            "the files to this machine.  [default: shared]",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print a line for every episode and worker.")
    ] = False,
    quiet: QuietFlag = False,
) -> None:
    """Synthesize the episodes of many scripts, several at a time.

    \b
    Examples:
      podtts batch scripts/ -o episodes/
      podtts batch episodes.jsonl -o episodes/ --format mp3 --subtitles srt --loudness -16
      podtts batch scripts/ -o episodes/ --devices all --preset fast

    A second run of the same command skips finished episodes and continues the others.

    \b
    A line of a manifest:
      {"id": "monday", "script": "monday.txt", "speakers": {"S1": "anna"}}
    "turns": [["S1", "Hello."]] may take the place of "script". Options of synth
    may follow, such as "seed", "format" or "subtitles".
    """
    from podtts.batch.request import EpisodeSettings
    from podtts.cli.batch_run import WorkerFlags, synthesize_all

    check_loudness(quiet=quiet, verbose=verbose)
    # Checks that need no model come first, so that a mistake is reported at once.
    chosen, directory = speed.chosen_preset(), model_flags.directory()
    options = synthesis.options(directory, chosen.flow, hearing.limit())
    recognizer = hearing.folder()
    overrides = script_flags.voice_overrides()
    worker_flags = WorkerFlags(speed.device, devices, workers, speed.threads, ray, ray_results)
    check_folder(output)
    root = model_flags.cache_root()
    speech = script_flags.speech_text()
    publishing = publish.options(format_name, BESIDE if page else None)
    precision_asked = speed.flow_precision is not None
    reading = script_flags.reading(root)
    defaults = EpisodeSettings(options, precision_asked, overrides, speech, publishing, reading)
    with opened(scripts, defaults) as source:
        voices = find_voices(directory, root, script_flags.speakers)
        from podtts.batch.plan import make_plan
        from podtts.batch.task import Setup
        from podtts.engine.compatibility import TextCheck
        from podtts.script.preflight import script_warnings

        idle = IdleInBatch(publish, speed)

        def warnings(request: EpisodeRequest) -> Iterable[str]:
            idle.see(request.settings.publishing, request.settings.options.flow)
            return script_warnings(request.script, directory)

        tags = TextCheck(directory)
        plan = make_plan(
            source,
            voices,
            tags,
            output,
            overrides,
            lambda error: fail(error.problem, error.hint),
            warn,
            warnings,
        )
        if not plan.failed:
            idle.refuse()
        if check:
            count = len(plan.entries) + len(plan.failed)
            say(f"{len(plan.entries)} of {counted(count, 'script')} can be synthesized")
            if plan.failed:
                failed = counted(len(plan.failed), "script")
                raise PartialError(f"{failed} cannot be synthesized")
            return
        setup = Setup(
            directory=directory.resolve(),
            device=speed.device,
            dtype=speed.dtype,
            quantize=chosen.quantize,
            keeps_quantize=speed.quantize is not None,
            threads=speed.threads,
            rows=rows,
            share=1,
            longest_turn=options.sampling.max_tokens,
            most=max(1, len(plan.entries)),
            root=root.resolve(),
            keeps_prefix=prefix_cache,
            flow_cache=speed.flow_cache_mb,
            output=output.resolve(),
            day=today(),
            recognizer=recognizer and recognizer.resolve(),
        )
        synthesize_all(plan, source, voices, setup, worker_flags, keep=keep, verbose=verbose)
