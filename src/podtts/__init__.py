"""podtts turns a dialogue script into a finished podcast with the SoulX-Podcast model family.

Everything the command line does can be done from here, and every stage can be called alone; see
docs/library.md. Names are loaded when first used, so that `import podtts` is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from podtts.telemetry import turn_off_telemetry

if TYPE_CHECKING:
    from podtts.audio.io import Recording, decode_audio
    from podtts.audio.wav import WavStream, WavWriter
    from podtts.device.placement import Placement, place
    from podtts.ears.turn_listener import TurnListener
    from podtts.ears.whisper import Whisper
    from podtts.engine.engine import Engine
    from podtts.engine.request import (
        Request,
        RequestFailed,
        RequestFinished,
        SoundRendered,
        TokensDecoded,
        TurnFinished,
    )
    from podtts.engine.rng import stage_rng
    from podtts.episode.fingerprint import checkpoint_fingerprint, run_fingerprint
    from podtts.episode.journal import Journal
    from podtts.episode.journal_lines import FinishedTurn
    from podtts.episode.writer import EpisodePlan, EpisodeResult, EpisodeWriter
    from podtts.errors import (
        AudioError,
        DeviceError,
        DiskError,
        InputError,
        ModelError,
        PartialError,
        PodttsError,
        ScriptError,
        UsageError,
        VoiceError,
    )
    from podtts.flow.decode import Flow, noise_frames
    from podtts.flow.prompt_states import PromptStates
    from podtts.hub.pull import pull_model
    from podtts.hub.registry import find_published, find_source
    from podtts.llm.decoder import generate
    from podtts.llm.dialogue import Dialogue
    from podtts.llm.prefix import PrefixStore
    from podtts.llm.qwen3 import Qwen3
    from podtts.llm.template import Template
    from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions, WindowOptions
    from podtts.pipeline import Synthesizer
    from podtts.presets import Preset, choose_preset, suited, suited_placement
    from podtts.prompts.cache import PromptCache, PromptKey
    from podtts.prompts.casting import CastPrompt, VoiceCasting, gather_prompts
    from podtts.prompts.encoders import PromptEncoders
    from podtts.prompts.extract import PromptInputs, extract_prompt, prompt_inputs
    from podtts.prompts.lookup import VoiceSources
    from podtts.prompts.prepare import Failed, Prepared, prepare, prepare_all
    from podtts.prompts.recording_files import RecordingFile, find_recordings
    from podtts.prompts.voices import Voice, VoiceStore
    from podtts.publish.publish_options import LayoutOptions, PublishOptions
    from podtts.script.model import Script, ScriptPrompt
    from podtts.script.own_form import own_form
    from podtts.script.parse import parse_script
    from podtts.script.read import decode_script, read_script
    from podtts.script.reading import ReadingOptions
    from podtts.script.spoken import SpeechTextOptions, spoken_script
    from podtts.text.lexicon import Lexicon, read_lexicons
    from podtts.text.normalize import normalize_text
    from podtts.values import (
        AudioChunk,
        Chapter,
        Heard,
        PromptFeatures,
        SpeakerPrompt,
        SpeechTokens,
        StageSeconds,
        Turn,
        TurnAudio,
    )
    from podtts.vocoder.hift import Vocoder
    from podtts.weights.convert import convert_checkpoint
    from podtts.weights.derived import OpenedCheckpoint, open_checkpoint
    from podtts.weights.load import Models, load_models
    from podtts.weights.voices import checkpoint_encoders, checkpoint_voices

__version__ = "0.1.0"

turn_off_telemetry()  # here, because every way into podtts begins with this module

_HOMES = {
    "podtts.audio.io": ("Recording", "decode_audio"),
    "podtts.audio.wav": ("WavStream", "WavWriter"),
    "podtts.device.placement": ("Placement", "place"),
    "podtts.ears.turn_listener": ("TurnListener",),
    "podtts.ears.whisper": ("Whisper",),
    "podtts.engine.engine": ("Engine",),
    "podtts.engine.request": (
        "Request",
        "RequestFailed",
        "RequestFinished",
        "SoundRendered",
        "TokensDecoded",
        "TurnFinished",
    ),
    "podtts.engine.rng": ("stage_rng",),
    "podtts.episode.fingerprint": ("checkpoint_fingerprint", "run_fingerprint"),
    "podtts.episode.journal": ("Journal",),
    "podtts.episode.journal_lines": ("FinishedTurn",),
    "podtts.episode.writer": ("EpisodePlan", "EpisodeResult", "EpisodeWriter"),
    "podtts.errors": (
        "AudioError",
        "DeviceError",
        "DiskError",
        "InputError",
        "ModelError",
        "PartialError",
        "PodttsError",
        "ScriptError",
        "UsageError",
        "VoiceError",
    ),
    "podtts.flow.decode": ("Flow", "noise_frames"),
    "podtts.flow.prompt_states": ("PromptStates",),
    "podtts.hub.pull": ("pull_model",),
    "podtts.hub.registry": ("find_published", "find_source"),
    "podtts.llm.decoder": ("generate",),
    "podtts.llm.dialogue": ("Dialogue",),
    "podtts.llm.prefix": ("PrefixStore",),
    "podtts.llm.qwen3": ("Qwen3",),
    "podtts.llm.template": ("Template",),
    "podtts.options": ("FlowOptions", "SamplingOptions", "SynthesisOptions", "WindowOptions"),
    "podtts.pipeline": ("Synthesizer",),
    "podtts.presets": ("Preset", "choose_preset", "suited", "suited_placement"),
    "podtts.prompts.cache": ("PromptCache", "PromptKey"),
    "podtts.prompts.casting": ("CastPrompt", "VoiceCasting", "gather_prompts"),
    "podtts.prompts.encoders": ("PromptEncoders",),
    "podtts.prompts.extract": ("PromptInputs", "extract_prompt", "prompt_inputs"),
    "podtts.prompts.lookup": ("VoiceSources",),
    "podtts.prompts.prepare": ("Failed", "Prepared", "prepare", "prepare_all"),
    "podtts.prompts.recording_files": ("RecordingFile", "find_recordings"),
    "podtts.prompts.voices": ("Voice", "VoiceStore"),
    "podtts.publish.publish_options": ("LayoutOptions", "PublishOptions"),
    "podtts.script.model": ("Script", "ScriptPrompt"),
    "podtts.script.own_form": ("own_form",),
    "podtts.script.parse": ("parse_script",),
    "podtts.script.read": ("decode_script", "read_script"),
    "podtts.script.reading": ("ReadingOptions",),
    "podtts.script.spoken": ("SpeechTextOptions", "spoken_script"),
    "podtts.text.lexicon": ("Lexicon", "read_lexicons"),
    "podtts.text.normalize": ("normalize_text",),
    "podtts.values": (
        "AudioChunk",
        "Chapter",
        "Heard",
        "PromptFeatures",
        "SpeakerPrompt",
        "SpeechTokens",
        "StageSeconds",
        "Turn",
        "TurnAudio",
    ),
    "podtts.vocoder.hift": ("Vocoder",),
    "podtts.weights.convert": ("convert_checkpoint",),
    "podtts.weights.derived": ("OpenedCheckpoint", "open_checkpoint"),
    "podtts.weights.load": ("Models", "load_models"),
    "podtts.weights.voices": ("checkpoint_encoders", "checkpoint_voices"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AudioChunk",
    "AudioError",
    "CastPrompt",
    "Chapter",
    "DeviceError",
    "Dialogue",
    "DiskError",
    "Engine",
    "EpisodePlan",
    "EpisodeResult",
    "EpisodeWriter",
    "Failed",
    "FinishedTurn",
    "Flow",
    "FlowOptions",
    "Heard",
    "InputError",
    "Journal",
    "LayoutOptions",
    "Lexicon",
    "ModelError",
    "Models",
    "OpenedCheckpoint",
    "PartialError",
    "Placement",
    "PodttsError",
    "PrefixStore",
    "Prepared",
    "Preset",
    "PromptCache",
    "PromptEncoders",
    "PromptFeatures",
    "PromptInputs",
    "PromptKey",
    "PromptStates",
    "PublishOptions",
    "Qwen3",
    "ReadingOptions",
    "Recording",
    "RecordingFile",
    "Request",
    "RequestFailed",
    "RequestFinished",
    "SamplingOptions",
    "Script",
    "ScriptError",
    "ScriptPrompt",
    "SoundRendered",
    "SpeakerPrompt",
    "SpeechTextOptions",
    "SpeechTokens",
    "StageSeconds",
    "SynthesisOptions",
    "Synthesizer",
    "Template",
    "TokensDecoded",
    "Turn",
    "TurnAudio",
    "TurnFinished",
    "TurnListener",
    "UsageError",
    "Vocoder",
    "Voice",
    "VoiceCasting",
    "VoiceError",
    "VoiceSources",
    "VoiceStore",
    "WavStream",
    "WavWriter",
    "Whisper",
    "WindowOptions",
    "__version__",
    "checkpoint_encoders",
    "checkpoint_fingerprint",
    "checkpoint_voices",
    "choose_preset",
    "convert_checkpoint",
    "decode_audio",
    "decode_script",
    "extract_prompt",
    "find_published",
    "find_recordings",
    "find_source",
    "gather_prompts",
    "generate",
    "load_models",
    "noise_frames",
    "normalize_text",
    "open_checkpoint",
    "own_form",
    "parse_script",
    "place",
    "prepare",
    "prepare_all",
    "prompt_inputs",
    "pull_model",
    "read_lexicons",
    "read_script",
    "run_fingerprint",
    "spoken_script",
    "stage_rng",
    "suited",
    "suited_placement",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'podtts' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
