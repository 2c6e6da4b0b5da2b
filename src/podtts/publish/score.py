"""Scores an episode: where its intro, outro and music are, and how loud."""

from __future__ import annotations

import math

from podtts.audio.loudness import Gain, Loudness, gain_to
from podtts.audio.soundtrack import Envelope, PlacedSound, Soundtrack
from podtts.publish.ducking import RISE_LU, ducking
from podtts.publish.music_files import Music, load_music
from podtts.publish.publish_options import PublishOptions
from podtts.publish.timeline import Timeline
from podtts.rates import OUTPUT_HZ

# Where the speech has no loudness, because it is silent or too short: that of podcasts in mono.
_WITHOUT_SPEECH_LUFS = -19.0
_JINGLE_FADES = (0.05, 1.0)  # seconds at the beginning and the end of an intro or outro
_MUSIC_FADES = (1.0, 3.0)


def score(
    speech: Loudness, timeline: Timeline, options: PublishOptions
) -> tuple[Soundtrack, list[str]]:
    """Return the soundtrack of an episode, and how loud each of its parts is, for a message.

    speech: what was measured. timeline: of the speech alone.
    Intro and outro are as loud as the speech, the music is quieter. All keep their true peaks at
    -1 dBTP at most. Raises AudioError for a file that was changed since it was checked.
    """
    lufs = speech.lufs if math.isfinite(speech.lufs) else _WITHOUT_SPEECH_LUFS
    music = {name: load_music(file) for name, file in options.music_files.items()}
    before = len(music["intro"].wave) if "intro" in music else 0
    after = len(music["outro"].wave) if "outro" in music else 0
    end = before + timeline.samples
    sounds, levels = [], []
    for name, start, stop in (
        ("intro", 0, before),
        ("outro", end, end + after),
        ("music", before, end),
    ):
        if name not in music:
            continue
        target = lufs - options.music_below_lu if name == "music" else lufs
        gain = gain_to(target, music[name].loudness)
        fades = _MUSIC_FADES if name == "music" else _JINGLE_FADES
        envelopes = [_faded(stop - start, fades, gain)]
        if name == "music":
            envelopes.append(ducking(timeline, min(RISE_LU, options.music_below_lu)))
        sounds.append(PlacedSound(music[name].wave, start, stop, tuple(envelopes)))
        levels.append(_level(name, music[name], gain))
    return Soundtrack(before, after, tuple(sounds)), [f"speech at {lufs:.1f} LUFS", *levels]


def _faded(samples: int, fades_seconds: tuple[float, float], gain: Gain) -> Envelope:
    """Fades at both ends, each over a quarter of a short sound."""
    opening, ending = (min(round(seconds * OUTPUT_HZ), samples // 4) for seconds in fades_seconds)
    points = (0, opening, samples - 1 - ending, samples - 1)
    return Envelope(points, (0.0, gain.factor, gain.factor, 0.0))


def _level(name: str, music: Music, gain: Gain) -> str:
    seconds = len(music.wave) / OUTPUT_HZ
    level = f"{name} of {seconds:.1f} s at {music.loudness.lufs + gain.db:.1f}"
    return f"{level} ({gain.missing_lu:.1f} LU less, for its peaks)" if gain.missing_lu else level
