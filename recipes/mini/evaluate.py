"""The figures: what judges hear after every stage, voices, ends of turns, speed; with their n."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from podtts.audio.io import Recording
from podtts.audio.mel import mel_24k
from podtts.audio.volume_normalization import normalize_volume
from podtts.ears.edits import Edits, edits, total_rate
from podtts.engine.render import RenderJob, mels_of
from podtts.options import SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.presets import Preset, suited_placement
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.extract import extract_prompt
from podtts.rates import MEL_HOP, OUTPUT_HZ
from podtts.script.model import Script
from podtts.values import SpeakerPrompt, SpeechTokens, Turn
from podtts.weights.load import load_models
from podtts.weights.voices import checkpoint_encoders
from recipes.mini.f0 import pitch
from recipes.mini.judges import Judges, units_of
from recipes.mini.languages import Languages
from recipes.mini.measures import share, spread
from recipes.mini.phones import phones_of
from recipes.mini.speech import Sources
from recipes.mini.teacher import Teacher
from recipes.mini.voices import SHIPPED, Voice, held_out_voices

_CASTS = (1, 2, 2, 3, 4)
_MOST_TOKENS = 500  # the default, 3000, would spend two minutes on a turn that does not end
_EARLY_SHARE = 0.3  # of the teacher's length; a turn that is shorter has ended immediately
_NEAR = 0.1  # of a voice's own median pitch


@dataclass(frozen=True, eq=False)
class Speaker:
    """A voice, its prompt, and the voice judge's embedding of its recording."""

    voice: Voice
    prompt: SpeakerPrompt
    embedding: Tensor


@dataclass(frozen=True)
class Judged:
    """What the judges made of one stage's audio in one language."""

    errors: list[Edits] = field(default_factory=list)
    naturalness: list[float] = field(default_factory=list)
    similarity: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        return {
            "error": round(total_rate(self.errors), 4),
            "naturalness": spread(self.naturalness),
            "similarity_to_prompt": spread(self.similarity),
            "n": len(self.errors),
        }


