"""How fingerprints of a run are recorded and compared: every key that decides a run's bits.

A journal's first line records a fingerprint. When a run resumes the journal, the recorded values
are compared with those of the run, key by key. A key that podtts adds later brings the value that
older records are read with, so no option that is added later makes them useless.

A path names a key: `flow.steps` is the member `steps` of the object `flow`, `speakers.*.transcript`
that of every element of the list `speakers`, and `speakers` alone is the length of the list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeGuard

from podtts.text.characters import excerpt

# Raise when the meaning of a key changes or a key goes. A new key needs no new version.
SCHEMA_VERSION = 2
# Raise when the same inputs give other bits.
NUMERICS = 1
# Records of schema 1 hold the version of podtts and no numerics.
_NUMERICS_OF_VERSION = {"0.1.0": 1}
_VERSION_OF_NUMERICS = {numerics: version for version, numerics in _NUMERICS_OF_VERSION.items()}
_NOT_COMPARED = ("schema", "podtts")

_DIGEST_CHARACTERS = 12
_SHOWN_DIFFERENCES = 4
_SAME_OPTIONS = "use the same options again"
_SEE_DOCTOR = "see podtts doctor for what computes here"

Path = tuple[str, ...]


class Absent(Enum):
    """What it means that a record lacks a key, where no value says it."""

    DAMAGED = "every version of podtts records the key"
    ACCEPTED = "older versions did not record it, and every value is accepted"


@dataclass(frozen=True)
class Key:
    """One value of a fingerprint.

    words:  what people call it.
    older:  the value that records without the key are read with, or what its absence means.
    device: the only type of device on which the value decides anything; empty: on all.
    advice: what to do when a run has another value.
    computes: whether it says what computes, and not what is computed: turns with other values
            differ in their last bits alone, and can be mixed.
    """

    path: str
    words: str
    older: object = Absent.DAMAGED
    device: str = ""
    advice: str = _SAME_OPTIONS
    computes: bool = False


@dataclass(frozen=True)
class Mismatch:
    """Why a recorded run cannot be continued, and what to do.

    before: the recorded values that differ, by path, if all of them say what computes. Then the run
            can be continued all the same, and has turns of both.
    """

    problem: str
    advice: str
    before: Mapping[str, object] = field(default_factory=dict)


KEYS = (
    Key(
        "numerics",
        "numerics version",
        advice="use the version of podtts that made it",
        computes=True,
    ),
    # What computes the LLM's layers, the flow's estimator and the vocoder's residual blocks:
    # compiled code with its instruction set and version, ONNX Runtime or torch.
    *(
        Key(
            f"kernels.{part}",
            f"{words} computed by",
            older=Absent.ACCEPTED,
            advice=_SEE_DOCTOR,
            computes=True,
        )
        for part, words in (
            ("llm", "the LLM's layers"),
            ("flow", "the flow"),
            ("vocoder", "the vocoder"),
        )
    ),
    Key("torch", "torch", advice="install the same version of torch again", computes=True),
    Key(
        "onnxruntime",  # None where it does not compute the LLM's layers
        "onnxruntime",
        older=Absent.ACCEPTED,
        advice="install the same version of onnxruntime again",
        computes=True,
    ),
    Key("checkpoint", "checkpoint", advice="use the same --model again"),
    Key("device", "device", advice="use the same --device again", computes=True),
    # The model of a GPU, or the instructions of a CPU that torch uses.
    Key(
        "processor",
        "processor",
        older=Absent.ACCEPTED,
        advice="use the same machine again",
        computes=True,
    ),
    Key("dtype", "dtype", advice="use the same --dtype again", computes=True),
    Key("quantize", "quantization", computes=True),
    # On a CPU, torch runs the flow's encoder and parts of the vocoder, and sums in an order that
    # depends on the threads. For other devices the CPU loads weights and draws numbers one by one.
    Key("threads", "threads", device="cpu", advice="use the same --threads again", computes=True),
    Key("speakers", "number of speakers", advice="use the same script again"),
    Key("speakers.*.features", "voice features", advice="use the same voices again"),
    Key("speakers.*.transcript", "transcript", advice="use the same voices again"),
    Key("speakers.*.dialect_prompt", "dialect prompt", advice="use the same voices again"),
    Key("seed", "seed", advice="use the same --seed again"),
    Key("sampling.temperature", "temperature"),
    Key("sampling.top_k", "top-k"),
    Key("sampling.top_p", "top-p"),
    Key("sampling.repetition_penalty", "repetition penalty"),
    Key("sampling.min_tokens", "shortest turn in tokens"),
    Key("sampling.max_tokens", "longest turn in tokens"),
    Key("sampling.repeat_window", "repeat window"),
    Key("sampling.repeat_limit", "repeat limit"),
    Key("sampling.greedy", "greedy sampling"),
    Key(
        "window.max_turns",
        "turns in the context window",
        advice="use the same --context-turns again",
    ),
    Key("window.max_tokens", "tokens in the context window"),
    Key("window.text_turns", "turns in the context as text"),
    Key("window.full_turns", "turns in the context in full"),
    Key("flow.steps", "flow steps"),
    Key("flow.solver", "flow solver"),
    Key("flow.precision", "flow precision", computes=True),
    Key("flow.guidance", "flow guidance"),
    Key("flow.guided_start", "guided start of the flow"),
    Key("flow.prompt_seconds", "flow prompt seconds"),
    Key("flow.chunk_causal", "chunk-causal flow"),
    Key("flow.mode", "flow mode", older="full"),
    Key(  # None in the mode full
        "flow.streaming",
        "definition of the streaming flow",
        older=None,
        advice="use the version of podtts that made it",
    ),
    Key(
        "flow.streaming_kernel",  # None in the mode full, and where torch computes the other
        "compiled code of the streaming flow",
        older=None,
        advice=_SEE_DOCTOR,
        computes=True,
    ),
    Key("retries", "retries", advice="use the same --retries again"),
    Key("check_length", "check of each turn's length"),
    # Listening decides which attempt of a turn is accepted. Older versions did not listen.
    Key(
        "verify_limit", "limit of --verify", older=None, advice="use the same --verify-limit again"
    ),
    Key("recognizer", "recognizer", older=None, advice="use the same --recognizer again"),
    Key(
        "recognizer_version",
        "recognizer computed by",
        older=None,
        advice="install the same versions again",
    ),
    Key(
        "recognizer_settings",
        "settings of the recognizer",
        older=None,
        advice="use the version of podtts that made it",
    ),
)


class FingerprintSchema:
    """The keys of fingerprints, and what follows from them."""

    def __init__(self, keys: Sequence[Key] = KEYS) -> None:
        self._keys = {tuple(key.path.split(".")): key for key in keys}

    def unknown_keys(self, values: Mapping[str, object]) -> list[str]:
        """The paths of a fingerprint's values that the schema does not know."""
        paths = (path for path, _ in _leaves(values))
        return [".".join(path) for path in paths if _pattern(path) not in self._keys]

    def mismatch(
        self, recorded: Mapping[str, object], current: Mapping[str, object]
    ) -> Mismatch | None:
        """Return why a run cannot resume what is recorded; None: it can.

        recorded: a fingerprint as some version of podtts recorded it, as JSON values.
        current:  the fingerprint of the run.
        """
        version = recorded.get("schema", 1)
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            return Mismatch(
                f"the journal has a fingerprint of version {version!r}, and this podtts reads "
                f"versions up to {SCHEMA_VERSION}",
                "update podtts",
            )
        values = {key: value for key, value in recorded.items() if key not in _NOT_COMPARED}
        if version == 1 and "numerics" not in values:
            made_by = recorded.get("podtts")
            if not isinstance(made_by, str) or made_by not in _NUMERICS_OF_VERSION:
                return Mismatch(
                    f"the journal was made with podtts {_shown(made_by)}, whose numerics are "
                    "unknown to this podtts",
                    "use the version of podtts that made it",
                )
            values["numerics"] = _NUMERICS_OF_VERSION[made_by]
        if unknown := self.unknown_keys(values):
            return Mismatch(
                f"the journal records {excerpt(unknown[0])}, which this podtts does not know",
                "use the version of podtts that made it",
            )
        return self._difference(dict(_leaves(values)), dict(_leaves(current)))

    def _difference(
        self, recorded: Mapping[Path, object], current: Mapping[Path, object]
    ) -> Mismatch | None:
        if _is_other_order(recorded, current):
            return Mismatch(
                "the journal was made with the speakers in another order",
                "begin the script with a line for each label, such as S1 = anna, in that order",
            )
        differences: list[str] = []
        before: dict[str, object] = {}
        advice, all_compute = "", True
        for path, value in current.items():
            key = self._keys[_pattern(path)]
            older = recorded.get(path, key.older)
            if older is Absent.ACCEPTED or key.device not in ("", current[("device",)]):
                continue
            if len(path) > 1 and recorded.get(path[:1]) != current.get(path[:1]):
                continue  # lists of different lengths: their length says it
            if older is Absent.DAMAGED:
                return Mismatch(
                    f"the journal does not record {'.'.join(path)}: its first line is damaged",
                    "move the journal away",
                )
            if older != value:
                difference = f"with {_words(key, path)} {_shown(older)}"
                differences.append(f"{difference}, this run uses {_shown(value)}")
                advice, all_compute = advice or key.advice, all_compute and key.computes
                before[".".join(path)] = older
        if not differences:
            return None
        shown = "; ".join(differences[:_SHOWN_DIFFERENCES])
        if (more := len(differences) - _SHOWN_DIFFERENCES) > 0:
            shown += f"; and {more} more"
        problem = f"the journal was made {shown}"
        return Mismatch(problem, advice, before if all_compute else {})

    def digest_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a fingerprint from which a digest of it is computed.

        Keys with the value of older records are left out, so that a digest that an older version
        computed is still that of the same run. Keys that the schema does not know stay.
        """
        known = self._without_older(values, ())
        if known.get("numerics") in _VERSION_OF_NUMERICS:
            known["podtts"] = _VERSION_OF_NUMERICS[known.pop("numerics")]
        return known

    def _without_older(self, values: Mapping[str, Any], above: Path) -> dict[str, Any]:
        rest = {}
        for name, value in values.items():
            path = (*above, name)
            if (key := self._keys.get(path)) is not None:
                older = None if key.older is Absent.ACCEPTED else key.older
                if value == older:
                    continue
            if isinstance(value, Mapping):
                value = self._without_older(value, path)
            elif _is_list_of_objects(value):
                value = [self._without_older(element, (*path, "*")) for element in value]
            rest[name] = value
        return rest


def _leaves(values: Mapping[str, object], above: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every value by its path; of a list of objects its length, and the values of each object."""
    for name, value in values.items():
        path = (*above, name)
        if isinstance(value, Mapping):
            yield from _leaves(value, path)
        elif _is_list_of_objects(value):
            yield path, len(value)
            for number, element in enumerate(value):
                yield from _leaves(element, (*path, str(number)))
        else:
            yield path, value


