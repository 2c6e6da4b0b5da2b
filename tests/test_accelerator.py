"""Results on an accelerator equal those on the CPU. Needs a machine with CUDA or MPS."""

import threading
from dataclasses import replace

import pytest
import torch
from support.golden_data import MODEL, models, relative_rms, tensors, trace_prompts

from podtts.device.cuda_graph import NotRecorded, Recorder, why_not_recorded
from podtts.device.placement import available_devices, compiles_kernels, has_graphs, place
from podtts.device.triton_kernels import why_no_kernels
from podtts.engine.engine import Engine
from podtts.engine.render import RenderJob
from podtts.engine.request import Request, TurnFinished
from podtts.engine.streamed_turn import render_in_chunks
from podtts.flow.prompt_states import PromptStates
from podtts.llm.decoder import Decoder, NotFiniteError
from podtts.llm.kv_cache import KVCache
from podtts.options import FlowOptions, Precision, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.script.parse import parse_script
from podtts.values import PromptFeatures, SpeechTokens, TurnAudio
from podtts.weights.load import Models, load_models

DEVICE = available_devices()[0]
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA or MPS device on this machine"),
]


def accelerated() -> Models:
    return load_models(MODEL, place(DEVICE, "float32"))


def flow_rows(name: str) -> tuple[list[torch.Tensor], list[PromptFeatures], list[torch.Tensor]]:
    """Tokens, prompts and noise of the golden turns of this name."""
    golden = tensors("flow")
    names = ("short", "long") if name == "both" else (name,)
    ids = [golden[f"{each}.tokens"] for each in names]
    counts = [int(golden[f"{each}.prompt_tokens"]) for each in names]
    prompts = [
        PromptFeatures(
            row[:count], golden[f"{each}.prompt_mel"], golden[f"{each}.speaker_embedding"]
        )
        for each, row, count in zip(names, ids, counts, strict=True)
    ]
    turns = [row[count:] for row, count in zip(ids, counts, strict=True)]
    return turns, prompts, [golden[f"{each}.noise"].T for each in names]


def test_logits_equal_the_cpus() -> None:
    ids = tensors("llm")["input_ids"]
    cpu, device = models().llm, accelerated().llm
    with torch.inference_mode():
        expected = cpu.logits(cpu(ids))
        got = device.logits(device(ids.to(device.head.weight.device)))
    assert relative_rms(got.cpu(), expected) < 1e-4


def test_padded_mels_equal_the_cpus() -> None:
    got = accelerated().flow.decode_padded(*flow_rows("both"), FlowOptions())
    for name, mel in zip(("short", "long"), got, strict=True):
        assert relative_rms(mel.cpu(), tensors("flow")[f"{name}.mel"].T) < 1e-4


def test_waves_equal_the_cpus() -> None:
    golden = tensors("hift")
    vocoder = accelerated().vocoder
    wave = vocoder.wave([golden["mel"].T], [golden["source"][0]])[0]
    assert relative_rms(wave.cpu(), golden["wave"]) < 1e-4
    f0 = [golden["f0"]]
    noise = [torch.zeros(9, 480 * len(f0[0]))]
    expected = models().vocoder.source(f0, noise)[0]
    assert relative_rms(vocoder.source(f0, noise)[0].cpu(), expected) < 1e-4


def test_a_dialogue_has_the_cpus_tokens() -> None:
    script = parse_script("\n".join(f"[S{number % 2}] line {number}" for number in range(14)))
    options = SynthesisOptions(
        sampling=SamplingOptions(greedy=True, max_tokens=20), flow=FlowOptions(steps=2)
    )
    prompts = trace_prompts("plain")
    expected = list(Synthesizer(models()).synthesize(script, prompts, options))
    got = list(Synthesizer(accelerated()).synthesize(script, prompts, options))
    assert [turn.tokens for turn in got] == [turn.tokens for turn in expected]


