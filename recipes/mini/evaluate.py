"""The figures: intelligibility after every stage, voices, ends of turns, speed; each with its n."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.audio.io import Recording
from podtts.audio.mel import mel_24k
from podtts.audio.volume_normalization import normalize_volume
from podtts.bench.edits import Edits, edits, total_rate, words_of
from podtts.engine.render import RenderJob, mels_of
from podtts.options import SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.presets import Preset, suited_placement
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.extract import extract_prompt, prompt_inputs
from podtts.rates import MEL_HOP, OUTPUT_HZ
from podtts.script.model import Script
from podtts.values import SpeakerPrompt, SpeechTokens, Turn
from podtts.weights.load import load_models
from podtts.weights.voices import checkpoint_encoders
from recipes.mini.corpus import Corpus, Source, recording_of, worker_espeak
from recipes.mini.espeak import EspeakVoice
from recipes.mini.f0 import pitch
from recipes.mini.measures import collapsed, share, spread
from recipes.mini.recognizer import Recognizer, known_words
from recipes.mini.speech_tokenizer import TokenizerTraining
from recipes.mini.spoken_text import canonical_codes, load_tokenizer
from recipes.mini.text import Texts
from recipes.mini.voices import SHIPPED, held_out_voices

CLOSED_LIST = 100
_VOICES = ("anna", "ben")
_CASTS = (1, 2, 2, 3, 4)
_MOST_TOKENS = 500  # the default, 3000, would spend two minutes on a turn that does not end
_EARLY_SHARE = 0.3  # of the expected length; a turn that ends before has ended immediately
_PROMPT_SENTENCES = 2
_NEAR = 0.1  # of a voice's own median pitch
_SILENCE = frozenset(("_", "?"))


@dataclass(frozen=True, eq=False)
class Speaker:
    """A voice, its prompt, and what was measured of its recording."""

    voice: EspeakVoice
    prompt: SpeakerPrompt


@dataclass(frozen=True)
class Judged:
    """What the recognizer made of one stage's audio."""

    right: list[bool] = field(default_factory=list)  # of a closed list
    words: list[Edits] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        rate = {"rate": round(total_rate(self.words), 4), "n": len(self.words)}
        return {f"closed_list_of_{CLOSED_LIST}": share(self.right), "open_word_error": rate}