def _is_other_order(recorded: Mapping[Path, object], current: Mapping[Path, object]) -> bool:
    """Whether both have the same speakers in another order."""

    def speakers(values: Mapping[Path, object]) -> list[dict[str, object]]:
        found: dict[str, dict[str, object]] = {}
        for path, value in values.items():
            if path[0] == "speakers" and len(path) == 3:
                found.setdefault(path[1], {})[path[2]] = value
        return list(found.values())

    before, now = speakers(recorded), speakers(current)
    return before != now and sorted(map(_sorted, before)) == sorted(map(_sorted, now))


def _sorted(values: Mapping[str, object]) -> str:
    return json.dumps(values, sort_keys=True)


def _is_list_of_objects(value: object) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(value, list) and all(isinstance(element, Mapping) for element in value)


def _pattern(path: Path) -> Path:
    return tuple("*" if part.isdecimal() else part for part in path)


def _words(key: Key, path: Path) -> str:
    """What people call a value: `flow steps`, `transcript of speaker 2`."""
    numbers = [int(part) + 1 for part in path if part.isdecimal()]
    return f"{key.words} of speaker {numbers[0]}" if numbers else key.words


def _shown(value: object) -> str:
    """A value in words."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        is_digest = len(value) == 64 and set(value) <= set("0123456789abcdef")
        return value[:_DIGEST_CHARACTERS] if is_digest else excerpt(value)
    return excerpt(str(value))