def test_the_same_seed_gives_the_same_samples_twice() -> None:
    script = parse_script("[A] Hello.\n[B] Hi.\n")
    synthesizer = Synthesizer(load_models(MODEL, place(DEVICE)))
    options = SynthesisOptions(sampling=SamplingOptions(max_tokens=20))
    runs = [
        [turn.wave for turn in synthesizer.synthesize(script, trace_prompts("plain"), options)]
        for _ in range(2)
    ]
    assert all(torch.equal(first, second) for first, second in zip(*runs, strict=True))


RECORDS = has_graphs(torch.device(DEVICE))
recording = pytest.mark.skipif(not RECORDS, reason="this device records no graphs")
TEXTS = [[449, 450, 456] * (1 + 7 * number) for number in range(5)]


def decoded(
    decoder: Decoder, caches: list[KVCache], options: SamplingOptions
) -> list[SpeechTokens | NotFiniteError]:
    """Decode a batch of turns, each with its own text and seed."""
    for number, cache in enumerate(caches):
        rng = torch.Generator().manual_seed(number)
        decoder.start(cache, TEXTS[number], options, rng)
    finished: dict[KVCache, SpeechTokens | NotFiniteError] = {}
    while decoder.active:
        finished |= decoder.step()
    return [finished[cache] for cache in caches]


@recording
def test_the_device_records_graphs() -> None:
    assert why_not_recorded(torch.device(DEVICE)) is None


@recording
def test_the_device_runs_podtts_kernels() -> None:
    """All devices with CUDA 8.0 and later do; `podtts doctor` says why one does not."""
    if compiles_kernels(torch.device(DEVICE)):
        assert why_no_kernels(torch.device(DEVICE)) is None


@recording
def test_work_that_copies_to_the_host_is_not_recorded_and_the_device_still_works() -> None:
    number = torch.ones(1, device=DEVICE)

    def copy_to_host() -> None:
        number.add_(float(number))

    refused = Recorder(torch.device(DEVICE)).record(copy_to_host)
    assert isinstance(refused, NotRecorded)
    assert refused.reason
    assert float(torch.ones(1, device=DEVICE)) == 1


@recording
@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_recorded_steps_draw_what_the_cpu_draws(rows: int) -> None:
    """The same uniforms decide the same draws, alone and in a batch, over a cache that grows."""
    options = SamplingOptions(max_tokens=90, min_tokens=20)
    cpu, device = models().llm, accelerated().llm
    device_caches, cpu_caches = device.new_caches(rows), cpu.new_caches(rows)
    decoder = Decoder(device, device_caches)
    assert decoder._graphs is not None
    by_kernels = decoder._graphs._kernels is not None
    assert by_kernels == (why_no_kernels(torch.device(DEVICE)) is None)
    got = decoded(decoder, device_caches.rows, options)
    assert decoder._graphs._refused == ""
    assert got == decoded(Decoder(cpu, cpu_caches), cpu_caches.rows, options)


@recording
def test_recorded_steps_draw_what_unrecorded_steps_draw() -> None:
    options = SamplingOptions(max_tokens=1100, min_tokens=1100)  # the cache has to grow
    llm = accelerated().llm
    caches, plain_caches = llm.new_caches(2), llm.new_caches(2)
    recorded, plain = Decoder(llm, caches), Decoder(llm, plain_caches)
    assert plain._graphs is not None
    plain._graphs._refused = "switched off by a test"
    assert decoded(recorded, caches.rows, options) == decoded(plain, plain_caches.rows, options)
    for cache, other in zip(caches.rows, plain_caches.rows, strict=True):
        length = cache.length
        assert length == other.length
        keys, expected = (rows.keys[..., :length, :].cpu() for rows in (cache, other))
        assert relative_rms(keys, expected) < 1e-5


@recording
def test_recalled_speech_leaves_the_same_bits_in_the_cache() -> None:
    llm = accelerated().llm
    first, again = llm.new_cache(), llm.new_cache()
    decoder = Decoder(llm, first.batch)
    (tokens,) = decoded(decoder, [first], SamplingOptions(max_tokens=43, min_tokens=43))
    assert isinstance(tokens, SpeechTokens)
    reader = Decoder(llm, again.batch)
    reader.prefill(again, TEXTS[0])
    reader.replay(again, [token + llm.config.speech_token_offset for token in tokens.ids[:-1]])
    assert again.length == first.length
    length = first.length
    assert torch.equal(first.keys[..., :length, :], again.keys[..., :length, :])