class Evaluation:
    """Measures one checkpoint folder."""

    def __init__(
        self,
        checkpoint: Path,
        tokenizer: Path,
        corpus: Corpus,
        texts: Texts,
        source: Source,
        device: str,
        preset: Preset,
    ) -> None:
        placement = suited_placement(device, "auto", preset.quantize, asked=False)
        self.synthesizer = Synthesizer(load_models(checkpoint, placement))
        self.encoders: PromptEncoders = checkpoint_encoders(checkpoint)
        self.reader: TokenizerTraining = load_tokenizer(
            tokenizer, len(corpus.inventory), torch.device("cpu")
        )
        self.inventory = corpus.inventory
        self.source = source
        self.espeak = worker_espeak(source)
        known = known_words()
        rng = random.Random(11)
        usable = [text for text in texts.held_out if known.issuperset(words_of(text))]
        self.sentences = rng.sample(usable, CLOSED_LIST)
        rest = sorted(set(texts.held_out) - set(self.sentences))
        self.other = rng.sample(rest, len(rest))
        self.recognizer = Recognizer(self.sentences)
        own = self.synthesizer.models.sampling
        self.options = SynthesisOptions(
            sampling=replace(own, max_tokens=_MOST_TOKENS), flow=preset.flow
        )

    def known_tokens(self, count: int) -> dict[str, Any]:
        """The teacher's audio, the vocoder alone, and flow and vocoder on the teacher's tokens."""
        judged = {stage: Judged() for stage in ("espeak-ng", "vocoder", "flow")}
        near: list[bool] = []
        for name in _VOICES:
            speaker = self.speaker(name, SHIPPED[name])
            for number, text in enumerate(self.sentences[:count]):
                own = recording_of(self.espeak.speak(text, speaker.voice)).wave
                canonical = self.canonical_tokens(text)
                from_flow = self.voiced(self.mel(canonical, speaker, number), number)
                self.judge(judged["espeak-ng"], text, own)
                self.judge(judged["vocoder"], text, self.voiced(mel_of(own), number))
                self.judge(judged["flow"], text, from_flow)
                if (theirs := median_pitch(own)) and (ours := median_pitch(from_flow)):
                    near.append(abs(ours / theirs - 1) <= _NEAR)
        return {
            **{stage: one.figures() for stage, one in judged.items()},
            "same_tokens_within_10_percent_of_own_pitch": share(near),
        }

    def chain(self, count: int) -> dict[str, Any]:
        """The full chain from text, one turn after one prompt."""
        judged = Judged()
        phones: list[Edits] = []
        ended: list[bool] = []
        work = audio = 0.0
        for name in _VOICES:
            speaker = self.speaker(name, SHIPPED[name])
            for text in self.sentences[:count]:
                script = Script("evaluation", (name,), (Turn(0, text),))
                turn = next(self.synthesizer.synthesize(script, [speaker.prompt], self.options))
                self.judge(judged, text, turn.wave)
                expected = self.canonical_tokens(text)
                phones.append(edits(self.phones(expected), self.phones(turn.tokens)))
                ended.append(turn.tokens.ended)
                work, audio = work + turn.work.total, audio + turn.seconds
        return {
            **judged.figures(),
            "phone_error_by_own_reader": phone_figures(phones),
            "ended": share(ended),
            "real_time_factor": round(work / audio, 3),
        }

    def judge(self, judged: Judged, text: str, wave: Tensor) -> None:
        """Let the recognizer hear a sentence."""
        wanted = words_of(text)
        judged.right.append(self.recognizer.closed(wave) == wanted)
        judged.words.append(edits(wanted, self.recognizer.open(wave)))

    def new_voices(self, count: int) -> dict[str, Any]:
        """Pitch and embedding of known tokens spoken with prompts of voices never learnt from."""
        speakers = [
            self.speaker(f"new{number}", voice) for number, voice in enumerate(held_out_voices())
        ]
        ratios: list[float] = []
        nearest: list[bool] = []
        to_own: list[float] = []
        to_others: list[float] = []
        for number, text in enumerate(self.other[:count]):
            canonical = self.canonical_tokens(text)
            for own, speaker in enumerate(speakers):
                wave = self.voiced(self.mel(canonical, speaker, number), number)
                theirs = median_pitch(recording_of(self.espeak.speak(text, speaker.voice)).wave)
                if theirs and (ours := median_pitch(wave)):
                    ratios.append(abs(ours / theirs - 1))
                cosines = self.cosines(wave, speakers)
                nearest.append(int(cosines.argmax()) == own)
                to_own.append(float(cosines[own]))
                to_others.append(float(cosines.sum() - cosines[own]) / (len(speakers) - 1))
        return {
            "pitch_off_by": spread(ratios),
            "within_10_percent": share([ratio <= _NEAR for ratio in ratios]),
            "nearest_is_own_prompt_of_8": share(nearest),
            "cosine_to_own_prompt": spread(to_own),
            "cosine_to_other_prompts": spread(to_others),
        }

    def dialogues(self, count: int, turns: int) -> dict[str, Any]:
        """Ends of turns, repeated and skipped phones, and voices kept apart, in whole dialogues."""
        rng = random.Random(12)
        limit: list[bool] = []
        early: list[bool] = []
        own_voice: list[bool] = []
        phones: list[Edits] = []
        work = audio = 0.0
        names = list(SHIPPED)
        cast_speakers = {name: self.speaker(name, SHIPPED[name]) for name in names}
        for number in range(count):
            cast = rng.sample(names, _CASTS[number % len(_CASTS)])
            speakers = [cast_speakers[name] for name in cast]
            lines = tuple(
                Turn(index % len(cast) if index < len(cast) else rng.randrange(len(cast)), text)
                for index, text in enumerate(rng.sample(self.other, turns))
            )
            script = Script(f"dialogue {number}", tuple(cast), lines)
            prompts = [speaker.prompt for speaker in speakers]
            for turn in self.synthesizer.synthesize(script, prompts, self.options):
                expected = self.canonical_tokens(turn.turn.text)
                limit.append(not turn.tokens.ended)
                early.append(len(turn.tokens.ids) < _EARLY_SHARE * len(expected.ids))
                phones.append(edits(self.phones(expected), self.phones(turn.tokens)))
                work, audio = work + turn.work.total, audio + turn.seconds
                if len(speakers) > 1 and turn.seconds > 1:
                    cosines = self.cosines(turn.wave, speakers)
                    own_voice.append(int(cosines.argmax()) == turn.turn.speaker)
        return {
            "dialogues": count,
            "turns_at_limit": share(limit),
            "turns_ended_immediately": share(early),
            "phone_error_by_own_reader": phone_figures(phones),
            "turn_nearest_to_own_prompt": share(own_voice),
            "real_time_factor": round(work / audio, 3),
            "seconds_of_audio": round(audio),
        }

    def speaker(self, name: str, voice: EspeakVoice) -> Speaker:
        """A voice with a prompt of two held-out sentences, prepared as `podtts prep` would."""
        text = " ".join(self.other[-_PROMPT_SENTENCES:])
        features = extract_prompt(recording_of(self.espeak.speak(text, voice)), self.encoders)
        return Speaker(voice, SpeakerPrompt(name, features, text))

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

    def canonical_tokens(self, text: str) -> SpeechTokens:
        """The tokens the language model should write."""
        codes = canonical_codes(text, self.source, self.reader.tokenizer)
        return SpeechTokens(tuple(codes.tolist()), True)

    @torch.inference_mode()
    def phones(self, tokens: SpeechTokens) -> list[str]:
        """Phones the tokenizer's own reader finds in tokens: no independent judge."""
        codes = torch.tensor(tokens.ids)[None]
        digits = torch.stack([codes // 3**place % 3 for place in range(8)], dim=1) - 1
        logits, _ = self.reader.reader(digits.float())
        found = logits.argmax(dim=-1).flatten().tolist()
        return collapsed([self.inventory[index] for index in found], _SILENCE)

    def cosines(self, wave: Tensor, speakers: Sequence[Speaker]) -> Tensor:
        """Cosine of a wave's embedding with every speaker's prompt."""
        heard = prompt_inputs(as_recording(wave))
        ours = self.encoders.speaker_embedding(heard.fbank_16k)
        theirs = torch.stack([one.prompt.features.speaker_embedding for one in speakers])
        return F.cosine_similarity(ours[None], theirs)


def as_recording(wave: Tensor) -> Recording:
    """A wave at 24 kHz as a recording; at least as long as a prompt must be."""
    short = OUTPUT_HZ + 1 - len(wave)
    return Recording("evaluation", F.pad(wave, (0, max(0, short))), OUTPUT_HZ)


def mel_of(wave: Tensor) -> Tensor:
    """Mel of a wave at 24 kHz, at the loudness the vocoder learnt."""
    return mel_24k(normalize_volume(wave))


def phone_figures(all_edits: Sequence[Edits]) -> dict[str, float]:
    """Error rate, and the shares inserted (repeated) and deleted (skipped), with n sentences."""
    total = max(1, sum(one.reference for one in all_edits))
    return {
        "rate": round(total_rate(all_edits), 4),
        "inserted": round(sum(one.inserted for one in all_edits) / total, 4),
        "deleted": round(sum(one.deleted for one in all_edits) / total, 4),
        "n": len(all_edits),
    }


def median_pitch(wave: Tensor) -> float:
    """Median Hz of the voiced frames; 0 when there are none."""
    voiced = [hertz for hertz in pitch(wave).tolist() if hertz > 0]
    return median(voiced) if voiced else 0.0
