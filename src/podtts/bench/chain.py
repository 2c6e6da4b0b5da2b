"""podtts itself as a side of the comparison: what is measured is what users get."""

from __future__ import annotations

from podtts.bench.cast import Cast, speaker_prompts
from podtts.bench.measure import Sample
from podtts.bench.workload import Workload
from podtts.device.memory import peak_memory_bytes, reset_peak_memory
from podtts.device.stopwatch import Stopwatch
from podtts.llm.prefix import PrefixStore
from podtts.options import SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.values import StageSeconds
from podtts.weights.load import Models


class PodttsChain:
    """Speaks workloads through `Synthesizer.synthesize`, prompts from the cache.

    prescribed: turns get the length of their text; else the model ends them.
    prefixes:   where the LLM's state after the prompts is kept; the warm-up fills it.
    """

    name = "podtts"

    def __init__(
        self,
        models: Models,
        cast: Cast,
        options: SynthesisOptions,
        prescribed: bool,
        prefixes: PrefixStore | None = None,
    ) -> None:
        self.synthesizer = Synthesizer(models, prefixes)
        self.cast, self.options, self.prescribed = cast, options, prescribed

    def speak(self, workload: Workload) -> Sample:
        device = self.synthesizer.models.device
        cold = self._cold_seconds()
        reset_peak_memory(device)
        with Stopwatch(device) as cached:
            features = self.cast.cached()
        options = workload.prescribed(self.options) if self.prescribed else self.options
        audio_seconds, tokens, stages = 0.0, 0, StageSeconds()
        with Stopwatch(device) as wall:
            for turn in self.synthesizer.synthesize(
                workload.script, speaker_prompts(features), options
            ):
                audio_seconds += turn.seconds
                tokens += len(turn.tokens.ids)
                stages += turn.work
        peak = peak_memory_bytes(device)
        return Sample(audio_seconds, tokens, cold, cached.seconds, stages, wall.seconds, peak)

    def _cold_seconds(self) -> float | None:
        if self.cast.extract is None:
            return None
        with Stopwatch(self.synthesizer.models.device) as cold:
            self.cast.extract()
        return cold.seconds
