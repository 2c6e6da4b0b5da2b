"""The bundled voice: what it says is understood, in the voice that was asked for.

Everything is drawn with fixed seeds in float32, so a machine gives the same figures every time;
the bounds leave room for other machines. The recipe's evaluation has the full figures.
"""

import re
from functools import cache
from itertools import groupby
from pathlib import Path
from statistics import median

import pytest
import torch
from recipes.mini.f0 import pitch
from recipes.mini.phone_codes import BREATH, PAUSE, PHONE_CODES, PHONES
from recipes.mini.recognizer import Recognizer

from podtts.audio.io import decode_audio
from podtts.bench.words import words_of
from podtts.engine.render import RenderJob, mels_of, waves_of
from podtts.errors import PodttsError
from podtts.hub.bundled import bundled_cache, bundled_model
from podtts.options import SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.entry import RECIPE_VERSION
from podtts.prompts.voices import VoiceStore
from podtts.script.model import Script
from podtts.values import SpeakerPrompt, Turn, TurnAudio
from podtts.weights.voices import checkpoint_encoders

# Written for this test, so in no corpus; the recognizer has to tell each from all the others.
SENTENCES = (
    "The baker opened his shop before the sun came up.",
    "We waited for the bus in the pouring rain.",
    "My sister plays the piano every Sunday evening.",
    "The mountain was covered with fresh white snow.",
    "He forgot to lock the door of the garage.",
    "A small boat was floating down the river.",
    "The children built a castle out of sand.",
    "She bought a ticket for the last train home.",
    "The doctor told him to drink more water.",
    "Our neighbors have a big brown dog.",
    "The museum is closed on Monday morning.",
    "They planted an apple tree behind the house.",
    "I lost my keys somewhere in the kitchen.",
    "The teacher wrote a long word on the board.",
    "A cold wind was blowing from the north.",
    "He paid for the coffee with a silver coin.",
    "The farmer sold his horses at the market.",
    "Please put the dishes back on the shelf.",
    "The moon was shining over the quiet lake.",
    "She reads a story to her son at night.",
    "The old clock in the hall has stopped again.",
    "Two birds were singing on the garden wall.",
    "The captain asked the crew for patience.",
    "There is no bread left for breakfast.",
)
VOICES = ("anna", "clara", "ben", "oscar", "mei", "jun")


@cache
def synthesizer() -> Synthesizer:
    return Synthesizer.from_checkpoint(bundled_model(), device="cpu", dtype="float32")


@cache
def prompts() -> dict[str, SpeakerPrompt]:
    """The shipped voices, as they lie prepared in `cache/`."""
    root, digest = bundled_cache(), checkpoint_encoders(bundled_model()).digest
    found, cache = {}, PromptCache(root, pytest.fail)
    for name in VOICES:
        voice = VoiceStore(root).get(name)
        assert voice is not None
        features = cache.get(PromptKey(voice.audio_sha256, digest, RECIPE_VERSION))
        assert features is not None
        found[name] = SpeakerPrompt(name, features, voice.transcript)
    return found


@cache
def dialogue() -> list[TurnAudio]:
    """Twelve turns of two speakers in one context, long enough for a rebuild."""
    turns = tuple(Turn(number % 2, text) for number, text in enumerate(SENTENCES[:12]))
    script = Script("test", ("anna", "ben"), turns)
    cast = [prompts()["anna"], prompts()["ben"]]
    return list(synthesizer().synthesize(script, cast))


def own_pitch(name: str) -> float:
    """Of a voice's recording, in Hz."""
    file = Path(__file__).parents[1] / "examples" / "speakers" / f"{name}.wav"
    return pitch_of(decode_audio(file.read_bytes(), name).wave)


def pitch_of(wave: torch.Tensor) -> float:
    voiced: list[float] = [hertz for hertz in pitch(wave).tolist() if hertz > 0]
    return median(voiced)


def test_sentences_are_understood_and_turns_end() -> None:
    recognizer = Recognizer(SENTENCES)
    heard = [recognizer.closed(turn.wave) == words_of(turn.turn.text) for turn in dialogue()]
    # By chance it would be 1 of 24.
    assert sum(heard) >= 9, heard
    assert all(turn.tokens.ended and not turn.problems for turn in dialogue())


def test_turns_are_as_long_as_their_texts_take() -> None:
    for turn in dialogue():
        assert 0.5 < turn.seconds / (len(turn.turn.text) / 15) < 2


def test_turns_are_nearer_to_their_own_recording_than_to_the_others() -> None:
    anna, ben = ([pitch_of(turn.wave) for turn in dialogue()[start::2]] for start in (0, 1))
    middle = (own_pitch("anna") * own_pitch("ben")) ** 0.5
    assert min(anna) > middle > max(ben)


def test_voices_keep_apart_in_a_dialogue() -> None:
    anna, ben = ([pitch_of(turn.wave) for turn in dialogue()[start::2]] for start in (0, 1))
    assert min(anna) > 1.4 * max(ben)


@pytest.mark.parametrize("name", VOICES)
def test_the_same_tokens_are_spoken_at_the_pitch_of_each_voice(name: str) -> None:
    options, prompt = SynthesisOptions(), prompts()[name]
    turns = [
        RenderJob(turn.tokens, prompt, options.flow, options.seed, turn.index)
        for turn in dialogue()[:3]
    ]
    models = synthesizer().models
    heard = [pitch_of(wave) for wave in waves_of(models, turns, mels_of(models, turns))]
    assert median(heard) == pytest.approx(own_pitch(name), rel=0.1)


def phones_of(turn: TurnAudio) -> list[tuple[str, int]]:
    """Phones of a turn's tokens, and how many tokens each has."""
    said = groupby(PHONES[token % PHONE_CODES] for token in turn.tokens.ids)
    return [(phone, len(list(tokens))) for phone, tokens in said]


def test_a_breath_and_a_laugh_are_sounds_and_not_words() -> None:
    texts = ("<|breathing|> Let us begin.", "The bridge. It hums. <|laughter|>")
    script = Script("test", ("anna",), tuple(Turn(0, text) for text in texts))
    breath, laugh = synthesizer().synthesize(script, [prompts()["anna"]])
    start, (first, tokens) = phones_of(breath)[:2]
    assert (start[0], first) == (PAUSE, BREATH)
    assert tokens >= 5
    frames = slice(2 * start[1], 2 * (start[1] + tokens))
    assert (pitch(breath.wave)[frames] == 0).all()
    assert breath.wave[480 * frames.start : 480 * frames.stop].square().mean().sqrt() > 1e-3
    said = "".join(phone for phone, _ in phones_of(laugh))
    assert re.search("(h[ɑʌɐ]){3}", said)


def test_the_model_is_known_as_trained() -> None:
    """Length and silence of its turns are judged."""
    assert not synthesizer().models.untrained
    with pytest.raises(PodttsError):
        Synthesizer.from_checkpoint(bundled_model() / "nothing")
