"""`podtts synth`: synthesizes the episode of a script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from podtts.cli.ear_flags import VerifyFlags
from podtts.cli.earlier_run import EarlierRun, parse_retakes
from podtts.cli.episode import SynthRun
from podtts.cli.eventlog import EventLog, check_log
from podtts.cli.flag_groups import with_flag_groups
from podtts.cli.flags import (
    KeepOption,
    ModelFlags,
    PrefixCacheOption,
    QuietFlag,
    ScriptArgument,
    ScriptFlags,
    named_path,
)
from podtts.cli.idle_flags import idle_flags, refuse_idle
from podtts.cli.messages import check_loudness, warn
from podtts.cli.output import check_output, is_stream
from podtts.cli.preview import make_preview, show_preview
from podtts.cli.publish_flags import PublishFlags
from podtts.cli.reporter import Reporter
from podtts.cli.scripts import read_spoken_script
from podtts.cli.speed_flags import SpeedFlags
from podtts.cli.synthesis_flags import SynthesisFlags
from podtts.errors import UsageError
from podtts.publish.publish_options import choose_format


@with_flag_groups
def synth(
    context: typer.Context,
    script: ScriptArgument,
    script_flags: ScriptFlags,
    model_flags: ModelFlags,
    speed: SpeedFlags,
    synthesis: SynthesisFlags,
    hearing: VerifyFlags,
    publish: PublishFlags,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Audio file: .wav, .flac, .mp3, .ogg, .opus, .m4a or .m4b; - writes to stdout.  "
            "[required]",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Synthesize nothing; list the turns like podtts check."),
    ] = False,
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="wav, flac, mp3, ogg (Vorbis), opus, m4a or m4b; default: from the name of OUT, "
            "wav for stdout.",
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page",
            metavar="FILE",
            parser=named_path,
            help="Also write a web page with player, waveform and transcript, in one file.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue an earlier run of OUT, or fail where its options differ; without this "
            "flag, such a run is set aside.",
        ),
    ] = False,
    resume_anyway: Annotated[
        bool,
        typer.Option(
            "--resume-anyway",
            help="Continue an earlier run of OUT also where another device, library, compiled code "
            "or number of threads computed it.",
        ),
    ] = False,
    keep_later: Annotated[
        bool,
        typer.Option(
            "--keep-later",
            help="Continue an earlier run of OUT after an edit, and keep also the unchanged turns "
            "behind the first change.",
        ),
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Set an earlier run of OUT aside and begin anew."),
    ] = False,
    retake: Annotated[
        str | None,
        typer.Option(
            metavar="N,N", help="Synthesize only these turns of an earlier run of OUT again."
        ),
    ] = None,
    keep: KeepOption = True,
    prefix_cache: PrefixCacheOption = True,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Print [PERF] lines with the seconds of each stage."),
    ] = False,
    quiet: QuietFlag = False,
    log_json: Annotated[
        str | None,
        typer.Option(
            "--log-json",
            metavar="FILE",
            help="Append events to FILE, one JSON object a line; - writes them to stdout.",
        ),
    ] = None,
) -> None:
    """Synthesize the episode of a script. The default is a mono WAV file, 24 kHz and 16 bit.

    \b
    Examples:
      podtts synth talk.txt -o talk.wav
      podtts synth talk.txt -o talk.mp3 --speaker S1=anna --speaker S2=ben --loudness -16
      podtts synth talk.txt -o talk.wav --retake 4,7

    The labels of the script are S1 and S2 here; podtts check lists those of yours.
    """
    from podtts.publish.episode_files import check_writable
    from podtts.publish.requirements import check_publishing
    from podtts.script.preflight import script_warnings

    check_loudness(quiet=quiet, verbose=verbose)
    # Checks that need no model come first, so that a mistake is reported at once.
    chosen, directory = speed.chosen_preset(), model_flags.directory()
    options = synthesis.options(directory, chosen.flow, hearing.limit())
    recognizer = hearing.folder()
    if output is None and not dry_run:
        raise UsageError("Missing option '--output' / '-o'", "see podtts synth --help")
    publishing = None
    if output is not None:
        check_output(output)
        stream = is_stream(output)
        if stream and recognizer is not None:
            raise UsageError(
                f"--verify cannot take back what -o {output} has sent", "write to a file"
            )
        publishing = publish.options(choose_format(output, format_name, is_stream=stream), page)
        refuse_idle(idle_flags(publish, speed, publishing, options.flow))
    overrides, root = script_flags.voice_overrides(), model_flags.cache_root()
    speech, reading = script_flags.speech_text(), script_flags.reading(root)
    dialogue = read_spoken_script(script, speech, reading)
    retakes = parse_retakes(retake, len(dialogue.turns))
    earlier = EarlierRun(resume, resume_anyway, keep_later, fresh, retakes, keep)
    if output is not None and publishing is not None:
        check_publishing(publishing, output, dialogue, stream=stream)
        if not stream:
            check_writable(Path(output), publishing)
        check_log(log_json, output, script, page)
    if output is None or publishing is None or dry_run:
        show_preview(make_preview(dialogue, overrides, directory, root, script_flags.speakers))
        return
    for warning in script_warnings(dialogue, directory):
        warn(warning)
    placement = speed.placement()
    options = replace(options, flow=speed.flow_on(placement))
    with EventLog(log_json) as log:
        log.start(context.params, model=directory, placement=placement)
        planned = dialogue.turns[: options.limit_turns]
        reporter = Reporter(dialogue, planned, placement.device.type, log, verbose=verbose)
        run = SynthRun(
            dialogue,
            output,
            options,
            publishing,
            earlier,
            reporter,
            recognizer,
            keeps_prefix=prefix_cache,
            names_model=model_flags.model is not None,
            flow_cache=speed.flow_cache_mb,
        )
        run.gather(directory, overrides, root, script_flags.speakers)
        run.synthesize(directory, placement)
