import pytest
import torch
from support.golden_data import models, tensors

from podtts.llm.sampling import (
    RowOptions,
    draw,
    forbid_end,
    keep_likely,
    next_tokens,
    processed_distribution,
)
from podtts.options import SamplingOptions

CASES = range(8)


@pytest.mark.parametrize("case", CASES)
def test_published_distributions_and_choices(case: int) -> None:
    llm = models().llm
    config = llm.config
    golden = {
        name.partition(".")[2]: value
        for name, value in tensors("sampling").items()
        if name.startswith(f"{case}.")
    }
    rows = llm.legal_rows()
    logits = golden["logits"][rows][None]
    history, prompt = golden["history"].tolist(), int(golden["prompt_len"])
    generated = history[prompt:]
    if len(generated) < 8:
        logits = forbid_end(logits, llm.end_index, torch.tensor([True]))
    local = {int(token): index for index, token in enumerate(rows)}
    seen = torch.zeros_like(logits, dtype=torch.bool)
    seen[0, [local[token] for token in generated]] = True
    recent = torch.tensor([[local.get(token, -1) for token in history[-25:]]])
    options = RowOptions.of([SamplingOptions(greedy=True)])

    processed = processed_distribution(logits, seen, options)
    torch.testing.assert_close(processed[0], golden["probs"][rows], rtol=1e-4, atol=1e-7)
    assert float(golden["probs"].sum() - golden["probs"][rows].sum()) == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(
        logits.softmax(-1)[0], golden["fallback_probs"][rows], rtol=1e-4, atol=1e-7
    )
    assert int(rows[processed.argmax()]) == int(golden["candidate"])
    repeats = int((recent == processed.argmax()).sum())
    assert (repeats >= SamplingOptions().repeat_limit) == (int(golden["repeats"]) >= 5)
    chosen = next_tokens(logits, seen, recent, torch.rand(1, 2), options)
    assert int(rows[chosen]) == int(golden["chosen"])
    assert config.end_token == int(rows[llm.end_index])


def test_golden_cases_cover_both_sides_of_the_repetition_rule() -> None:
    fired = [int(tensors("sampling")[f"{case}.repeats"]) >= 5 for case in CASES]
    assert sum(fired) == 4


def test_draw_follows_the_distribution() -> None:
    probabilities = torch.tensor([[0.0, 0.5, 0.0, 0.3, 0.2, 0.0]])
    grid = (torch.arange(1000) + 0.5) / 1000
    drawn = draw(probabilities.expand(1000, -1), grid)
    assert torch.bincount(drawn, minlength=6).tolist() == [0, 500, 0, 300, 200, 0]


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24])
def test_a_draw_never_has_probability_0(uniform: float) -> None:
    generator = torch.Generator().manual_seed(3)
    for _ in range(200):
        row = torch.rand(1, 50, generator=generator)
        row[:, 40:] = 0
        row[:, :3] = 0
        chosen = int(draw(row / row.sum(), torch.tensor([uniform])))
        assert 3 <= chosen < 40


def test_rows_of_a_batch_draw_the_same_ids_alone() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 300, generator=generator)
    seen = torch.rand(5, 300, generator=generator) < 0.1
    recent = torch.randint(0, 300, (5, 25), generator=generator)
    uniforms = torch.rand(5, 2, generator=generator)
    each = [SamplingOptions(top_k=3 + row, temperature=0.5 + row / 4) for row in range(5)]
    together = next_tokens(logits, seen, recent, uniforms, RowOptions.of(each))
    for row in range(5):
        this = slice(row, row + 1)
        alone = next_tokens(
            logits[this], seen[this], recent[this], uniforms[this], RowOptions.of(each[this])
        )
        assert alone == together[this]


def test_top_k_keeps_ties_and_top_p_keeps_at_least_one() -> None:
    logits = torch.tensor([[3.0, 2.0, 2.0, 1.0]])

    def limits(top_k: int, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor([[top_k]]), torch.tensor([[top_p]])

    assert keep_likely(logits, *limits(2, 1.0)).isfinite().tolist() == [[True, True, True, False]]
    assert keep_likely(logits, *limits(4, 1e-6)).isfinite().tolist() == [
        [True, False, False, False]
    ]


@pytest.mark.parametrize("steps", [0, 1000, 4], ids=["distinct", "some equal", "many equal"])
def test_few_of_many_ids_are_those_of_a_complete_sort(steps: int) -> None:
    generator = torch.Generator().manual_seed(5)
    logits = 3 * torch.randn(4, 6562, generator=generator)
    if steps:
        logits = (logits * steps).round() / steps
    logits[1, 7] = -torch.inf
    logits[2, 8] = torch.nan
    top_k = torch.tensor([[100], [5], [100], [1]])
    top_p = torch.tensor([[0.9], [1.0], [0.9], [0.5]])

    ranked, order = logits.sort(dim=-1, descending=True)
    ranked = ranked.masked_fill(ranked < ranked.gather(1, top_k - 1), -torch.inf)
    probabilities = ranked.softmax(dim=-1)
    above = probabilities.cumsum(dim=-1) - probabilities >= top_p
    expected = torch.empty_like(ranked).scatter_(1, order, ranked.masked_fill(above, -torch.inf))

    for row in range(4):
        this = slice(row, row + 1)
        alone = keep_likely(logits[this], top_k[this], top_p[this])
        torch.testing.assert_close(alone, expected[this], rtol=0, atol=0, equal_nan=True)
    together = keep_likely(logits, top_k, top_p)
    torch.testing.assert_close(together, expected, rtol=0, atol=0, equal_nan=True)


def test_the_repetition_rule_draws_from_the_raw_distribution() -> None:
    logits = torch.tensor([[5.0, 4.9, 0.0]])
    seen = torch.zeros(1, 3, dtype=torch.bool)
    options = RowOptions.of([SamplingOptions(top_k=1)])
    uniforms = torch.tensor([[0.5, 0.9]])  # the second draw of the raw distribution gives id 1
    varied = torch.tensor([[0, 0, 0, 1]])
    stuck = torch.tensor([[0, 0, 0, 0]])
    assert int(next_tokens(logits, seen, varied, uniforms, options)) == 0
    assert int(next_tokens(logits, seen, stuck, uniforms, options)) == 1
