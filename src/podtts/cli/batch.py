"""`podtts batch`: a folder or manifest of scripts to episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from podtts.cli.batch_source import check_folder, find_voices, opened
from podtts.cli.flags import (
    CacheDirOption,
    DeviceOption,
    DtypeOption,
    FlowPrecisionOption,
    FlowSolverOption,
    FlowStepsOption,
    LexiconOption,
    ModelOption,
    NormalizeOption,
    PrefixCacheOption,
    PresetOption,
    QuantizeOption,
    RetriesOption,
    SeedOption,
    SpeakerOption,
    SpeakersOption,
    ThreadsOption,
)
from podtts.cli.locations import cache_root, model_directory
from podtts.cli.messages import fail, say, warn
from podtts.cli.publish_flags import (
    ArtistOption,
    ChaptersOption,
    DateOption,
    GapOption,
    LoudnessOption,
    PageAudioOption,
    RateOption,
    SameSpeakerGapOption,
    SplitOption,
    SubtitlesOption,
    TranscriptOption,
    TrimOption,
    today,
)
from podtts.cli.sampling_flags import (
    MaxTurnTokensOption,
    RepetitionPenaltyOption,
    TemperatureOption,
    TopKOption,
    TopPOption,
    sampling_options,
)
from podtts.errors import PartialError
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.presets import DEFAULT_PRESET, choose_preset
from podtts.publish.option_names import with_given
from podtts.publish.publish_options import BESIDE, PublishOptions
from podtts.rates import OUTPUT_HZ

_SAMPLING, _SYNTHESIS, _PUBLISHING = SamplingOptions(), SynthesisOptions(), PublishOptions()


def batch(
    scripts: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPTS",
            help="A folder of scripts (.txt, .json), or a manifest (JSON Lines); - reads a "
            "manifest from stdin.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder of the episodes: ID.wav (or another --format), and what goes with it.",
        ),
    ],
    speaker: SpeakerOption = None,
    speakers: SpeakersOption = None,
    lexicon: LexiconOption = None,
    normalize: NormalizeOption = True,
    rows: Annotated[
        int | None,
        typer.Option(
            "--batch",
            min=1,
            metavar="N",
            help="Scripts side by side on a device; default: as memory allows.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check scripts and voices; speak nothing.")
    ] = False,
    model: ModelOption = None,
    cache_dir: CacheDirOption = None,
    seed: SeedOption = _SYNTHESIS.seed,
    device: DeviceOption = "auto",
    devices: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Devices to work at once: cuda:0,cuda:1, or all; one process each."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Processes a device, or actors of a cluster; default: 1."
        ),
    ] = None,
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = None,
    preset: PresetOption = DEFAULT_PRESET,
    quantize: QuantizeOption = None,
    flow_steps: FlowStepsOption = None,
    flow_solver: FlowSolverOption = None,
    flow_precision: FlowPrecisionOption = None,
    temperature: TemperatureOption = None,
    top_k: TopKOption = _SAMPLING.top_k,
    top_p: TopPOption = _SAMPLING.top_p,
    repetition_penalty: RepetitionPenaltyOption = None,
    max_turn_tokens: MaxTurnTokensOption = None,
    limit_turns: Annotated[
        int | None, typer.Option(metavar="N", help="Speak the first turns of each script alone.")
    ] = None,
    retries: RetriesOption = _SYNTHESIS.retries,
    keep: Annotated[
        bool,
        typer.Option("--keep/--no-keep", help="Keep the journals of finished episodes."),
    ] = True,
    prefix_cache: PrefixCacheOption = True,
    gap: GapOption = _PUBLISHING.layout.gap_seconds,
    gap_same_speaker: SameSpeakerGapOption = None,
    trim_silence: TrimOption = False,
    format_name: Annotated[
        str,
        typer.Option("--format", metavar="NAME", help="wav, flac, mp3, ogg (Vorbis) or opus."),
    ] = _PUBLISHING.format,
    sample_rate: RateOption = OUTPUT_HZ,
    loudness: LoudnessOption = None,
    split: SplitOption = None,
    subtitles: SubtitlesOption = None,
    chapters: ChaptersOption = False,
    transcript: TranscriptOption = False,
    page: Annotated[
        bool, typer.Option("--page", help="Also write a web page of each episode, ID.html.")
    ] = False,
    page_audio: PageAudioOption = _PUBLISHING.page_audio,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="Of all episodes; default: their ids.")
    ] = "",
    artist: ArtistOption = "",
    date: DateOption = "",
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on a Ray cluster: HOST:PORT of its head, auto, or local to start one here.",
        ),
    ] = None,
    ray_results: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            help="shared: actors write to DIR, which all nodes see; driver: files are sent here.",
        ),
    ] = "shared",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print a line for every episode and worker.")
    ] = False,
) -> None:
    """Speak many scripts, side by side. A second call of the same command goes on.

    A line of a manifest: {"id": "monday", "script": "monday.txt", "speakers": {"S1": "anna"}}
    or "turns": [["S1", "Hello."]] in place of "script", and options of synth, such as "seed",
    "format" or "subtitles".
    """
    from podtts.batch.request import EpisodeSettings
    from podtts.cli.batch_run import WorkerFlags, synthesize_all
    from podtts.script.cast import parse_speaker_flags
    from podtts.script.spoken import SpeechTextOptions
    from podtts.text.lexicon import read_lexicons

    # Cheap things first: nothing is loaded before all that can be refused has been looked at.
    chosen = choose_preset(preset, quantize, flow_steps, flow_solver, flow_precision)
    directory = model_directory(model)
    options = SynthesisOptions(
        seed=seed,
        sampling=sampling_options(
            directory,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            repetition_penalty=repetition_penalty,
            max_tokens=max_turn_tokens,
        ),
        flow=chosen.flow,
        limit_turns=limit_turns,
        retries=retries,
        check_length=max_turn_tokens is None,
    )
    flags = parse_speaker_flags(speaker or [])
    worker_flags = WorkerFlags(device, devices, workers, threads, ray, ray_results)
    check_folder(output)
    root = cache_root(cache_dir)
    speech = SpeechTextOptions(read_lexicons(lexicon or []), normalize)
    given = {
        "format": format_name,
        "sample_rate": sample_rate,
        "loudness": loudness,
        "gap": gap,
        "gap_same_speaker": gap_same_speaker,
        "trim_silence": trim_silence,
        "split": split,
        "subtitles": subtitles,
        "chapters": chapters,
        "transcript": transcript,
        "page": BESIDE if page else None,
        "page_audio": page_audio,
        "title": title,
        "artist": artist,
        "date": date,
    }
    publishing = with_given(PublishOptions(), given)
    defaults = EpisodeSettings(options, flow_precision is not None, flags, speech, publishing)
    with opened(scripts, defaults) as source:
        voices = find_voices(directory, root, speakers)
        from podtts.batch.plan import make_plan
        from podtts.batch.task import Setup
        from podtts.engine.compatibility import TagCheck

        tags = TagCheck(directory)
        plan = make_plan(
            source, voices, tags, output, flags, lambda error: fail(error.problem, error.hint), warn
        )
        if check:
            count = len(plan.entries) + len(plan.failed)
            say(f"{len(plan.entries)} of {count} scripts can be spoken")
            if plan.failed:
                raise PartialError(f"{len(plan.failed)} scripts cannot be spoken")
            return
        setup = Setup(
            directory=directory.resolve(),
            device=device,
            dtype=dtype,
            quantize=chosen.quantize,
            keeps_quantize=quantize is not None,
            threads=threads,
            rows=rows,
            share=1,
            longest_turn=options.sampling.max_tokens,
            most=max(1, len(plan.entries)),
            root=root.resolve(),
            keeps_prefix=prefix_cache,
            output=output.resolve(),
            day=today(),
        )
        synthesize_all(plan, source, voices, setup, worker_flags, keep=keep, verbose=verbose)
