"""podtts turns a dialogue script into a finished podcast with the SoulX-Podcast model family.

Everything the command line does can be done from here, and every stage can be called alone; see
docs/library.md. Names are loaded when first used, so that `import podtts` is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podtts.audio.io import Recording, decode_audio
    from podtts.audio.wav import WavStream, WavWriter
    from podtts.device.placement import Placement, place
    from podtts.engine.rng import stage_rng
    from podtts.errors import (
        AudioError,
        DeviceError,
        InputError,
        ModelError,
        PartialError,
        PodttsError,
        ScriptError,
        UsageError,
        VoiceError,
    )
    from podtts.flow.decode import Flow, noise_frames
    from podtts.hub.pull import pull_model
    from podtts.hub.registry import find_source
    from podtts.llm.decoder import generate
    from podtts.llm.dialogue import Dialogue
    from podtts.llm.qwen3 import Qwen3
    from podtts.llm.template import Template
    from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions, WindowOptions
    from podtts.pipeline import Synthesizer
    from podtts.prompts.cache import PromptCache, PromptKey
    from podtts.prompts.casting import CastPrompt, gather_prompts
    from podtts.prompts.encoders import PromptEncoders
    from podtts.prompts.extract import PromptInputs, extract_prompt, prompt_inputs
    from podtts.prompts.prepare import Failed, Prepared, prepare, prepare_all
    from podtts.prompts.recording_files import RecordingFile, find_recordings
    from podtts.prompts.voices import Voice, VoiceStore
    from podtts.script.model import Script, ScriptPrompt
    from podtts.script.parse import parse_script
    from podtts.script.read import decode_script, read_script
    from podtts.script.spoken import SpeechTextOptions, spoken_script
    from podtts.text.lexicon import Lexicon, read_lexicons
    from podtts.text.normalize import normalize_text
    from podtts.values import (
        Chapter,
        PromptFeatures,
        SpeakerPrompt,
        SpeechTokens,
        StageSeconds,
        Turn,
        TurnAudio,
    )
    from podtts.vocoder.hift import Vocoder
    from podtts.weights.convert import convert_checkpoint
    from podtts.weights.files import checkpoint_encoders
    from podtts.weights.load import Models, load_models

__version__ = "0.1.0"

_HOMES = {
    "podtts.audio.io": ("Recording", "decode_audio"),
    "podtts.audio.wav": ("WavStream", "WavWriter"),
    "podtts.prompts.casting": ("CastPrompt", "gather_prompts"),
    "podtts.device.placement": ("Placement", "place"),
    "podtts.errors": (
        "AudioError",
        "DeviceError",
        "InputError",
        "ModelError",
        "PartialError",
        "PodttsError",
        "ScriptError",
        "UsageError",
        "VoiceError",
    ),
    "podtts.flow.decode": ("Flow", "noise_frames"),
    "podtts.llm.dialogue": ("Dialogue",),
    "podtts.llm.decoder": ("generate",),
    "podtts.llm.qwen3": ("Qwen3",),
    "podtts.llm.template": ("Template",),
    "podtts.options": ("FlowOptions", "SamplingOptions", "SynthesisOptions", "WindowOptions"),
    "podtts.pipeline": ("Synthesizer",),
    "podtts.prompts.cache": ("PromptCache", "PromptKey"),
    "podtts.prompts.encoders": ("PromptEncoders",),
    "podtts.prompts.extract": ("PromptInputs", "extract_prompt", "prompt_inputs"),
    "podtts.prompts.recording_files": ("RecordingFile", "find_recordings"),
    "podtts.prompts.prepare": ("Failed", "Prepared", "prepare", "prepare_all"),
    "podtts.prompts.voices": ("Voice", "VoiceStore"),
    "podtts.engine.rng": ("stage_rng",),
    "podtts.script.model": ("Script", "ScriptPrompt"),
    "podtts.script.parse": ("parse_script",),
    "podtts.script.read": ("decode_script", "read_script"),
    "podtts.script.spoken": ("SpeechTextOptions", "spoken_script"),
    "podtts.text.lexicon": ("Lexicon", "read_lexicons"),
    "podtts.text.normalize": ("normalize_text",),
    "podtts.values": (
        "Chapter",
        "PromptFeatures",
        "SpeakerPrompt",
        "SpeechTokens",
        "StageSeconds",
        "Turn",
        "TurnAudio",
    ),
    "podtts.vocoder.hift": ("Vocoder",),
    "podtts.weights.convert": ("convert_checkpoint",),
    "podtts.weights.files": ("checkpoint_encoders",),
    "podtts.weights.load": ("Models", "load_models"),
    "podtts.hub.pull": ("pull_model",),
    "podtts.hub.registry": ("find_source",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AudioError",
    "CastPrompt",
    "Chapter",
    "DeviceError",
    "Dialogue",
    "Failed",
    "Flow",
    "FlowOptions",
    "InputError",
    "Lexicon",
    "ModelError",
    "Models",
    "PartialError",
    "Placement",
    "PodttsError",
    "Prepared",
    "PromptCache",
    "PromptEncoders",
    "PromptFeatures",
    "PromptInputs",
    "PromptKey",
    "Qwen3",
    "Recording",
    "RecordingFile",
    "SamplingOptions",
    "Script",
    "ScriptError",
    "ScriptPrompt",
    "SpeakerPrompt",
    "SpeechTextOptions",
    "SpeechTokens",
    "StageSeconds",
    "SynthesisOptions",
    "Synthesizer",
    "Template",
    "Turn",
    "TurnAudio",
    "UsageError",
    "Vocoder",
    "Voice",
    "VoiceError",
    "VoiceStore",
    "WavStream",
    "WavWriter",
    "WindowOptions",
    "__version__",
    "checkpoint_encoders",
    "convert_checkpoint",
    "decode_audio",
    "decode_script",
    "extract_prompt",
    "find_recordings",
    "find_source",
    "gather_prompts",
    "generate",
    "load_models",
    "noise_frames",
    "normalize_text",
    "parse_script",
    "place",
    "prepare",
    "prepare_all",
    "prompt_inputs",
    "pull_model",
    "read_lexicons",
    "read_script",
    "spoken_script",
    "stage_rng",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'podtts' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