class Evaluation:
    """Measures one checkpoint folder."""

    def __init__(
        self, checkpoint: Path, sources: Sources, judges: Path, device: str, preset: Preset
    ) -> None:
        placement = suited_placement(device, "auto", preset.quantize, asked=False)
        self.synthesizer = Synthesizer(load_models(checkpoint, placement))
        self.encoders: PromptEncoders = checkpoint_encoders(checkpoint)
        self.teacher = Teacher(sources.teacher)
        self.languages = Languages.read(sources.wordnet, sources.dictionary)
        self.judges = Judges(judges)
        own = self.synthesizer.models.sampling
        self.options = SynthesisOptions(
            sampling=replace(own, max_tokens=_MOST_TOKENS), flow=preset.flow
        )

    def stages(self, count: int) -> dict[str, Any]:
        """The teacher, the vocoder alone, flow and vocoder, and the full chain from text.

        count: sentences in each language, spread over the shipped voices.
        """
        speakers = [self.speaker(name, voice) for name, voice in SHIPPED.items()]
        names = ("teacher", "vocoder", "flow", "chain")
        judged = {(stage, chinese): Judged() for stage in names for chinese in (False, True)}
        ended: list[bool] = []
        work = audio = 0.0
        for mandarin in (False, True):
            for number, text in enumerate(self.sentences(count, mandarin)):
                speaker = speakers[number % len(speakers)]
                own = self.said(text, speaker.voice)
                tokens = self.tokens(own)
                mel = mel_24k(normalize_volume(own))
                turn = next(self.turns((speaker,), [Turn(0, text)]))
                ended.append(turn.tokens.ended)
                work, audio = work + turn.work.total, audio + turn.seconds
                waves = {
                    "teacher": own,
                    "vocoder": self.voiced(mel, number),
                    "flow": self.voiced(self.mel(tokens, speaker, number), number),
                    "chain": turn.wave,
                }
                for stage, wave in waves.items():
                    self.judge(judged[stage, mandarin], text, mandarin, wave, speaker)
        return {
            **{
                f"{stage}_{'mandarin' if mandarin else 'english'}": result.figures()
                for (stage, mandarin), result in judged.items()
            },
            "ended": share(ended),
            "real_time_factor": round(work / audio, 3),
        }

    def new_voices(self, count: int) -> dict[str, Any]:
        """Full chain with prompts of voices never learnt from."""
        speakers = [
            self.speaker(f"new{number}", voice) for number, voice in enumerate(held_out_voices())
        ]
        prompts = torch.stack([speaker.embedding for speaker in speakers])
        judged = Judged()
        named: list[bool] = []
        pitch_off: list[float] = []
        for text in self.sentences(count, mandarin=False):
            for own, speaker in enumerate(speakers):
                turn = next(self.turns((speaker,), [Turn(0, text)]))
                self.judge(judged, text, False, turn.wave, speaker)
                found = int((prompts @ self.judges.voice(turn.wave)).argmax())
                named.append(found == own)
                theirs = median_pitch(self.said(text, speaker.voice))
                if theirs and (ours := median_pitch(turn.wave)):
                    pitch_off.append(abs(ours / theirs - 1))
        return {
            **judged.figures(),
            "named_right_of_8": share(named),
            "pitch_off_by": spread(pitch_off),
            "within_10_percent": share([off <= _NEAR for off in pitch_off]),
        }

    def dialogues(self, count: int, turns: int, mandarin: bool) -> dict[str, Any]:
        """Ends of turns, errors, and voices kept apart, in whole dialogues."""
        rng = random.Random(12)
        limit: list[bool] = []
        early: list[bool] = []
        own_voice: list[bool] = []
        errors: list[Edits] = []
        work = audio = 0.0
        speakers = {name: self.speaker(name, voice) for name, voice in SHIPPED.items()}
        for number in range(count):
            cast = [
                speakers[name] for name in rng.sample(list(SHIPPED), _CASTS[number % len(_CASTS)])
            ]
            prompts = torch.stack([speaker.embedding for speaker in cast])
            lines = [
                Turn(index % len(cast), self.languages.held_out(rng, mandarin))
                for index in range(turns)
            ]
            for turn in self.turns(cast, lines):
                wanted, voice = turn.turn.text, cast[turn.turn.speaker].voice
                expected = len(self.said(wanted, voice)) / OUTPUT_HZ
                limit.append(not turn.tokens.ended)
                early.append(turn.seconds < _EARLY_SHARE * expected)
                heard = self.judges.heard(turn.wave, mandarin)
                errors.append(edits(units_of(wanted), units_of(heard)))
                work, audio = work + turn.work.total, audio + turn.seconds
                if len(cast) > 1 and turn.seconds > 1:
                    nearest = int((prompts @ self.judges.voice(turn.wave)).argmax())
                    own_voice.append(nearest == turn.turn.speaker)
        return {
            "dialogues": count,
            "turns_at_limit": share(limit),
            "turns_ended_immediately": share(early),
            "error": round(total_rate(errors), 4),
            "turn_nearest_to_own_prompt": share(own_voice),
            "real_time_factor": round(work / audio, 3),
            "seconds_of_audio": round(audio),
        }

    def sentences(self, count: int, mandarin: bool) -> list[str]:
        """Different sentences that nothing was learnt from."""
        rng = random.Random(11)
        chosen: dict[str, None] = {}
        while len(chosen) < count:
            chosen[self.languages.held_out(rng, mandarin)] = None
        return list(chosen)

    def turns(self, speakers: Sequence[Speaker], lines: Sequence[Turn]) -> Iterator[Any]:
        """The full chain."""
        names = tuple(speaker.prompt.name for speaker in speakers)
        script = Script("evaluation", names, tuple(lines))
        prompts = [speaker.prompt for speaker in speakers]
        return iter(self.synthesizer.synthesize(script, prompts, self.options))

    def judge(
        self, judged: Judged, text: str, mandarin: bool, wave: Tensor, speaker: Speaker
    ) -> None:
        """Let the judges hear a sentence."""
        heard = self.judges.heard(wave, mandarin)
        judged.errors.append(edits(units_of(text), units_of(heard)))
        judged.naturalness.append(self.judges.naturalness(wave))
        judged.similarity.append(float(self.judges.voice(wave) @ speaker.embedding))

    def speaker(self, name: str, voice: Voice) -> Speaker:
        """A voice with a prompt of two held-out sentences, prepared as `podtts prep` would."""
        rng = random.Random(name)
        mandarin = max(voice.mix, key=lambda part: voice.mix[part]).startswith("z")
        text = " ".join(self.languages.held_out(rng, mandarin) for _ in range(3))
        wave = self.said(text, voice)
        features = extract_prompt(Recording(name, wave, OUTPUT_HZ), self.encoders)
        return Speaker(voice, SpeakerPrompt(name, features, text), self.judges.voice(wave))

    def said(self, text: str, voice: Voice) -> Tensor:
        """The teacher's wave of a text."""
        return torch.from_numpy(self.teacher.say(phones_of(text), voice.mix, voice.speed).wave)

    def tokens(self, wave: Tensor) -> SpeechTokens:
        """The tokens of a recording."""
        features = extract_prompt(as_recording(wave), self.encoders)
        return SpeechTokens(tuple(features.speech_tokens.tolist()), True)

    def mel(self, tokens: SpeechTokens, speaker: Speaker, seed: int) -> Tensor:
        """Mel of known tokens in a speaker's voice."""
        turn = RenderJob(tokens, speaker.prompt, self.options.flow, seed, 0)
        return mels_of(self.synthesizer.models, [turn])[0]

    def voiced(self, mel: Tensor, seed: int) -> Tensor:
        """Wave of a mel, on the CPU."""
        vocoder = self.synthesizer.models.vocoder
        rng = torch.Generator().manual_seed(seed)
        noise = torch.randn(vocoder.config.waves, len(mel) * MEL_HOP, generator=rng)
        return vocoder.render([mel], [noise])[0].cpu()


def as_recording(wave: Tensor) -> Recording:
    """A wave at 24 kHz as a recording; at least as long as a prompt must be."""
    short = OUTPUT_HZ + 1 - len(wave)
    return Recording("evaluation", torch.nn.functional.pad(wave, (0, max(0, short))), OUTPUT_HZ)


def median_pitch(wave: Tensor) -> float:
    """Median Hz of the voiced frames; 0 when there are none."""
    voiced = [hertz for hertz in pitch(wave).tolist() if hertz > 0]
    return median(voiced) if voiced else 0.0
