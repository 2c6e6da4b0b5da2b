import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.fingerprint import fingerprint

from podtts.episode.fingerprint_schema import (
    KEYS,
    NUMERICS,
    SCHEMA_VERSION,
    FingerprintSchema,
    Key,
)
from podtts.flow.chunks import STREAMING_VERSION
from podtts.options import FlowOptions, SynthesisOptions

FINGERPRINT = fingerprint()


def older_record(**changes: Any) -> dict[str, Any]:
    """What the first version of podtts recorded of FINGERPRINT's run."""
    values = copy.deepcopy(FINGERPRINT)
    del values["numerics"], values["onnxruntime"], values["kernels"], values["processor"]
    for key in ("verify_limit", "recognizer", "recognizer_version", "recognizer_settings"):
        del values[key]
    for key in ("mode", "streaming", "streaming_kernel"):
        del values["flow"][key]
    return {"podtts": "0.1.0", **values, **changes}


def newer_record(**changes: Any) -> dict[str, Any]:
    return {"schema": SCHEMA_VERSION, "podtts": "9.9.9", **copy.deepcopy(FINGERPRINT), **changes}


def problem(recorded: dict[str, Any], current: dict[str, Any] = FINGERPRINT) -> str:
    mismatch = FingerprintSchema().mismatch(recorded, current)
    assert mismatch is not None
    return mismatch.problem


def test_every_key_of_a_fingerprint_is_declared() -> None:
    """A new option needs a key, with the value that older records are read with."""
    assert FingerprintSchema().unknown_keys(FINGERPRINT) == []
    declared = {key.path for key in KEYS}
    assert len(declared) == len(KEYS)
    without = {"speakers.*.features", "speakers.*.transcript", "speakers.*.dialect_prompt"}
    for path in declared - without - {"speakers"}:
        value: Any = FINGERPRINT
        for name in path.split("."):
            value = value[name]


def test_a_record_of_the_same_run_matches() -> None:
    assert FingerprintSchema().mismatch(newer_record(), FINGERPRINT) is None


def test_the_first_version_is_read_as_numerics_1() -> None:
    assert NUMERICS == 1
    assert FingerprintSchema().mismatch(older_record(), FINGERPRINT) is None
    assert problem(older_record(), fingerprint(numerics=2)) == (
        "the journal was made with numerics version 1, this run uses 2"
    )


@pytest.mark.parametrize("version", ["0.0.9", None, 3])
def test_other_versions_without_numerics_are_refused(version: object) -> None:
    assert "whose numerics are unknown to this podtts" in problem(older_record(podtts=version))


def test_numerics_decide_and_not_the_version_of_podtts() -> None:
    assert "numerics version 7, this run uses 1" in problem(newer_record(numerics=7))


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, "2", None])
def test_a_newer_schema_is_refused(version: object) -> None:
    assert "this podtts reads versions up to 2" in problem(newer_record(schema=version))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("seed", 5, "with seed 5, this run uses 1988"),
        ("torch", "2.1", "with torch 2.1, this run uses 2.0"),
        ("checkpoint", "d" * 64, "with checkpoint dddddddddddd, this run uses cccccccccccc"),
        ("flow.steps", 8, "with flow steps 8, this run uses 15"),
        ("flow.prompt_seconds", 3.5, "with flow prompt seconds 3.5, this run uses none"),
        ("check_length", False, "with check of each turn's length off, this run uses on"),
        ("speakers.1.transcript", "Who?", "transcript of speaker 2 Who?, this run uses I am ben."),
    ],
)
def test_a_refusal_names_the_key_and_both_values(path: str, value: object, words: str) -> None:
    recorded = older_record()
    parent: Any = recorded
    *above, name = path.split(".")
    for part in above:
        parent = parent[int(part) if part.isdecimal() else part]
    parent[name] = value
    assert problem(recorded).endswith(words)


def test_several_differences_are_named_up_to_four() -> None:
    options = SynthesisOptions(seed=1, flow=FlowOptions(4, "heun", "bfloat16", 0.5))
    assert problem(older_record(), fingerprint(options)) == (
        "the journal was made with seed 1988, this run uses 1; "
        "with flow steps 15, this run uses 4; with flow solver euler, this run uses heun; "
        "with flow precision float32, this run uses bfloat16; and 1 more"
    )


def test_another_number_of_speakers_is_named_alone() -> None:
    recorded = older_record()
    del recorded["speakers"][1]
    assert problem(recorded) == ("the journal was made with number of speakers 1, this run uses 2")
    recorded["speakers"] += FINGERPRINT["speakers"]
    assert problem(recorded).endswith("number of speakers 3, this run uses 2")


