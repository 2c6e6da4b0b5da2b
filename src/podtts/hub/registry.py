"""The published models that have a name, and the files that podtts needs from a repository."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from podtts.errors import ModelError, nearest
from podtts.hub.client import HubName


@dataclass(frozen=True)
class PinnedFile:
    """A file of a hub repository with a known digest."""

    repo: str
    path: str
    sha256: str
    modelscope_repo: str | None = None  # where ModelScope has another name for the repository


@dataclass(frozen=True)
class ModelSource:
    """Where a checkpoint is published. The speech tokenizer is in another repository."""

    name: str
    repo: str
    licence: str  # of the checkpoint and of the speech tokenizer
    speech_tokenizer: PinnedFile

    @property
    def pinned_files(self) -> tuple[PinnedFile, ...]:
        """The files that come from other repositories."""
        return (self.speech_tokenizer,)

    def wanted_files(self, listing: Collection[str]) -> tuple[str, ...]:
        """Select the files of the repository; see `wanted_files`."""
        return wanted_files(self.repo, listing)


@dataclass(frozen=True)
class RecognizerSource:
    """Where a speech recognizer is published: Whisper in CTranslate2's format."""

    name: str
    repo: str
    licence: str

    @property
    def pinned_files(self) -> tuple[PinnedFile, ...]:
        """None: all files are in one repository."""
        return ()

    def wanted_files(self, listing: Collection[str]) -> tuple[str, ...]:
        """Select the files of the repository. Raises ModelError that names what is missing."""
        if missing := missing_recognizer_files(listing):
            raise ModelError(
                f"{self.repo} lacks {', '.join(missing)}",
                hint="it is not a Whisper model for CTranslate2, or not at this revision",
            )
        known = (*_RECOGNIZER, *_VOCABULARIES, *_RECOGNIZER_OPTIONAL)
        return tuple(path for path in known if path in listing)


Source = ModelSource | RecognizerSource


_SPEECH_TOKENIZER_V2 = PinnedFile(
    repo="FunAudioLLM/CosyVoice2-0.5B",
    path="speech_tokenizer_v2.onnx",
    sha256="d43342aa12163a80bf07bffb94c9de2e120a8df2f9917cd2f642e7f4219c6f71",
    modelscope_repo="iic/CosyVoice2-0.5B",
)

REGISTRY: tuple[ModelSource, ...] = (
    ModelSource(
        name="soulx-podcast-1.7b",
        repo="Soul-AILab/SoulX-Podcast-1.7B",
        licence="Apache-2.0",
        speech_tokenizer=_SPEECH_TOKENIZER_V2,
    ),
    ModelSource(
        name="soulx-podcast-1.7b-dialect",
        repo="Soul-AILab/SoulX-Podcast-1.7B-dialect",
        licence="Apache-2.0",
        speech_tokenizer=_SPEECH_TOKENIZER_V2,
    ),
)

RECOGNIZERS: tuple[RecognizerSource, ...] = (
    RecognizerSource("whisper-base", "Systran/faster-whisper-base", "MIT"),
    RecognizerSource("whisper-small", "Systran/faster-whisper-small", "MIT"),
    RecognizerSource("whisper-large-v3", "Systran/faster-whisper-large-v3", "MIT"),
    RecognizerSource(
        "whisper-large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo", "MIT"
    ),
)
DEFAULT_RECOGNIZER = "whisper-base"

