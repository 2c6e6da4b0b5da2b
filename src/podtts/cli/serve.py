"""`podtts serve`: answers requests for speech over HTTP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from podtts.cli.flag_groups import with_flag_groups
from podtts.cli.flags import LexiconOption, ModelFlags, PrefixCacheOption, QuietFlag, named_path
from podtts.cli.locations import jobs_dir
from podtts.cli.messages import check_loudness, say, warn_once
from podtts.cli.publish_flags import today
from podtts.cli.serve_flags import AccessFlags, LimitFlags
from podtts.cli.speed_flags import SpeedFlags
from podtts.cli.synthesis_flags import SynthesisFlags
from podtts.errors import UsageError


@with_flag_groups
def serve(
    model_flags: ModelFlags,
    speed: SpeedFlags,
    synthesis: SynthesisFlags,
    access: AccessFlags,
    limits: LimitFlags,
    names: Annotated[
        Path | None,
        typer.Option(
            "--names",
            metavar="FILE",
            parser=named_path,
            help="JSON with other names of voices and of the model, such as OpenAI's: "
            '{"voices": {"alloy": "anna"}, "models": ["tts-1"]}.',
        ),
    ] = None,
    lexicon: LexiconOption = None,
    jobs: Annotated[
        Path | None,
        typer.Option(
            "--jobs",
            metavar="DIR",
            parser=named_path,
            help="Folder of the jobs; default: one in the user's data.",
        ),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            "--rows",
            min=1,
            max=64,
            metavar="N",
            help="Requests that the engine computes at a time; default: as many as memory allows, "
            "at most 8.",
        ),
    ] = None,
    prefix_cache: PrefixCacheOption = True,
    check: Annotated[
        bool, typer.Option("--check", help="Check model, voices and options; serve nothing.")
    ] = False,
    quiet: QuietFlag = False,
) -> None:
    """Serve speech over HTTP: OpenAI's endpoint, dialogues, sound as it is made.

    \b
    Examples:
      podtts serve
      podtts serve --model soulx-podcast-1.7b --port 9000 --queue 8
      podtts serve --host 0.0.0.0 --token-file tokens.txt

    Seed, sampling and speed are the defaults of requests, which may have their own.
    It needs the extra serve: pip install 'podtts[serve]'.
    """
    check_loudness(quiet=quiet, verbose=False)
    check_installed()
    # Checks that need no model come first, so that a mistake is reported at once.
    chosen, directory, root = (
        speed.chosen_preset(),
        model_flags.directory(),
        model_flags.cache_root(),
    )
    options = synthesis.options(directory, chosen.flow, None)
    from podtts.batch.request import EpisodeSettings
    from podtts.script.spoken import SpeechTextOptions
    from podtts.serve.job_store import locked_folder
    from podtts.serve.server import listening
    from podtts.serve.server import serve as serve_until_stopped
    from podtts.serve.setup import Reporting, ServerSetup
    from podtts.serve.voices import OtherNames, VoiceShelf
    from podtts.text.lexicon import read_lexicons
    from podtts.weights.voices import checkpoint_voices

    placement = speed.placement()
    sources = checkpoint_voices(directory, root, None, warn_once)
    setup = ServerSetup(
        directory=directory,
        root=root,
        placement=placement,
        sources=sources,
        names=OtherNames() if names is None else OtherNames.read(names),
        defaults=EpisodeSettings(
            replace(options, flow=speed.flow_on(placement)),
            speed.flow_precision is not None,
            speech=SpeechTextOptions(read_lexicons(lexicon or [])),
        ),
        flow_cache=speed.flow_cache_mb,
        rows=rows,
        limits=limits.limits(),
        host=access.host,
        port=access.port,
        jobs=jobs_dir(jobs),
        tokens=access.tokens(),
        origins=tuple(access.cors or ()),
        keeps_prefix=prefix_cache,
    )
    today()  # refuses a date that is none
    VoiceShelf(sources, setup.names).check_names()
    if check:
        say(f"model {directory}, {placement}: nothing is wrong")
        return
    with locked_folder(setup.jobs), listening(setup.host, setup.port) as listener:
        say(f"model {directory}, {placement}, loading")
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        say(f"listening on http://{shown}:{port}")
        received = serve_until_stopped(setup, listener, Reporting(say, warn_once, today))
    if received is not None:
        raise typer.Exit(128 + received)


def check_installed() -> None:
    """Raise UsageError where the extra is not installed."""
    from importlib.util import find_spec

    missing = [
        package
        for package, module in (
            ("fastapi", "fastapi"),
            ("uvicorn", "uvicorn"),
            ("prometheus-client", "prometheus_client"),
            ("python-multipart", "python_multipart"),
        )
        if find_spec(module) is None
    ]
    if missing:
        raise UsageError(
            f"podtts serve needs {', '.join(missing)}", "run: pip install 'podtts[serve]'"
        )