@pytest.mark.parametrize("dtype", ["float32", "auto"])
def test_turns_are_the_same_rendered_aside_or_not(dtype: str) -> None:
    script = parse_script("\n".join(f"[S{number % 2}] line {number}" for number in range(14)))
    options = SynthesisOptions(sampling=SamplingOptions(max_tokens=40), flow=FlowOptions(steps=2))
    job = Request("a job", script, trace_prompts("plain"), options)
    loaded = load_models(MODEL, place(DEVICE, dtype))

    def spoken(overlap: bool) -> list[TurnAudio]:
        events = list(Engine(loaded, rows=1, overlap=overlap).run([job]))
        return [event.audio for event in events if isinstance(event, TurnFinished)]

    one, other = spoken(overlap=True), spoken(overlap=False)
    assert len(one) == 14
    assert [turn.tokens for turn in one] == [turn.tokens for turn in other]
    assert all(torch.equal(ours.wave, theirs.wave) for ours, theirs in zip(one, other, strict=True))


def test_a_second_script_is_spoken_as_the_first_was() -> None:
    """What a run leaves on the device for the next one changes nothing."""
    script = parse_script("[A] Hello.\n[B] Hi.\n[A] Bye.\n")
    loaded = load_models(MODEL, place(DEVICE))
    synthesizer = Synthesizer(loaded)
    options = SynthesisOptions(sampling=SamplingOptions(max_tokens=40))
    prompts = trace_prompts("plain")
    list(synthesizer.synthesize(script, prompts[::-1], options))
    second = list(synthesizer.synthesize(script, prompts, options))
    fresh = list(Synthesizer(loaded).synthesize(script, prompts, options))
    for ours, theirs in zip(second, fresh, strict=True):
        assert ours.tokens == theirs.tokens
        assert torch.equal(ours.wave, theirs.wave)


@recording
@pytest.mark.parametrize("name", ["short", "long", "both"])
@pytest.mark.parametrize(("precision", "limit"), [("float32", 1e-5), ("bfloat16", 3e-2)])
@pytest.mark.parametrize("guided_start", [True, False])
def test_recorded_evaluations_give_the_mels_of_unrecorded_ones(
    name: str, precision: Precision, limit: float, guided_start: bool
) -> None:
    rows, options = flow_rows(name), FlowOptions(precision=precision, guided_start=guided_start)
    flow = accelerated().flow
    recorded = flow.decode_padded(*rows, options)
    again = flow.decode_padded(*rows, options)
    assert not flow._recorded[precision].recordings.are_refused
    assert len(flow._recorded[precision].recordings) == (1 if guided_start else 2)
    flow.compiled = False
    plain = flow.decode_padded(*rows, options)
    for mel, same, expected in zip(recorded, again, plain, strict=True):
        assert torch.equal(mel, same)
        assert relative_rms(mel, expected) < limit


@recording
def test_evaluations_are_recorded_while_another_thread_uses_the_device() -> None:
    """It allocates memory, copies to the host and replays its own recordings meanwhile."""
    flow, stop = accelerated().flow, threading.Event()
    number = torch.zeros(1, device=DEVICE)

    def count() -> None:
        number.add_(1)

    replay = Recorder(torch.device(DEVICE)).record(count)
    assert not isinstance(replay, NotRecorded)
    errors: list[RuntimeError] = []

    def work() -> None:
        size = 1
        while not stop.is_set():
            size = size % 2000 + 1
            try:
                replay()
                torch.ones(size * 10_000, device=DEVICE).sum().item()
            except RuntimeError as error:
                errors.append(error)
                return

    other = threading.Thread(target=work)
    other.start()
    options = FlowOptions(steps=2)
    try:
        for chunk_causal in (True, False):
            flow.decode_padded(*flow_rows("both"), replace(options, chunk_causal=chunk_causal))
            flow.decode_padded(*flow_rows("short"), replace(options, chunk_causal=chunk_causal))
    finally:
        stop.set()
        other.join()
    assert not errors
    assert not flow._recorded["float32"].recordings.are_refused
    assert len(flow._recorded["float32"].recordings) == 4


