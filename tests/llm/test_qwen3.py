import copy

import torch
from support.golden_data import MODEL, models, relative_rms, tensors

from podtts.device.placement import place
from podtts.llm.qwen3 import Qwen3
from podtts.weights.load import load_llm


def logits_of(llm: Qwen3, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return llm.logits(torch.cat([llm(row[None], llm.new_cache()) for row in ids]))


def test_float32_logits_are_the_published_ones() -> None:
    llm, golden = models().llm, tensors("llm")
    ours = logits_of(llm, golden["input_ids"])[0, -8:]
    assert relative_rms(ours, golden["logits_fp32"][:, llm.legal_rows()]) < 1e-4


def test_bfloat16_logits_are_the_published_ones() -> None:
    llm, golden = load_llm(MODEL, 6561, place("cpu", "bfloat16")), tensors("llm")
    ours = logits_of(llm, golden["input_ids"])[0, -8:]
    reference = golden["logits_bf16"][:, llm.legal_rows()]
    rounding = relative_rms(golden["logits_bf16"], golden["logits_fp32"])
    assert relative_rms(ours, reference) < 0.5 * rounding


def test_logits_are_those_of_transformers() -> None:
    from transformers import Qwen3ForCausalLM

    reference = Qwen3ForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    llm = models().llm
    ids = torch.randint(0, llm.config.vocab_size, (2, 40), generator=torch.Generator())
    with torch.inference_mode():
        theirs = reference(ids).logits[:, :, llm.legal_rows()]
    assert relative_rms(logits_of(llm, ids), theirs) < 1e-5


def test_decoding_with_the_cache_equals_one_full_forward() -> None:
    llm = models().llm
    ids = tensors("llm")["input_ids"]
    expected = logits_of(llm, ids)
    cache = llm.new_cache()
    with torch.inference_mode():
        parts = [
            llm.logits(llm(part, cache)) for part in torch.split(ids, [30, 1, 1, 10, 6], dim=1)
        ]
    assert relative_rms(torch.cat(parts, dim=1), expected) < 1e-5


def test_without_a_cache_logits_are_the_same_and_gradients_flow() -> None:
    llm = copy.deepcopy(models().llm).requires_grad_(True)
    ids = tensors("llm")["input_ids"]
    logits = llm.logits(llm(ids))
    assert torch.equal(logits.detach(), logits_of(llm, ids))
    logits.logsumexp(-1).sum().backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in llm.parameters())


def test_batch_rows_equal_single_rows() -> None:
    llm = models().llm
    ids = torch.randint(0, llm.config.vocab_size, (3, 24), generator=torch.Generator())
    with torch.inference_mode():
        together = llm.logits(llm(ids))
    assert relative_rms(together, logits_of(llm, ids)) < 1e-5


def test_steps_of_a_batch_equal_prefill_of_single_rows() -> None:
    """Rows of different lengths, a cache that grows, and a swap of two rows."""
    llm = models().llm
    random = torch.Generator().manual_seed(0)
    lengths = (1018, 3, 300)
    ids = [torch.randint(0, llm.config.vocab_size, (1, n + 12), generator=random) for n in lengths]
    alone = [logits_of(llm, row)[0, -12:] for row in ids]
    caches = llm.new_caches(3)
    rows = list(caches.rows)
    together: list[list[torch.Tensor]] = [[], [], []]
    with torch.inference_mode():
        for row, cache, length in zip(ids, rows, lengths, strict=True):
            llm(row[:, :length], cache)
        for step in range(12):
            if step == 5:
                caches.swap(0, 2)
            order = sorted(range(3), key=lambda row: rows[row].index)
            last = torch.stack([ids[row][0, lengths[row] + step] for row in order])
            hidden = llm.step(last, caches)
            for number in order:
                rows[number].advance(1)
                together[number].append(llm.logits(hidden[rows[number].index]))
    for ours, theirs in zip(together, alone, strict=True):
        assert relative_rms(torch.stack(ours), theirs) < 1e-5
