"""podtts as one of the systems that are compared, with the code that users run."""

from __future__ import annotations

from podtts.bench.measure import Measurement
from podtts.bench.speakers import Speakers, speaker_prompts
from podtts.bench.workload import Workload
from podtts.device.memory import peak_memory_bytes, reset_peak_memory
from podtts.device.stopwatch import Stopwatch
from podtts.flow.prompt_states import PromptStates
from podtts.llm.prefix import PrefixStore
from podtts.options import SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.values import StageSeconds
from podtts.weights.load import Models


class PodttsSystem:
    """Synthesizes workloads with `Synthesizer.synthesize`, and prompts from the cache.

    prescribed: turns get the length that their text prescribes; otherwise the model ends them.
    prefixes:   store of the LLM's states after the prompts; the warm-up fills it.
    prompt_states: of the flow behind prompts, which the warm-up fills, too.
    """

    name = "podtts"

    def __init__(
        self,
        models: Models,
        speakers: Speakers,
        options: SynthesisOptions,
        prescribed: bool,
        prefixes: PrefixStore | None = None,
        prompt_states: PromptStates | None = None,
    ) -> None:
        self.synthesizer = Synthesizer(models, prefixes, prompt_states=prompt_states)
        self.speakers, self.options, self.prescribed = speakers, options, prescribed

    def synthesize(self, workload: Workload) -> Measurement:
        device = self.synthesizer.models.device
        cold = self._cold_prompt_seconds()
        reset_peak_memory(device)
        with Stopwatch(device) as cached:
            features = self.speakers.cached()
        options = workload.prescribed(self.options) if self.prescribed else self.options
        audio_seconds, tokens, stages = 0.0, 0, StageSeconds()
        with Stopwatch(device) as wall:
            for turn in self.synthesizer.synthesize(
                workload.script, speaker_prompts(features), options
            ):
                audio_seconds += turn.seconds
                tokens += len(turn.tokens.ids)
                stages += turn.work
        return Measurement(
            audio_seconds=audio_seconds,
            tokens=tokens,
            prompt_cold_seconds=cold,
            prompt_cached_seconds=cached.seconds,
            stages=stages,
            wall_seconds=wall.seconds,
            peak_memory_bytes=peak_memory_bytes(device),
        )

    def _cold_prompt_seconds(self) -> float | None:
        if self.speakers.extract is None:
            return None
        with Stopwatch(self.synthesizer.models.device) as cold:
            self.speakers.extract()
        return cold.seconds
