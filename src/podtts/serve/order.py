"""From a request's script and options to what the engine gets; all that can be refused is."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from podtts.audio.metadata import AudioMetadata
from podtts.batch.manifest_keys import with_options
from podtts.batch.request import EpisodeSettings
from podtts.device.placement import Placement
from podtts.engine.compatibility import TextCheck
from podtts.engine.request import Request
from podtts.errors import PodttsError
from podtts.options import FlowOptions, SynthesisOptions
from podtts.presets import PRESETS, choose_preset, suited, suited_placement
from podtts.publish.episode_metadata import episode_metadata
from podtts.publish.mix import tempos
from podtts.publish.publish_options import PublishOptions
from podtts.publish.timeline import speaker_names
from podtts.script.cast import cast_voices
from podtts.script.model import MAX_RATE, MIN_RATE, Script
from podtts.script.spoken import spoken_script
from podtts.serve.api_error import ApiError, refused
from podtts.serve.limits import Bounds, Limits
from podtts.serve.voices import VoiceShelf
from podtts.text.length import expected_seconds
from podtts.values import SpeakerPrompt

_NO_FOLDER = Path()  # no option that names a file is accepted


@dataclass(frozen=True, eq=False)
class Order:
    """A request that can be synthesized.

    script:  in spoken form. prompts: one per label.
    voices:  the name of each speaker's voice, for people.
    text_tokens: of all turns, as the model reads them.
    """

    script: Script
    prompts: tuple[SpeakerPrompt, ...]
    options: SynthesisOptions
    publishing: PublishOptions
    tags: AudioMetadata
    voices: tuple[str, ...]
    keeps_precision: bool
    text_tokens: int

    def request(self, *, streams: bool) -> Request:
        """What the engine gets. streams: its sound is wanted while a turn is decoded."""
        flow = self.options.flow
        return Request(
            secrets.token_hex(8),
            self.script,
            self.prompts,
            self.options,
            reports_sound=streams and flow.mode == "streaming",
        )


class OrderBuilder:
    """Builds orders. Any thread may use it.

    defaults:  of every request. model: its name. directory: of the checkpoint.
    placement: of the loaded models. encode: text to ids, of the checkpoint.
    today:     the date for the tags of files.
    """

    def __init__(
        self,
        shelf: VoiceShelf,
        defaults: EpisodeSettings,
        model: str,
        directory: Path,
        placement: Placement,
        encode: Callable[[str], list[int]],
        limits: Limits,
        today: Callable[[], str],
    ) -> None:
        self.shelf, self.defaults, self.model, self.limits = shelf, defaults, model, limits
        self._placement, self._encode, self.today = placement, encode, today
        self._texts = TextCheck(directory)

    def check_model(self, name: str) -> None:
        """Raise ApiError for a model that this server does not have."""
        known = {self.model, *self.shelf.names.models}
        if name not in known:
            raise ApiError(
                404,
                f"this server has the model {', '.join(sorted(known))}",
                param="model",
                code="model_not_found",
            )

    def settings(
        self, values: Mapping[str, object], preset: str | None, *, streams: bool
    ) -> EpisodeSettings:
        """The defaults with a request's own options. values: by the keys of a manifest.

        streams: unless the request says otherwise, the flow is in the mode streaming.
        Raises ApiError.
        """
        settings = self.defaults
        flow = self._flow_of(preset) if preset is not None else settings.options.flow
        flow = replace(flow, mode="streaming") if streams else flow
        settings = replace(settings, options=replace(settings.options, flow=flow))
        for key, value in values.items():
            try:
                settings = with_options(settings, {key: value}, _NO_FOLDER)
            except PodttsError as error:
                raise ApiError.of(error, key) from None
        return settings

    def build(
        self,
        written: Script,
        voices: Mapping[str, str],
        settings: EpisodeSettings,
        title: str,
        bounds: Bounds,
        prompts: tuple[SpeakerPrompt, ...] | None = None,
    ) -> Order:
        """An order for a script as it is written.

        voices:  by label, each from `VoiceShelf.find`; other labels have those of the script.
        prompts: of all labels, in place of voices.
        Raises ApiError.
        """
        try:
            script = spoken_script(written, settings.speech)
            _check_script(script, bounds)
            if prompts is None:
                prompts = self._prompts(script, voices)
            return self._order(script, prompts, settings, title)
        except PodttsError as error:
            raise ApiError.of(error, written.source) from None

    def _prompts(self, script: Script, voices: Mapping[str, str]) -> tuple[SpeakerPrompt, ...]:
        known = {label: voice for label, voice in voices.items() if label in script.labels}
        for member in cast_voices(script, known):
            known[member.label] = self.shelf.find(member.voice, f"voices.{member.label}")
        return tuple(self.shelf.prompts(script, known))

    def _order(
        self,
        script: Script,
        prompts: tuple[SpeakerPrompt, ...],
        settings: EpisodeSettings,
        title: str,
    ) -> Order:
        texts = {prompt.name: prompt.transcript + prompt.dialect_prompt for prompt in prompts}
        for error in self._texts.problems(script, texts):
            raise error
        options = settings.options
        if not settings.keeps_precision:
            options = replace(options, flow=suited(options.flow, self._placement))
        day = self.today()
        return Order(
            script,
            prompts,
            options,
            settings.publishing,
            episode_metadata(settings.publishing, title, self.model, options.seed, day),
            speaker_names(script.labels, [prompt.name for prompt in prompts]),
            settings.keeps_precision,
            sum(len(self._encode(turn.text)) for turn in script.turns),
        )

    def _flow_of(self, name: str) -> FlowOptions:
        """The flow of a preset whose LLM is the one that is loaded. Raises ApiError."""
        if name not in PRESETS:
            raise refused(f"the presets are {', '.join(PRESETS)}", "preset")
        chosen, loaded = choose_preset(name), self._placement
        wanted = suited_placement(loaded.device.type, loaded.dtype_name, chosen.quantize)
        if wanted.quantize != loaded.quantize:
            raise refused(
                f"the preset {name} needs the LLM in {wanted.quantize}, and this server has loaded "
                f"it in {loaded.quantize}; flow_steps is free",
                "preset",
            )
        return chosen.flow


def check_length(text: str, param: str, bounds: Bounds) -> None:
    """Raise ApiError for a text that is empty or too long."""
    if not text.strip():
        raise refused("there is nothing to say", param)
    if len(text) > bounds.characters:
        raise refused(
            f"the text has {len(text)} characters; this server takes {bounds.characters}",
            param,
            "string_above_max_length",
        )


def _check_script(script: Script, bounds: Bounds) -> None:
    """Raise ApiError for a script in spoken form that is too long."""
    param, turns = script.source, len(script.turns)
    if turns > bounds.turns:
        raise refused(f"the script has {turns} turns; this server takes {bounds.turns}", param)
    paces = tempos(script)
    seconds = sum(
        turn.pause + expected_seconds(turn.text) / paces.get(turn.speaker, 1.0)
        for turn in script.turns
    )
    if seconds > bounds.seconds:
        raise refused(
            f"it would be about {seconds:.0f} s of sound; this server makes "
            f"{bounds.seconds:g} s a request",
            param,
        )


def with_speed(script: Script, speed: float) -> Script:
    """A script whose speakers all have a tempo. Raises ApiError."""
    if not MIN_RATE <= speed <= MAX_RATE:
        raise refused(
            f"speed is {speed:g}; the time stretcher does {MIN_RATE:g} to {MAX_RATE:g}", "speed"
        )
    if speed == 1.0:
        return script
    rates = {label: script.rates.get(label, 1.0) * speed for label in script.labels}
    for label, rate in rates.items():
        if not MIN_RATE <= rate <= MAX_RATE:
            raise refused(
                f"with the rate of {label} in the script, speed becomes {rate:g}; the time "
                f"stretcher does {MIN_RATE:g} to {MAX_RATE:g}",
                "speed",
            )
    return replace(script, rates=rates)