def test_threads_count_on_a_cpu_alone() -> None:
    assert problem(older_record(threads=9)).endswith("with threads 9, this run uses 2")
    on_cuda = older_record(threads=9, device="cuda")
    assert FingerprintSchema().mismatch(on_cuda, fingerprint(device="cuda")) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"kernels": {"llm": "torch", "flow": "torch"}},
            "the LLM's layers computed by compiled code avx512 1, this run uses torch",
        ),
        (
            {"kernels": {"llm": "compiled code avx512 1", "flow": "compiled code avx2 1"}},
            "the flow computed by torch, this run uses compiled code avx2 1",
        ),
        (
            {"kernels": {**FINGERPRINT["kernels"], "vocoder": "compiled code avx2 1"}},
            "the vocoder computed by torch, this run uses compiled code avx2 1",
        ),
        (
            {"processor": "AVX2, no bfloat16"},
            "processor AVX512, native bfloat16, this run uses AVX2, no bfloat16",
        ),
    ],
)
def test_what_computes_was_not_recorded_at_first_and_counts_since(
    change: dict[str, Any], words: str
) -> None:
    current = fingerprint(**change)
    assert FingerprintSchema().mismatch(older_record(), current) is None
    assert problem(newer_record(), current) == f"the journal was made with {words}"


@pytest.mark.parametrize(
    ("changes", "before"),
    [
        ({"threads": 1}, {"threads": 2}),
        (
            {"kernels": {"llm": "torch", "flow": "torch"}, "torch": "2.1"},
            {"kernels.llm": "compiled code avx512 1", "torch": "2.0"},
        ),
        ({"device": "cuda", "processor": "a GPU"}, {"device", "processor"}),
        ({"checkpoint": "d" * 64}, {}),
        ({"threads": 1, "checkpoint": "d" * 64}, {}),
    ],
)
def test_runs_that_differ_in_what_computes_alone_can_be_mixed(
    changes: dict[str, Any], before: Any
) -> None:
    mismatch = FingerprintSchema().mismatch(newer_record(), fingerprint(**changes))
    assert mismatch is not None
    assert (mismatch.before.keys() if isinstance(before, set) else mismatch.before) == before


def test_options_of_the_sound_cannot_be_mixed() -> None:
    for options in (SynthesisOptions(seed=1), SynthesisOptions(flow=FlowOptions(4))):
        mismatch = FingerprintSchema().mismatch(newer_record(), fingerprint(options))
        assert mismatch is not None
        assert not mismatch.before


def test_another_order_of_the_speakers_is_named() -> None:
    recorded = newer_record()
    recorded["speakers"].reverse()
    assert problem(recorded) == "the journal was made with the speakers in another order"
    recorded["speakers"][0] = recorded["speakers"][1]
    assert "transcript of speaker 2" in problem(recorded)


def test_onnxruntime_was_not_recorded_at_first_and_counts_since() -> None:
    uses_onnx = fingerprint(onnxruntime="1.20.0")
    assert FingerprintSchema().mismatch(older_record(), uses_onnx) is None
    assert problem(newer_record(), uses_onnx).endswith(
        "with onnxruntime none, this run uses 1.20.0"
    )


def test_a_key_that_is_added_later_is_read_with_its_older_value() -> None:
    later = FingerprintSchema(
        (
            *KEYS,
            Key("flow.shape", "flow shape", older="round"),
            Key("speakers.*.pace", "pace", older=1.0),
        )
    )
    speakers = [{**speaker, "pace": 1.0} for speaker in FINGERPRINT["speakers"]]
    current = {**FINGERPRINT, "flow": {**FINGERPRINT["flow"], "shape": "round"}}
    current["speakers"] = speakers
    for recorded in (older_record(), newer_record()):
        assert later.mismatch(recorded, current) is None
        other = {**current, "flow": {**FINGERPRINT["flow"], "shape": "flat"}}
        mismatch = later.mismatch(recorded, other)
        assert mismatch is not None
        assert mismatch.problem.endswith("with flow shape round, this run uses flat")
    # The other way round: this version meets a journal that a later one made.
    assert problem({**newer_record(), "flow": current["flow"]}) == (
        "the journal records flow.shape, which this podtts does not know"
    )
    assert later.digest_values(current) == FingerprintSchema().digest_values(FINGERPRINT)
    assert later.digest_values(other)["flow"]["shape"] == "flat"


