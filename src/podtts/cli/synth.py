"""`podtts synth`: a script to an episode, written turn by turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from podtts.cli.episode import SynthRun
from podtts.cli.eventlog import EventLog, check_log
from podtts.cli.flags import (
    CacheDirOption,
    DeviceOption,
    DtypeOption,
    FlowPrecisionOption,
    FlowSolverOption,
    FlowStepsOption,
    LexiconOption,
    LogOption,
    ModelOption,
    NormalizeOption,
    PrefixCacheOption,
    PresetOption,
    QuantizeOption,
    RetriesOption,
    ScriptArgument,
    SeedOption,
    SpeakerOption,
    SpeakersOption,
    ThreadsOption,
)
from podtts.cli.locations import cache_root, chosen_placement, model_directory
from podtts.cli.messages import warn
from podtts.cli.output import check_output, is_stream
from podtts.cli.preview import make_preview, show_preview
from podtts.cli.publish_flags import (
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
)
from podtts.cli.reporter import Reporter
from podtts.cli.sampling_flags import (
    MaxTurnTokensOption,
    RepetitionPenaltyOption,
    TemperatureOption,
    TopKOption,
    TopPOption,
    sampling_options,
)
from podtts.cli.scripts import read_spoken
from podtts.cli.takes import Takes, parse_retakes
from podtts.errors import UsageError
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.presets import DEFAULT_PRESET, choose_preset, suited
from podtts.publish.option_names import with_given
from podtts.publish.publish_options import LayoutOptions, PublishOptions, choose_format
from podtts.rates import OUTPUT_HZ

_SAMPLING, _SYNTHESIS, _LAYOUT = SamplingOptions(), SynthesisOptions(), LayoutOptions()


def synth(
    context: typer.Context,
    script: ScriptArgument,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="A file: .wav, .flac, .mp3, .ogg or .opus; - writes to stdout.  [required]",
        ),
    ] = None,
    speaker: SpeakerOption = None,
    speakers: SpeakersOption = None,
    lexicon: LexiconOption = None,
    normalize: NormalizeOption = True,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only list what would be spoken, as podtts check does."),
    ] = False,
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
    temperature: TemperatureOption = None,
    top_k: TopKOption = _SAMPLING.top_k,
    top_p: TopPOption = _SAMPLING.top_p,
    repetition_penalty: RepetitionPenaltyOption = None,
    max_turn_tokens: MaxTurnTokensOption = None,
    limit_turns: Annotated[
        int | None, typer.Option(metavar="N", help="Speak the first turns alone, to audition.")
    ] = None,
    retries: RetriesOption = _SYNTHESIS.retries,
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
    prefix_cache: PrefixCacheOption = True,
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
    from podtts.publish.requirements import check_publishing
    from podtts.script.cast import parse_speaker_flags

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
    if output is None and not dry_run:
        raise UsageError("Missing option '--output' / '-o'", "see podtts synth --help")
    publishing = None
    if output is not None:
        check_output(output)
        given = {
            "format": choose_format(output, format_name, is_stream=is_stream(output)),
            "sample_rate": sample_rate,
            "loudness": loudness,
            "gap": gap,
            "gap_same_speaker": gap_same_speaker,
            "trim_silence": trim_silence,
            "split": split,
            "subtitles": subtitles,
            "chapters": chapters,
            "transcript": transcript,
            "page": page,
            "page_audio": page_audio,
            "title": title,
            "artist": artist,
            "date": date,
        }
        publishing = with_given(PublishOptions(), given)
    dialogue = read_spoken(script, lexicon, normalize=normalize)
    overrides = parse_speaker_flags(speaker or [])
    if output is not None and publishing is not None:
        check_publishing(publishing, output, dialogue, stream=is_stream(output))
        check_log(log_json, output, script, page)
    if output is None or publishing is None or dry_run:
        show_preview(make_preview(dialogue, overrides, directory, cache_root(cache_dir), speakers))
        return
    for line in dialogue.warnings:
        warn(line)
    placement = chosen_placement(
        device, dtype, chosen.quantize, threads, asked=quantize is not None
    )
    if flow_precision is None:
        options = replace(options, flow=suited(options.flow, placement))
    takes = Takes(resume, parse_retakes(retake, len(dialogue.turns)), keep)
    with EventLog(log_json) as log:
        log.start(context.params, model=directory, placement=placement)
        planned, on = dialogue.turns[:limit_turns], placement.device.type
        tell = Reporter(dialogue, planned, on, log, verbose=verbose)
        run = SynthRun(
            dialogue, output, options, publishing, takes, tell, keeps_prefix=prefix_cache
        )
        run.gather(directory, overrides, cache_root(cache_dir), speakers)
        run.synthesize(directory, placement)