_REQUIRED = ("config.json", "soulxpodcast_config.json", "campplus.onnx")
_ALTERNATIVES = (  # the first complete choice of each row is used
    (("tokenizer.json",), ("vocab.json", "merges.txt")),
    (("flow.safetensors",), ("flow.pt",)),
    (("hift.safetensors",), ("hift.pt",)),
)
_OPTIONAL = (
    "generation_config.json",
    "podtts.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "README.md",
    "LICENSE",
    "LICENSE.txt",
    "NOTICE",
)
# Without tokenizer.json the library would download one.
_RECOGNIZER = ("config.json", "model.bin", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")  # one of them
_RECOGNIZER_OPTIONAL = ("preprocessor_config.json", "README.md", "LICENSE")
_REPO = re.compile(r"[\w.-]+/[\w.-]+")
_LLM = "model.safetensors"
_LLM_INDEX = "model.safetensors.index.json"
_LLM_SHARD = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")


def model_names() -> tuple[str, ...]:
    """Return the names of the published checkpoints."""
    return tuple(source.name for source in REGISTRY)


def recognizer_names() -> tuple[str, ...]:
    """Return the names of the published recognizers."""
    return tuple(source.name for source in RECOGNIZERS)


def find_published(name: str) -> Source:
    """Return what is published under a name: a checkpoint or a recognizer. Raises ModelError."""
    for source in RECOGNIZERS:
        if source.name == name:
            return source
    return find_source(name)


def find_source(name: str) -> ModelSource:
    """Return the published checkpoint of this name. Raises ModelError, with a suggestion."""
    for source in REGISTRY:
        if source.name == name:
            return source
    names = (*model_names(), *recognizer_names())
    raise ModelError(
        f"no published model is called {name!r}{nearest(name, names)}",
        hint=f"known: {', '.join(names)}",
    )


def at_hub(source: Source, hub: HubName, repo: str | None = None) -> Source:
    """Return a source with the names that its repositories have at a hub.

    repo: OWNER/NAME of a copy of the model, instead of the published repository.
    Raises ModelError if that is no such name.
    """
    if repo is not None:
        if not _REPO.fullmatch(repo):
            raise ModelError(
                f"{repo!r} is not the name of a repository", hint="give it as OWNER/NAME"
            )
        source = replace(source, repo=repo)
    if hub == "modelscope" and isinstance(source, ModelSource):
        tokenizer = source.speech_tokenizer
        there = replace(tokenizer, repo=tokenizer.modelscope_repo or tokenizer.repo)
        return replace(source, speech_tokenizer=there)
    return source


def wanted_files(repo: str, listing: Collection[str]) -> tuple[str, ...]:
    """Select the files of a checkpoint from the file names of a repository, each name once.

    Raises ModelError that names all required files missing from the listing.
    """
    wanted: list[str] = []
    missing: list[str] = []
    for path in _REQUIRED:
        (wanted if path in listing else missing).append(path)
    for choices in _ALTERNATIVES:
        complete = next((files for files in choices if all(f in listing for f in files)), None)
        if complete is None:
            missing.append(" or ".join("+".join(files) for files in choices))
        else:
            wanted.extend(complete)
    wanted.extend(_llm_files(listing, missing))
    wanted.extend(path for path in _OPTIONAL if path in listing)
    if missing:
        raise ModelError(
            f"{repo} lacks {', '.join(missing)}",
            hint="it is not a SoulX-Podcast checkpoint, or not at this revision",
        )
    return tuple(dict.fromkeys(wanted))


def missing_recognizer_files(listing: Collection[str]) -> list[str]:
    """Return the required files of a recognizer that are not among these names."""
    missing = [path for path in _RECOGNIZER if path not in listing]
    if not any(path in listing for path in _VOCABULARIES):
        missing.append(" or ".join(_VOCABULARIES))
    return missing


def _llm_files(listing: Collection[str], missing: list[str]) -> Iterator[str]:
    """Yield the files of the LLM's weights: one file, or an index with all its shards."""
    if _LLM in listing:
        yield _LLM
        return
    if _LLM_INDEX not in listing:
        missing.append(f"{_LLM} or {_LLM_INDEX}")
        return
    yield _LLM_INDEX
    counts = {int(shard[2]) for path in listing if (shard := _LLM_SHARD.fullmatch(path))}
    if not counts:
        missing.append(f"the shards of {_LLM_INDEX}")
    for count in sorted(counts):
        for number in range(1, count + 1):
            path = f"model-{number:05d}-of-{count:05d}.safetensors"
            if path in listing:
                yield path
            else:
                missing.append(path)