@recording
def test_all_that_repeats_is_recorded(caplog: pytest.LogCaptureFixture) -> None:
    script = parse_script("[A] Hello there, this is a line.\n[B] And another one.\n")
    loaded = load_models(MODEL, place(DEVICE))
    options = SynthesisOptions(sampling=SamplingOptions(max_tokens=60, min_tokens=60))
    synthesizer = Synthesizer(loaded)
    for mode in ("full", "streaming"):
        flow = replace(options.flow, mode=mode)
        list(synthesizer.synthesize(script, trace_prompts("plain"), replace(options, flow=flow)))
    assert [record.message for record in caplog.records] == []
    precision = options.flow.precision
    for recordings in (
        loaded.flow._recorded[precision].recordings,
        loaded.flow._recorded_chunks[precision].recordings,
        loaded.vocoder._recorded[precision].recordings,
        loaded.vocoder.recorded_extensions[precision].recordings,
    ):
        assert len(recordings) > 0
        assert not recordings.are_refused


@pytest.mark.parametrize(("precision", "limit"), [("float32", 2e-2), ("bfloat16", None)])
def test_a_streamed_turn_is_the_cpus(precision: Precision, limit: float | None) -> None:
    options = FlowOptions(steps=2, mode="streaming", precision=precision)
    ids = tuple(range(5000, 5070))
    job = RenderJob(SpeechTokens(ids, ended=True), trace_prompts("plain")[0], options, 1, 0)
    ours, theirs = (
        render_in_chunks(loaded, PromptStates(), job) for loaded in (accelerated(), models())
    )
    assert not isinstance(ours, NotFiniteError)
    assert not isinstance(theirs, NotFiniteError)
    assert ours.wave.shape == theirs.wave.shape
    assert ours.widened == ()
    assert bool(ours.wave.isfinite().all())
    if limit is not None:
        assert relative_rms(ours.wave, theirs.wave) < limit


def test_sound_that_is_streamed_is_that_of_the_whole_turns() -> None:
    script = parse_script("[A] Hello.\n[B] Hi there, you.\n")
    options = SynthesisOptions(
        sampling=SamplingOptions(min_tokens=60, max_tokens=60),
        flow=FlowOptions(steps=2, mode="streaming"),
    )
    synthesizer, prompts = Synthesizer(accelerated()), trace_prompts("plain")
    whole = list(synthesizer.synthesize(script, prompts, options))
    chunks = list(synthesizer.stream(script, prompts, options))
    for turn in whole:
        parts = [chunk.samples for chunk in chunks if chunk.index == turn.index]
        assert torch.equal(torch.cat(parts), turn.wave)


def test_a_batch_of_scripts_has_the_tokens_of_each_alone() -> None:
    loaded = accelerated()
    options = SynthesisOptions(
        sampling=SamplingOptions(min_tokens=25, max_tokens=40), flow=FlowOptions(steps=2)
    )
    requests = [
        Request(
            f"script {number}",
            parse_script("\n".join(f"[S{turn % 2}] line {turn}" for turn in range(2 + number))),
            trace_prompts("plain"),
            replace(options, seed=number),
        )
        for number in range(5)
    ]
    together: dict[tuple[str, int], TurnAudio] = {}
    for event in Engine(loaded, rows=4).run(requests):
        if isinstance(event, TurnFinished):
            together[event.request.id, event.audio.index] = event.audio
    for request in requests:
        for event in Engine(loaded, rows=1).run([request]):
            if isinstance(event, TurnFinished):
                ours = together[request.id, event.audio.index]
                assert ours.tokens == event.audio.tokens
                assert ours.wave.shape == event.audio.wave.shape
                assert not ours.problems
