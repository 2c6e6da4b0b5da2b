"""Many scripts, one loaded checkpoint: dialogues spoken side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from podtts.errors import PodttsError
from podtts.llm.prefix import PrefixStore
from podtts.options import SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.script.model import Script
from podtts.values import SpeakerPrompt, SpeechTokens, TurnAudio
from podtts.weights.load import Models


@dataclass(frozen=True, eq=False)
class Job:
    """One script to be spoken; the fields are those of `Synthesizer.synthesize`."""

    id: str
    script: Script
    prompts: Sequence[SpeakerPrompt]
    options: SynthesisOptions
    spoken: Mapping[int, SpeechTokens] = field(default_factory=dict)
    variations: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class JobFailed:
    """A script that could not be spoken to its end, and why."""

    job: Job
    error: PodttsError


class Ensemble:
    """Speaks scripts side by side.

    rows: how many at most. prefixes: as in `Synthesizer`.
    """

    def __init__(self, models: Models, prefixes: PrefixStore | None = None, *, rows: int) -> None:
        self.rows = rows
        self._synthesizer = Synthesizer(models, prefixes)

    def speak(self, jobs: Iterable[Job | None]) -> Iterator[tuple[Job, TurnAudio] | JobFailed]:
        """Yield every turn as soon as its audio exists; the turns of one job come in order.

        jobs: the next is taken only when a row is free; None says that it is not ready yet.
        A job that fails fails alone.
        """
        for job in jobs:
            if job is None:
                continue
            try:
                turns = self._synthesizer.synthesize(
                    job.script,
                    job.prompts,
                    job.options,
                    spoken=job.spoken,
                    variations=job.variations,
                )
                for audio in turns:
                    yield job, audio
            except PodttsError as error:
                yield JobFailed(job, error)
