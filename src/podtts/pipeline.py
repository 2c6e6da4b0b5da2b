"""One script and its speakers' prompts in, finished audio out, turn by turn.

Every turn is yielded as soon as its audio exists; consumers write, report, caption.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from podtts.device.placement import has_graphs, place
from podtts.engine.compatibility import check_compatibility
from podtts.engine.engine import Engine, RequestFailed
from podtts.engine.sequence import Request
from podtts.llm.prefix import PrefixStore
from podtts.options import SynthesisOptions
from podtts.script.model import Script
from podtts.values import SpeakerPrompt, SpeechTokens, TurnAudio
from podtts.weights.load import Models, load_models


class Synthesizer:
    """A loaded checkpoint that speaks scripts.

    prefixes: where the LLM's state after the prompts is kept between runs; None: nowhere.
    """

    def __init__(self, models: Models, prefixes: PrefixStore | None = None) -> None:
        self.models = models
        self.prefixes = prefixes
        self._idle: list[Engine] = []  # at most one, and only where steps are recorded

    @classmethod
    def from_checkpoint(
        cls, directory: Path | str, *, device: str = "auto", dtype: str = "auto"
    ) -> Synthesizer:
        """Load a checkpoint folder; `dtype` is the LLM's.

        Raises ModelError for a bad checkpoint, DeviceError for a device that is not there.
        """
        return cls(load_models(Path(directory), place(device, dtype)))

    def synthesize(
        self,
        script: Script,
        prompts: Sequence[SpeakerPrompt],
        options: SynthesisOptions | None = None,
        *,
        spoken: Mapping[int, SpeechTokens] | None = None,
        attempts: Mapping[int, int] | None = None,
    ) -> Iterator[TurnAudio]:
        """Speak a script, yielding every turn as soon as its audio exists.

        options:    None: the usual ones, drawing as the checkpoint says.
        prompts:    one per label of the script, in the script's order.
        spoken:     turns (by 0-based number) said in an earlier run: heard by the turns after them,
                    not spoken again and not yielded.
        attempts: for turns that are to be drawn differently, which of the seed's draws to begin
                    with; 0 is the first.
        A turn that fails a check (podtts.engine.checks) is tried again up to options.retries times;
        the problems of the last attempt stand in TurnAudio.problems.
        The first turn's LLM seconds include reading the prompts.
        Raises InputError for prompts that do not fit script or checkpoint, before any work.
        """
        check_compatibility(self.models, script, prompts)
        options = options or SynthesisOptions(sampling=self.models.sampling)
        job = Request(script.source, script, prompts, options, spoken or {}, attempts or {})
        return self._turns(job)

    def _turns(self, job: Request) -> Iterator[TurnAudio]:
        ensemble = self._idle.pop() if self._idle else Engine(self.models, self.prefixes, rows=1)
        for told in ensemble.speak([job]):
            if isinstance(told, RequestFailed):
                raise told.error
            yield told[1]
        # Decode steps that were recorded serve the next script, too.
        if has_graphs(self.models.device) and not self._idle:
            self._idle.append(ensemble)
