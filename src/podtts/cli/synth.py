"""`podtts synth`: a script to an episode, written turn by turn."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.episode import Episode
from podtts.cli.eventlog import EventLog, check_log
from podtts.cli.messages import warn
from podtts.cli.options import (
    CacheDirOption,
    DeviceOption,
    DtypeOption,
    FlowPrecisionOption,
    FlowSolverOption,
    FlowStepsOption,
    LogOption,
    ModelOption,
    PresetOption,
    QuantizeOption,
    SeedOption,
    ThreadsOption,
)
from podtts.cli.output import check_output, is_stream
from podtts.cli.places import cache_root, chosen_placement, model_directory, suited
from podtts.cli.publishing import (
    ArtistOption,
    ChaptersOption,
    DateOption,
    FormatOption,
    GapOption,
    LoudnessOption,
    PageAudioOption,
    PageOption,
    RateOption,
    SameSpeakerGapOption,
    SplitOption,
    SubtitlesOption,
    TitleOption,
    TranscriptOption,
    TrimOption,
    check_publishing,
)
from podtts.cli.takes import Takes, parse_retakes
from podtts.cli.telling import Telling
from podtts.errors import UsageError
from podtts.options import SamplingOptions, SynthesisOptions, one_of
from podtts.presets import DEFAULT_PRESET, choose_preset
from podtts.publish.options import (
    PAGE_AUDIO,
    SPLITS,
    SUBTITLES,
    LayoutOptions,
    PublishOptions,
    choose_format,
    parse_names,
)
from podtts.rates import OUTPUT_HZ

if TYPE_CHECKING:
    from podtts.script.model import Script

_SAMPLING, _SYNTHESIS, _LAYOUT = SamplingOptions(), SynthesisOptions(), LayoutOptions()


def synth(
    context: typer.Context,
    script: Annotated[
        str, typer.Argument(metavar="SCRIPT", help="A dialogue script; - reads it from stdin.")
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="A file: .wav, .flac, .mp3, .ogg or .opus; - writes to stdout.",
        ),
    ],
    speaker: Annotated[
        list[str] | None,
        typer.Option("--speaker", metavar="LABEL=VOICE", help="Who speaks a label (repeatable)."),
    ] = None,
    speakers: Annotated[
        Path | None,
        typer.Option(
            "--speakers", metavar="DIR", help="Recordings to take voices from before prepared ones."
        ),
    ] = None,
    model: ModelOption = None,
    cache_dir: CacheDirOption = None,
    seed: SeedOption = _SYNTHESIS.seed,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = None,
    preset: PresetOption = DEFAULT_PRESET,
    quantize: QuantizeOption = None,
    flow_steps: FlowStepsOption = None,
    flow_solver: FlowSolverOption = None,
    flow_precision: FlowPrecisionOption = None,
    temperature: Annotated[float, typer.Option(metavar="X")] = _SAMPLING.temperature,
    top_k: Annotated[int, typer.Option(metavar="N")] = _SAMPLING.top_k,
    top_p: Annotated[float, typer.Option(metavar="X")] = _SAMPLING.top_p,
    repetition_penalty: Annotated[
        float, typer.Option(metavar="X", help="On what this turn has already said.")
    ] = _SAMPLING.repetition_penalty,
    max_turn_tokens: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"Longest turn; 25 tokens are a second.  [default: {_SAMPLING.max_tokens}]",
        ),
    ] = None,
    limit_turns: Annotated[
        int | None, typer.Option(metavar="N", help="Speak the first turns alone, to audition.")
    ] = None,
    retries: Annotated[
        int, typer.Option(metavar="N", help="Tries more for a turn that comes out wrong.")
    ] = _SYNTHESIS.retries,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run of this output that was stopped.")
    ] = False,
    retake: Annotated[
        str | None,
        typer.Option(metavar="N,N", help="Speak these turns of a finished run anew, no others."),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep/--no-keep", help="Keep OUT.podtts/, the run's journal, afterwards."),
    ] = True,
    prefix_cache: Annotated[
        bool,
        typer.Option(
            "--prefix-cache/--no-prefix-cache",
            help="Keep what the LLM made of the voices' prompts for the next run.",
        ),
    ] = True,
    gap: GapOption = _LAYOUT.gap_seconds,
    gap_same_speaker: SameSpeakerGapOption = None,
    trim_silence: TrimOption = False,
    format_name: FormatOption = None,
    sample_rate: RateOption = OUTPUT_HZ,
    loudness: LoudnessOption = None,
    split: SplitOption = None,
    subtitles: SubtitlesOption = None,
    chapters: ChaptersOption = False,
    transcript: TranscriptOption = False,
    page: PageOption = None,
    page_audio: PageAudioOption = "embed",
    title: TitleOption = "",
    artist: ArtistOption = "",
    date: DateOption = "",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print [PERF] lines: seconds of every stage.")
    ] = False,
    log_json: LogOption = None,
) -> None:
    """Speak a script: mono, 24 kHz, 16 bit WAV unless you say otherwise."""
    from podtts.script.cast import parse_speaker_flags

    # Cheap things first: nothing is loaded before all that can be refused has been looked at.
    chosen = choose_preset(preset, quantize, flow_steps, flow_solver, flow_precision)
    options = SynthesisOptions(
        seed=seed,
        sampling=SamplingOptions(
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            repetition_penalty=repetition_penalty,
            max_tokens=_SAMPLING.max_tokens if max_turn_tokens is None else max_turn_tokens,
        ),
        flow=chosen.flow,
        limit_turns=limit_turns,
        retries=retries,
        check_length=max_turn_tokens is None,
    )
    check_output(output)
    publishing = PublishOptions(
        layout=LayoutOptions(gap, gap_same_speaker, trim_silence),
        format=choose_format(output, format_name, is_stream=is_stream(output)),
        rate_hz=sample_rate,
        loudness_lufs=loudness,
        splits=parse_names(split, SPLITS, "split"),
        subtitles=parse_names(subtitles, SUBTITLES, "subtitles"),
        chapters=chapters,
        transcript=transcript,
        page=page,
        page_audio=one_of(PAGE_AUDIO, "page-audio", page_audio),
        title=title,
        artist=artist,
        date=date,
    )
    dialogue = _read(script)
    for line in dialogue.warnings:
        warn(line)
    overrides = parse_speaker_flags(speaker or [])
    check_publishing(publishing, output, dialogue, stream=is_stream(output))
    check_log(log_json, output, script, page)
    directory = model_directory(model)
    placement = chosen_placement(device, dtype, chosen.quantize, threads)
    if flow_precision is None:
        options = replace(options, flow=suited(options.flow, placement))
    takes = Takes(resume, parse_retakes(retake, len(dialogue.turns)), keep)
    with EventLog(log_json) as log:
        log.start(context.params, model=directory, placement=placement)
        planned, on = dialogue.turns[:limit_turns], placement.device.type
        tell = Telling(dialogue, planned, on, log, verbose=verbose)
        episode = Episode(
            dialogue, output, options, publishing, takes, tell, keeps_prefix=prefix_cache
        )
        episode.gather(directory, overrides, cache_root(cache_dir), speakers)
        episode.speak(directory, placement)


def _read(script: str) -> Script:
    from podtts.script.read import decode_script, read_script

    if script == "-":
        if sys.stdin is None:  # closed by whoever started this
            raise UsageError("there is no stdin to read the script from", "name a file")
        return decode_script(sys.stdin.buffer.read(), "<stdin>", Path())
    return read_script(Path(script))