def test_a_journal_without_a_flow_mode_was_made_with_whole_turns() -> None:
    assert "mode" not in older_record()["flow"]
    assert FingerprintSchema().mismatch(older_record(), fingerprint()) is None
    streaming = fingerprint(SynthesisOptions(flow=FlowOptions(mode="streaming")))
    assert problem(older_record(), streaming).endswith(
        "with flow mode full, this run uses streaming; with definition of the streaming flow none, "
        f"this run uses {STREAMING_VERSION}"
    )
    older = {**streaming, "flow": {**streaming["flow"], "streaming": STREAMING_VERSION + 1}}
    mismatch = FingerprintSchema().mismatch(older, streaming)
    assert mismatch is not None
    assert mismatch.advice == "use the version of podtts that made it"


def test_a_stream_of_torch_is_not_one_of_compiled_code() -> None:
    """Older versions computed this mode in torch, and their journals do not say it."""
    options = SynthesisOptions(flow=FlowOptions(mode="streaming"))
    compiled = {"llm": "compiled code avx512 1", "flow": "compiled code avx512 2"}
    by_torch, current = fingerprint(options), fingerprint(options, kernels=compiled)
    older = copy.deepcopy(by_torch)
    del older["flow"]["streaming_kernel"]
    older["kernels"] = compiled  # of whole turns
    mismatch = FingerprintSchema().mismatch(older, current)
    assert mismatch is not None
    assert mismatch.problem == (
        "the journal was made with compiled code of the streaming flow none, this run uses "
        "compiled code avx512 2"
    )
    assert mismatch.before == {"flow.streaming_kernel": None}
    without = {"kernels": by_torch["kernels"], "schema": SCHEMA_VERSION}
    assert FingerprintSchema().mismatch({**older, **without}, by_torch) is None
    assert fingerprint(kernels=compiled)["flow"]["streaming_kernel"] is None


@pytest.mark.parametrize("path", ["seed", "device", "flow", "flow.steps", "speakers"])
def test_a_record_without_a_key_that_all_versions_write_is_damaged(path: str) -> None:
    recorded: Any = older_record()
    *above, name = path.split(".")
    del (recorded[above[0]] if above else recorded)[name]
    assert "its first line is damaged" in problem(recorded)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "1988"},
        {"seed": None},
        {"flow": 3},
        {"flow": []},
        {"speakers": {"0": FINGERPRINT["speakers"][0]}},
        {"speakers": "two"},
        {"extra": 1},
        {"flow.steps": 15},
    ],
)
def test_a_changed_record_is_never_taken_for_the_run(change: dict[str, Any]) -> None:
    assert problem(older_record(**change))


def test_digests_of_the_first_version_stay() -> None:
    """It had the version of podtts in place of the numerics, and no other key.

    The values of a digest are those that a batch knows before its workers run: not what computes.
    """
    of_batch = {key: FINGERPRINT[key] for key in FINGERPRINT if key not in ("kernels", "processor")}
    assert FingerprintSchema().digest_values(of_batch) == older_record()
    raised = FingerprintSchema().digest_values(of_batch | {"numerics": 2})
    assert raised["numerics"] == 2
    assert "podtts" not in raised


@pytest.mark.parametrize("record", [older_record, newer_record])
def test_a_run_that_is_heard_is_another_run(record: Callable[[], dict[str, Any]]) -> None:
    """Records of versions that had no ears are those of runs that nobody heard."""
    ears = {
        "recognizer": "e" * 64,
        "recognizer_version": "faster-whisper 1.2.1, ctranslate2 4.8.5",
        "recognizer_settings": "int8",
    }
    heard = fingerprint(SynthesisOptions(verify_limit=0.3), **ears)
    assert problem(record(), heard) == (
        "the journal was made with recognizer none, this run uses eeeeeeeeeeee; "
        "with recognizer computed by none, this run uses faster-whisper 1.2.1, ctranslate2 4.8.5; "
        "with settings of the recognizer none, this run uses int8; "
        "with limit of --verify none, this run uses 0.3"
    )
    assert problem(newer_record() | heard) == (
        "the journal was made with recognizer eeeeeeeeeeee, this run uses none; "
        "with recognizer computed by faster-whisper 1.2.1, ctranslate2 4.8.5, this run uses none; "
        "with settings of the recognizer int8, this run uses none; "
        "with limit of --verify 0.3, this run uses none"
    )
    digested = FingerprintSchema().digest_values(heard)
    assert digested["verify_limit"] == 0.3
    assert digested.items() >= ears.items()


def test_how_far_a_run_goes_decides_nothing() -> None:
    assert fingerprint(replace(SynthesisOptions(), limit_turns=3)) == FINGERPRINT
