"""Steps of fixed shapes, in blocks, decode what single steps do: the same draws, the same state."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from support.golden_data import models, relative_rms, silent_generator, trace, trace_prompts

from podtts.engine.prefill import prefill_prompts
from podtts.llm.decode_step import graph_decode_step
from podtts.llm.decoder import Decoded, Decoder, NotFiniteError, generate
from podtts.llm.dialogue import Dialogue, generated_ids
from podtts.llm.kv_cache import CacheRows, KVCache
from podtts.llm.step_graphs import BLOCK_STEPS
from podtts.options import SamplingOptions, SynthesisOptions, WindowOptions
from podtts.text.normalize import normalize_text
from podtts.values import SpeechTokens

TEXT = [449, 450, 456]


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def graph_decoder(caches: CacheRows) -> Decoder:
    """What a device that records graphs runs; here its steps run unrecorded."""
    return Decoder(models().llm, caches, graphs=True)


def to_the_end(decoder: Decoder) -> dict[KVCache, Decoded]:
    finished: dict[KVCache, Decoded] = {}
    while decoder.active:
        finished |= decoder.step()
    return finished


def decoded(context: list[int], options: SamplingOptions, seed: int) -> SpeechTokens:
    """A turn by blocks of steps, alone in its rows."""
    cache = models().llm.new_cache()
    decoder = graph_decoder(cache.batch)
    decoder.start(cache, context, options, rng(seed))
    (tokens,) = to_the_end(decoder).values()
    assert isinstance(tokens, SpeechTokens)
    read = len(tokens.ids) - (not tokens.ended)
    assert cache.length == len(context) + read
    return tokens


OPTIONS = {
    "usual": SamplingOptions(max_tokens=80),
    "never ends": SamplingOptions(max_tokens=50, min_tokens=50),
    "one token": SamplingOptions(max_tokens=1),
    "a whole block": SamplingOptions(max_tokens=BLOCK_STEPS),
    "no fewest": SamplingOptions(
        max_tokens=200, min_tokens=0, temperature=5.0, top_k=400, top_p=1.0
    ),
    "looks back farther": SamplingOptions(
        max_tokens=60, min_tokens=60, top_k=12, repetition_penalty=1.0, repeat_window=60
    ),
    "looks back less": SamplingOptions(
        max_tokens=60,
        min_tokens=60,
        top_k=6,
        repetition_penalty=1.0,
        repeat_window=5,
        repeat_limit=1,
    ),
    "likeliest": SamplingOptions(max_tokens=60, greedy=True),
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_turn_is_what_single_steps_decode(name: str, seed: int) -> None:
    llm, options = models().llm, OPTIONS[name]
    expected = generate(llm, TEXT, llm.new_cache(), options, rng(seed))
    assert decoded(TEXT, options, seed) == expected


def test_a_turn_may_outgrow_its_cache() -> None:
    llm, options = models().llm, SamplingOptions(max_tokens=1100, min_tokens=1100)
    expected = generate(llm, TEXT, llm.new_cache(), options, rng(5))
    assert len(expected.ids) == 1100
    assert decoded(TEXT, options, 5) == expected


def test_a_longer_turn_than_there_is_room_for_moves_those_begun() -> None:
    llm = models().llm
    caches = llm.new_caches(2)
    decoder = graph_decoder(caches)
    narrow = OPTIONS["looks back less"]
    # It ends soon: over hundreds of steps two sums of other sizes round a draw apart.
    wide = replace(OPTIONS["usual"], min_tokens=0, max_tokens=3100)
    decoder.start(caches.rows[0], TEXT, narrow, rng(0))
    decoder.step()
    decoder.start(caches.rows[1], TEXT, wide, rng(1))
    finished = to_the_end(decoder)
    for number, options in enumerate((narrow, wide)):
        expected = generate(llm, TEXT, llm.new_cache(), options, rng(number))
        assert finished[caches.rows[number]] == expected


@pytest.mark.parametrize("name", ["plain", "dialect"])
def test_every_call_of_the_long_form_trace(name: str) -> None:
    """Golden: 22 turns with window rebuilds, each begun behind what the blocks have left."""
    loaded, golden = models(), trace(name)
    options = SamplingOptions(max_tokens=24, greedy=True)
    cache = loaded.llm.new_cache()
    dialogue = prefill_prompts(
        loaded, None, trace_prompts(name), SynthesisOptions(sampling=options), cache
    )
    decoder = graph_decoder(cache.batch)
    for turn, call in zip(golden["turns"], golden["llm_calls"][-22:], strict=True):
        dialogue.open_turn(loaded.template.turn(turn["speaker"], normalize_text(turn["text"])))
        dialogue.prepare_attempt(decoder)
        decoder.start(cache, dialogue.window.ids, options, silent_generator())
        (tokens,) = to_the_end(decoder).values()
        assert isinstance(tokens, SpeechTokens)
        dialogue.set_decoded(tokens)
        dialogue.close_turn(tokens)
        assert generated_ids(loaded.llm, tokens) == call["generated_ids"]


def test_rows_decode_what_each_decodes_alone_and_may_move() -> None:
    """Rows of many lengths and options that begin and end at different steps, and move."""
    llm = models().llm
    caches = llm.new_caches(5)
    rows = list(caches.rows)
    decoder = graph_decoder(caches)
    contexts = [TEXT + list(range(20, 20 + 37 * number)) for number in range(5)]
    options = list(OPTIONS.values())[:5]
    finished: dict[KVCache, Decoded] = {}
    for number in (0, 3, 1, 4, 2):  # the third slot stays empty at first
        decoder.start(rows[number], contexts[number], options[number], rng(number))
        if number in (3, 4):
            finished |= decoder.step()
        if number == 1:
            caches.swap(1, 3)
            caches.swap(0, 4)
    finished |= to_the_end(decoder)
    for number, cache in enumerate(rows):
        expected = generate(llm, contexts[number], llm.new_cache(), options[number], rng(number))
        assert finished[cache] == expected


def test_a_turn_of_an_earlier_run_leaves_the_same_bits() -> None:
    llm = models().llm
    options = SamplingOptions(max_tokens=43)
    prompts, texts = [TEXT * 9], [TEXT, TEXT * 2]

    def begun() -> tuple[Dialogue, Decoder]:
        dialogue = Dialogue(llm, prompts, WindowOptions())
        return dialogue, graph_decoder(dialogue.cache.batch)

    def spoken(dialogue: Dialogue, decoder: Decoder, seed: int) -> SpeechTokens:
        dialogue.prepare_attempt(decoder)
        decoder.start(dialogue.cache, dialogue.window.ids, options, rng(seed))
        (tokens,) = to_the_end(decoder).values()
        assert isinstance(tokens, SpeechTokens)
        return tokens

    first, decoder = begun()
    first.open_turn(texts[0])
    said = spoken(first, decoder, 1)
    first.set_decoded(said)
    first.close_turn(said)
    first.open_turn(texts[1])
    expected = spoken(first, decoder, 2)

    again, decoder = begun()
    again.append_finished(texts[0], said)
    again.open_turn(texts[1])
    assert spoken(again, decoder, 2) == expected
    length = first.cache.length
    assert again.cache.length == length
    assert torch.equal(first.cache.keys[..., :length, :], again.cache.keys[..., :length, :])
    assert torch.equal(first.cache.values[..., :length, :], again.cache.values[..., :length, :])


def test_what_pads_a_text_leaves_nothing_behind_it() -> None:
    """Attention of many rows reads there with weight 0, so a NaN would not stay hidden."""
    llm = models().llm
    caches = llm.new_caches(2)
    decoder = graph_decoder(caches)
    for cache, ids in zip(caches.rows, (TEXT, TEXT * 12), strict=True):
        hidden = decoder.prefill(cache, ids)
        alone = llm.new_cache()
        with torch.inference_mode():
            expected = llm(torch.tensor([ids]), alone)[0, -1]
        assert relative_rms(hidden, expected) < 1e-5
        assert cache.length == len(ids)
        assert relative_rms(cache.keys[..., : len(ids), :], alone.keys[..., : len(ids), :]) < 1e-5
        assert not cache.keys[..., len(ids) :, :].any()
        assert not cache.values[..., len(ids) :, :].any()


def test_replaying_beside_others_does_not_move_them() -> None:
    llm = models().llm
    caches = llm.new_caches(3)
    decoder = graph_decoder(caches)
    options = SamplingOptions(max_tokens=40, min_tokens=40)
    decoder.start(caches.rows[0], TEXT, options, rng(0))
    decoder.step()
    speech = [token + llm.config.speech_token_offset for token in range(20)]
    decoder.replay(caches.rows[2], speech)
    assert [cache.length for cache in caches.rows] == [len(TEXT) + BLOCK_STEPS, 0, 20]
    (tokens,) = to_the_end(decoder).values()
    assert tokens == generate(llm, TEXT, llm.new_cache(), options, rng(0))
    alone = llm.new_cache()
    with torch.inference_mode():
        llm(torch.tensor([speech]), alone)
    assert relative_rms(caches.rows[2].keys[..., :20, :], alone.keys[..., :20, :]) < 1e-5


@pytest.fixture
def spoiled_head() -> Iterator[None]:
    weight = models().llm.head.weight
    kept = weight[3].clone()
    weight[3] = torch.nan
    yield
    weight[3] = kept


@pytest.mark.usefixtures("spoiled_head")
def test_logits_that_are_no_numbers_end_the_turn() -> None:
    llm = models().llm
    cache = llm.new_cache()
    decoder = graph_decoder(cache.batch)
    decoder.start(cache, TEXT, SamplingOptions(), rng(0))
    (error,) = to_the_end(decoder).values()
    assert isinstance(error, NotFiniteError)
    assert str(error) == "the LLM's logits at step 1"


def test_a_row_that_failed_spoils_no_later_turn() -> None:
    """What it left behind its length is overwritten before a shorter row is seen beside others."""
    llm = models().llm
    caches = llm.new_caches(2)
    decoder = graph_decoder(caches)
    caches.rows[0].reserve(60)
    long = caches.rows[0]
    long.advance(40)
    long.keys[:, :, :, 40] = torch.nan
    long.values[:, :, :, 40] = torch.nan
    caches.swap(0, 1)
    long.trim(0)
    caches.swap(0, 1)
    options = SamplingOptions(max_tokens=10)
    for number, cache in enumerate(caches.rows):
        decoder.start(cache, TEXT, options, rng(number))
    finished = to_the_end(decoder)
    for number, cache in enumerate(caches.rows):
        assert finished[cache] == generate(llm, TEXT, llm.new_cache(), options, rng(number))


def test_cancelled_turns_leave_room_for_others() -> None:
    llm = models().llm
    cache = llm.new_cache()
    decoder = graph_decoder(cache.batch)
    decoder.start(cache, TEXT, SamplingOptions(max_tokens=100, min_tokens=100), rng(0))
    decoder.step()
    decoder.cancel_all()
    assert decoder.active == ()
    cache.trim(0)
    options = SamplingOptions(max_tokens=20)
    decoder.start(cache, TEXT, options, rng(1))
    assert to_the_end(decoder)[cache] == generate(llm, TEXT, llm.new_cache(), options, rng(1))


def test_a_step_does_nothing_to_a_turn_that_is_done() -> None:
    """So that a recording may run it as often as it likes."""
    llm = models().llm
    cache = llm.new_cache()
    decoder = graph_decoder(cache.batch)
    options = SamplingOptions(max_tokens=40, min_tokens=40)
    decoder.start(cache, TEXT, options, rng(3))
    first = decoder.step()
    assert first == {}
    state = decoder._state
    with torch.inference_mode():
        state.done.fill_(True)
        before = [tensor.clone() for tensor in state.tensors()]
        keys = cache.keys[..., : cache.length, :].clone()
        graph_decode_step(llm, llm.legal_rows(), state, cache.batch.keys, cache.batch.values)
        unsaid = [state.tokens]
        for tensor, old in zip(state.tensors(), before, strict=True):
            assert any(tensor is one for one in unsaid) or torch.equal(tensor, old)
        said = int(state.counts[0])
        assert torch.equal(state.tokens[:, :said], before[6][:, :said])
        assert torch.equal(cache.keys[..., : cache.length, :], keys)
        state.done.fill_(False)
    assert to_the_end(decoder)[cache] == generate(llm, TEXT, llm.new_cache(), options, rng(3))


def test_the_cpu_decodes_token_by_token() -> None:
    llm = models().llm
    caches = llm.new_caches(2)
    decoder = Decoder(llm, caches)
    assert not decoder.uses_graphs
    decoder.start(caches.rows[0], TEXT, SamplingOptions(max_tokens=9, min_tokens=9), rng(0))
    assert decoder.step() == {}
    assert decoder.tokens(caches.rows[0]) == list(decoded(TEXT, SamplingOptions(), 0).ids[:1])


@pytest.mark.parametrize("graphs", [False, True])
def test_a_cancelled_turn_disturbs_no_other(graphs: bool) -> None:
    llm = models().llm
    caches = llm.new_caches(3)
    decoder = Decoder(llm, caches, graphs=graphs)
    options = SamplingOptions(max_tokens=40, min_tokens=40)
    for number, cache in enumerate(caches.rows):
        decoder.start(cache, TEXT * (1 + number), options, rng(number))
    decoder.step()
    cancelled = caches.rows[1]
    decoder.cancel(cancelled)
    decoder.cancel(cancelled)
    cancelled.trim(0)
    decoder.start(cancelled, TEXT, options, rng(7))
    finished = to_the_end(decoder)
    assert finished[cancelled] == generate(llm, TEXT, llm.new_cache(), options, rng(7))
    for number in (0, 2):
        expected = generate(llm, TEXT * (1 + number), llm.new_cache(), options, rng(number))
        assert finished[caches.rows[number]] == expected


def test_options_of_one_row_are_not_anothers() -> None:
    llm = models().llm
    caches = llm.new_caches(2)
    decoder = graph_decoder(caches)
    calm = SamplingOptions(max_tokens=30, min_tokens=30)
    wild = replace(calm, temperature=3.0, top_k=1000, top_p=1.0, repetition_penalty=1.0)
    decoder.start(caches.rows[0], TEXT, calm, rng(4))
    decoder.start(caches.rows[1], TEXT, wild, rng(4))
    finished = to_the_end(decoder)
    for cache, options in zip(caches.rows, (calm, wild), strict=True):
        assert finished[cache] == generate(llm, TEXT, llm.new_cache(), options, rng(4))
    assert finished[caches.rows[0]] != finished[caches.rows[1]]
