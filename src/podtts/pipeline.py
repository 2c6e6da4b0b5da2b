"""One script and its speakers' prompts in, finished audio out, turn by turn.

    script ─ normalize ─ template ─ LLM ──── flow ── vocoder ── TurnAudio
               prompts ─────────────┴─────────┘

Every turn is yielded as soon as its audio exists; consumers write, report, caption.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from podtts.deprecation import warn_renamed
from podtts.device.placement import compiled_code_problems, has_graphs
from podtts.engine.engine import Engine
from podtts.engine.request import (
    Event,
    Listener,
    Request,
    RequestFailed,
    SoundRendered,
    TurnFinished,
)
from podtts.errors import PodttsError
from podtts.flow.prompt_states import PromptStates
from podtts.llm.prefix import PrefixStore
from podtts.options import SynthesisOptions
from podtts.presets import DEFAULT_PRESET, choose_preset, suited, suited_placement
from podtts.script.model import Script
from podtts.values import AudioChunk, SpeakerPrompt, SpeechTokens, TurnAudio
from podtts.weights.derived import OpenedCheckpoint, open_checkpoint
from podtts.weights.load import Models, load_models

Value = TypeVar("Value")


class Synthesizer:
    """A loaded checkpoint that synthesizes scripts.

    prefixes: where the LLM's state after the prompts is kept between runs; None: nowhere.
    options:  the defaults of `synthesize`; None: those of the published code, with the checkpoint's
              own sampling.
    prompt_states: keeps the flow's states behind prompts from script to script, in the flow's mode
              streaming; None: a store of its own.
    """

    def __init__(
        self,
        models: Models,
        prefixes: PrefixStore | None = None,
        options: SynthesisOptions | None = None,
        prompt_states: PromptStates | None = None,
    ) -> None:
        self.models = models
        self.prefixes = prefixes
        self.options = options or SynthesisOptions(sampling=models.sampling)
        self.prompt_states = PromptStates() if prompt_states is None else prompt_states
        self._idle: list[Engine] = []  # at most one, and only where decode steps are recorded

    @classmethod
    def from_checkpoint(
        cls,
        directory: Path | str,
        *,
        device: str = "auto",
        dtype: str = "auto",
        preset: str = DEFAULT_PRESET,
        cache: Path | None = None,
        warn: Callable[[str], None] = warnings.warn,
    ) -> Synthesizer:
        """Load a checkpoint folder as the command line does.

        dtype:  of the LLM.
        preset: faithful, balanced or fast: the LLM's quantization and how the flow is solved.
        cache:  folder in which quantized weights and the LLM's state after the prompts are kept
                for later runs; None: nowhere.
        warn:   is called with one line for a file of the cache that cannot be used or written, and
                for compiled code that cannot be loaded.
        Raises UsageError for an unknown name, ModelError for a bad checkpoint, DeviceError for a
        device that is not there.
        """
        chosen = choose_preset(preset)
        placement = suited_placement(device, dtype, chosen.quantize)
        for problem in compiled_code_problems(placement):
            warn(problem)
        if cache is None:
            opened = OpenedCheckpoint(load_models(Path(directory), placement), None)
        else:
            opened = open_checkpoint(Path(directory), placement, cache, warn)
        flow, sampling = suited(chosen.flow, placement), opened.models.sampling
        return cls(opened.models, opened.prefixes, SynthesisOptions(sampling=sampling, flow=flow))

    def synthesize(
        self,
        script: Script,
        prompts: Sequence[SpeakerPrompt],
        options: SynthesisOptions | None = None,
        *,
        finished: Mapping[int, SpeechTokens] | None = None,
        attempts: Mapping[int, int] | None = None,
        draws: Mapping[int, int] | None = None,
        listener: Listener | None = None,
        spoken: Mapping[int, SpeechTokens] | None = None,
        variations: Mapping[int, int] | None = None,
    ) -> Iterator[TurnAudio]:
        """Synthesize a script, yielding every turn as soon as its audio exists.

        prompts:    one per label of the script, in the script's order.
        options:    None: `self.options`; `dataclasses.replace` changes some of them.
        finished:   turns (by 0-based index) that an earlier run finished. They are context for the
                    turns after them; they are not synthesized again and not yielded.
        attempts:   the number of the first attempt, for turns (by 0-based index) that do not begin
                    with attempt 0. Every attempt number stands for other random draws.
        draws:      the number of the random draws, for turns (both 0-based) where it is not the
                    turn's, see `EpisodeWriter.draws`.
        listener:   hears every turn, see `Request`; with `options.verify_limit`, turns that it
                    hears otherwise are attempted again.
        spoken, variations: deprecated names of `finished` and `attempts`.

        A turn that fails a check (podtts.engine.checks) is attempted again up to options.retries
        times; TurnAudio.problems holds what is wrong with the attempt that was accepted.
        The first turn's LLM seconds include reading the prompts.
        Raises InputError for prompts that do not fit script or checkpoint, before any work.
        """
        finished = _renamed("spoken", spoken, "finished", finished)
        attempts = _renamed("variations", variations, "attempts", attempts)
        options = options or self.options
        request = Request(
            script.source,
            script,
            prompts,
            options,
            finished or {},
            attempts or {},
            draws or {},
            listener=listener,
        )
        events = self._events(self._engine_with(request))
        return (event.audio for event in events if isinstance(event, TurnFinished))

    def stream(
        self,
        script: Script,
        prompts: Sequence[SpeakerPrompt],
        options: SynthesisOptions | None = None,
        *,
        listener: Listener | None = None,
    ) -> Iterator[AudioChunk]:
        """Synthesize a script, yielding the samples of a turn while the rest of it is decoded.

        The flow's mode must be streaming (`FlowOptions.mode`). Chunks come in order; those of a
        turn have the samples that `synthesize` gives it with `retries=0`: what is heard cannot be
        attempted again. The last chunk of a turn has it as a whole (`AudioChunk.finished`), with
        the checks it failed. For arguments and errors see `synthesize`.
        Raises UsageError for another mode of the flow.
        """
        options = options or self.options
        request = Request(
            script.source, script, prompts, options, listener=listener, reports_sound=True
        )
        events = self._events(self._engine_with(request))
        return (event.chunk for event in events if isinstance(event, SoundRendered))

    def _engine_with(self, request: Request) -> Engine:
        """An engine that has a request. Raises what `Engine.add` raises."""
        if self._idle:
            engine = self._idle.pop()
        else:
            engine = Engine(self.models, self.prefixes, rows=1, prompt_states=self.prompt_states)
        try:
            engine.add(request)
        except PodttsError:
            self._give_back(engine)
            raise
        return engine

    def _events(self, engine: Engine) -> Iterator[Event]:
        for event in engine.run(()):
            if isinstance(event, RequestFailed):
                raise event.error
            yield event
        self._give_back(engine)

    def _give_back(self, engine: Engine) -> None:
        """Keep an engine whose recorded decode steps serve the next script, too."""
        if has_graphs(self.models.device) and not self._idle:
            self._idle.append(engine)


def _renamed(old: str, old_value: Value | None, new: str, value: Value | None) -> Value | None:
    """The value of a keyword argument that may still be given by its old name."""
    if old_value is None:
        return value
    warn_renamed(f"synthesize({old}=...)", new, stacklevel=4)
    return old_value if value is None else value
