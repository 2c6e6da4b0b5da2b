"""How a dialogue begins: the LLM prefills every speaker's prompt, or loads the state of earlier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from podtts.engine.rng import stage_rng
from podtts.llm.decoder import generate
from podtts.llm.dialogue import Dialogue, generated_ids
from podtts.llm.kv_cache import KVCache
from podtts.llm.prefix import PrefixStore
from podtts.llm.recent_prefix import RecentPrefix
from podtts.options import SynthesisOptions
from podtts.text.normalize import normalize_text
from podtts.values import SpeakerPrompt
from podtts.weights.load import Models


def prefill_prompts(
    models: Models,
    prefixes: PrefixStore | None,
    prompts: Sequence[SpeakerPrompt],
    options: SynthesisOptions,
    cache: KVCache,
    recent: RecentPrefix | None = None,
) -> Dialogue:
    """Prefill every speaker's prompt; a dialect prompt is synthesized first, each by itself.

    prefixes: where the LLM's state after the prompts is kept between runs; None: nowhere.
    cache:    the dialogue's, empty.
    recent:   the state of the request before, which becomes that of this one; None: nowhere.
    """
    llm = models.llm
    plans = [_prompt_plan(models, number, prompt) for number, prompt in enumerate(prompts)]
    request = _prefix_request(plans, options)
    if recent and (kept := recent.read(request, cache)):
        return Dialogue(llm, kept, options.window, cache)
    if prefixes and (stored := prefixes.read(request, cache)):
        dialogue = Dialogue(llm, stored, options.window, cache)
    else:
        stored = [_prompt_ids(models, plan, options) for plan in plans]
        dialogue = Dialogue(llm, stored, options.window, cache)
        dialogue.prefill_prompts()
        if prefixes:
            prefixes.write(request, stored, cache)
    if recent:
        recent.write(request, stored, cache)
    return dialogue


@dataclass(frozen=True)
class _PromptPlan:
    """The ids of a speaker's prompt; with a dialect prompt those after which it is synthesized."""

    speaker: int
    ids: list[int]
    dialect: str  # normalized; empty: no dialect prompt


def _prompt_plan(models: Models, speaker: int, prompt: SpeakerPrompt) -> _PromptPlan:
    template = models.template
    transcript = normalize_text(prompt.transcript)
    speech = prompt.features.speech_tokens.tolist()
    dialect = normalize_text(prompt.dialect_prompt)
    if not dialect:
        return _PromptPlan(speaker, template.prompt(speaker, transcript, speech), "")
    request = template.dialect_request(speaker, transcript, speech, dialect)
    return _PromptPlan(speaker, request, dialect)


def _prompt_ids(models: Models, plan: _PromptPlan, options: SynthesisOptions) -> list[int]:
    if not plan.dialect:
        return plan.ids
    llm = models.llm
    rng = stage_rng(options.seed, f"dialect {plan.speaker}", "llm")
    tokens = generate(llm, plan.ids, llm.new_cache(), options.sampling, rng)
    return models.template.dialect_entry(plan.speaker, plan.dialect, generated_ids(llm, tokens))


def _prefix_request(plans: Sequence[_PromptPlan], options: SynthesisOptions) -> object:
    """All that decides the prompts' ids; sampling only where a dialect prompt is synthesized."""
    ids: list[object] = [[plan.ids, plan.dialect] for plan in plans]
    if any(plan.dialect for plan in plans):
        ids.append({"seed": options.seed, **asdict(options.sampling)})
    return ids
