"""The trained parts in miniature: every loss reaches its parameters, every export loads."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from recipes.mini.corpus import Corpus
from recipes.mini.discriminators import SIZES, Discriminators
from recipes.mini.excitation import excitation
from recipes.mini.export import save_vocoder
from recipes.mini.factorised import DigitRows
from recipes.mini.flow import FlowTraining, Windows, own_chunks, published_chunks
from recipes.mini.flow_mels import flow_mels
from recipes.mini.layout import (
    END_TOKEN,
    HAN,
    HAN_IDS,
    SPEECH_OFFSET,
    TEXT_IDS,
    write_tokenizer,
)
from recipes.mini.llm import Dialogues, LlmTraining
from recipes.mini.mels import normalise_input, worn
from recipes.mini.phone_codes import MIDDLE, PHONE_CODES, PITCH_LEVELS
from recipes.mini.pitch_head import PitchTraining
from recipes.mini.published_files import save_part, write_settings
from recipes.mini.sizes import CODES, MINI_LLM
from recipes.mini.speaker_encoder import SpeakerTraining
from recipes.mini.speech_tokenizer import SpeechTokenizer, TokenizerTraining, masked
from recipes.mini.spoken_text import SpokenText
from recipes.mini.vocoder import VocoderTraining, overlapped
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from podtts.audio.mel import mel_24k
from podtts.device.placement import Placement
from podtts.llm.template import Template
from podtts.llm.tokenizer import load_encode
from podtts.text.tags import PARALINGUISTIC_TAGS
from podtts.weights.load import load_flow, load_llm, load_vocoder
from podtts.weights.names import flow_name, llm_name
from podtts.weights.settings import CheckpointSettings

CPU = torch.device("cpu")
APART = torch.arange(len(HAN))[None]  # no two characters are read alike


def _without_gradient(module: nn.Module) -> list[str]:
    return [
        name
        for name, value in module.named_parameters()
        if value.requires_grad and (value.grad is None or not value.grad.isfinite().all())
    ]


@pytest.fixture
def corpus() -> Corpus:
    tokens = torch.tensor([30, 40, 50, 60])
    total = int(tokens.sum())
    return Corpus(
        texts=["One.", "Two.", "Three.", "Four."],
        voice=torch.tensor([0, 1, 0, 1]),
        start=tokens.cumsum(0) - tokens,
        tokens=tokens,
        mel=torch.randn(total * 2, 80).half(),
        log_mel=torch.randn(total * 4, 128).half(),
        fbank=torch.randn(total * 4, 80).half(),
        f0=torch.zeros(total * 2).half(),
        codes=torch.randint(PHONE_CODES * PITCH_LEVELS, (total,)).short(),
    )


def test_a_saved_corpus_loads_unchanged(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path / "corpus.pt")
    loaded = Corpus.load(tmp_path / "corpus.pt")
    assert torch.equal(loaded.part("mel", 1, 2), corpus.mel[60:140])


def test_the_tokenizer_has_a_code_for_every_four_frames() -> None:
    tokenizer = SpeechTokenizer().eval()
    ids = tokenizer(torch.randn(1, 128, 203), torch.tensor([203], dtype=torch.int32))
    assert ids.shape == (1, 51)
    assert ids.dtype == torch.int32
    assert 0 <= int(ids.min()) <= int(ids.max()) < CODES


def test_the_tokenizer_learns_phones_and_their_pitch() -> None:
    module = TokenizerTraining()
    codes = torch.randint(1, PHONE_CODES * PITCH_LEVELS, (2, 10))
    loss, figures = module.loss(torch.randn(2, 128, 40), codes)
    loss.backward()  # type: ignore[no-untyped-call]
    assert _without_gradient(module) == []
    _, silent = module.loss(torch.randn(2, 128, 40), torch.full((2, 10), PHONE_CODES * MIDDLE))
    assert float(figures["pitch"].detach()) > 0 == float(silent["pitch"].detach())


def test_stripes_of_what_the_tokenizer_learns_from_are_hidden() -> None:
    torch.manual_seed(0)
    found = masked(torch.ones(200, 128, 320))
    hidden = found == 0
    assert 0.05 < hidden.float().mean() < 0.25
    # A stripe goes from one end to the other.
    assert torch.equal(hidden, hidden.all(dim=1, keepdim=True) | hidden.all(dim=2, keepdim=True))


def test_the_tokenizer_writes_what_it_hears() -> None:
    tokenizer = SpeechTokenizer().eval()
    features = torch.randn(1, 128, 80)
    logits, levels = tokenizer.heard(features)
    ids = tokenizer(features, torch.tensor([80], dtype=torch.int32)).long()
    assert torch.equal(ids % PHONE_CODES, logits.argmax(dim=1))
    pause = ids % PHONE_CODES == 0
    expected = torch.where(pause, 0, levels.round()).clamp(-MIDDLE, MIDDLE)
    assert torch.equal(ids // PHONE_CODES - MIDDLE, expected.long())


def test_the_speaker_encoder_learns() -> None:
    module = SpeakerTraining(3)
    loss, _ = module.loss(torch.randn(3, 50, 80), torch.arange(3), torch.randn(3, 81))
    loss.backward()  # type: ignore[no-untyped-call]
    assert _without_gradient(module) == []


def test_a_code_is_the_sum_of_its_digits() -> None:
    digits = DigitRows(4, 1.0)
    rows = digits()
    assert rows.shape == (CODES, 4)
    # 5 = 2 + 1*3 + 0*9 + ...: value 2 of digit 0, value 1 of digit 1, value 0 of the others.
    positions = [2, 3 + 1, *(3 * digit for digit in range(2, 8))]
    assert torch.allclose(rows[5], digits.rows[positions].sum(dim=0))


def test_windows_hold_one_voice(corpus: Corpus) -> None:
    torch.manual_seed(0)
    windows = Windows(corpus, torch.device("cpu"), largest=32)
    owner = corpus.voice.repeat_interleave(corpus.tokens)
    positions, utterances = windows.draw(32, 200)
    assert positions.shape == (200, 32)
    voices = owner[positions]
    assert (voices == voices[:, :1]).all()
    assert torch.equal(corpus.voice[utterances], voices[:, 0])
    assert set(voices[:, 0].tolist()) == {0, 1}
    # All of a voice is drawn, from its first token to its last.
    assert set(positions.flatten().tolist()) == set(range(len(owner)))


def test_the_flows_mels_lie_where_those_of_the_corpus_lie(corpus: Corpus) -> None:
    """Each utterance is said in its own voice, after the next one of that voice."""
    flow, codes = FlowTraining().exported().eval(), torch.randint(CODES, (180,)).short()
    nn.init.normal_(flow.estimator.out.weight, std=0.1)
    embeddings = torch.randn(4, 192)
    made = flow_mels(flow, corpus, codes, embeddings)
    assert made.shape == corpus.mel.shape
    assert made.isfinite().all()
    changed = replace(corpus, mel=corpus.mel.clone())
    changed.part("mel", 2, 2).fill_(1)
    again = flow_mels(flow, changed, codes, embeddings)
    differs = [
        not torch.equal(again[2 * start : 2 * end], made[2 * start : 2 * end])
        for start, end in itertools.pairwise([0, *corpus.tokens.cumsum(0).tolist()])
    ]
    assert differs == [True, False, False, False]


@pytest.mark.parametrize("chunked", [False, True])
def test_the_flow_learns_in_bfloat16(chunked: bool) -> None:
    module = FlowTraining()
    tokens, prompt = torch.randint(CODES, (2, 30)), torch.tensor([0, 10])
    seen = own_chunks(prompt, 30) if chunked else None
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = module.loss(tokens, torch.randn(2, 60, 80), torch.randn(2, 192), prompt, seen)
    loss.backward()  # type: ignore[no-untyped-call]
    assert _without_gradient(module) == []


def test_the_flow_learns_and_loads(tmp_path: Path) -> None:
    module = FlowTraining()
    loss, _ = module.loss(
        torch.randint(CODES, (2, 30)),
        torch.randn(2, 60, 80),
        torch.randn(2, 192),
        torch.tensor([0, 10]),
        published_chunks(30, CPU),
    )
    loss.backward()  # type: ignore[no-untyped-call]
    assert _without_gradient(module) == []
    rows = module.token_rows().detach().clone()
    save_part(module.exported(), flow_name, tmp_path / "flow.safetensors")
    loaded = load_flow(tmp_path, CheckpointSettings(estimator_heads=3))
    assert torch.equal(loaded.token_embedding.weight, rows.half().float())


def test_the_flow_learns_with_the_encoder_of_the_package() -> None:
    module = FlowTraining().eval()
    ids, mel = torch.randint(CODES, (2, 60)), torch.randn(2, 120, 80)
    rows = torch.nn.functional.embedding(ids, module.token_rows())
    lengths = torch.tensor([60, 60])
    for chunk, seen in ((0, None), (25, published_chunks(60, CPU))):
        _, parts = module.loss(ids, mel, torch.randn(2, 192), torch.tensor([0, 10]), seen)
        mu = module.flow.mu_projection(module.flow.encoder(rows, lengths, chunk))
        expected = torch.nn.functional.mse_loss(mu, mel)
        assert torch.allclose(parts["mean"], expected, atol=1e-4)


def test_the_flow_learns_the_chunks_of_the_streaming_mode() -> None:
    seen = own_chunks(torch.tensor([0, 10]), 60)
    assert seen[0].sum(dim=1).tolist() == [16] * 16 + [41] * 25 + [60] * 19
    assert seen[1].sum(dim=1).tolist() == [7] * 7 + [26] * 19 + [51] * 25 + [60] * 9


def test_the_vocoder_and_its_pitch_head_learn_and_load(tmp_path: Path) -> None:
    module, pitch = VocoderTraining(), PitchTraining()
    mel = torch.randn(2, 16, 80) - 5
    source = excitation(torch.full((16,), 120.0), torch.randn(16 * 480)).expand(2, -1)
    wave = 0.1 * torch.randn(2, 16 * 480)
    for judge in range(len(SIZES)):
        loss, _ = module.loss(mel, mel, source, wave[:1], wave, judge)
        loss.backward()  # type: ignore[no-untyped-call]
    assert _without_gradient(module) == []
    loss, _ = pitch.loss(mel, torch.full((2, 16), 120.0))
    loss.backward()  # type: ignore[no-untyped-call]
    assert _without_gradient(pitch) == []
    hertz = pitch.f0(mel).detach()
    save_vocoder(module, pitch, tmp_path)
    loaded = load_vocoder(tmp_path, CheckpointSettings(voiced_threshold_hz=30.0))
    assert torch.allclose(loaded.f0([mel[0]])[0], hertz[0], rtol=2e-2, atol=0.5)


def test_training_renders_nearly_the_same_wave_as_the_package() -> None:
    """Training computes the levels in bfloat16."""
    module = VocoderTraining().eval()
    mel = torch.randn(1, 16, 80) - 5
    source = excitation(torch.full((16,), 120.0), torch.randn(16 * 480))
    with torch.no_grad():
        trained = module.wave(mel, source[None])[0].clamp(-0.99, 0.99)
    expected = module.vocoder.wave([mel[0]], [source])[0]
    assert (trained - expected).norm() < 0.1 * expected.norm()


def test_overlapped_frames_are_those_of_torch() -> None:
    window = torch.hann_window(16)
    spectrum = torch.stft(torch.randn(2, 400), 16, 4, window=window, return_complex=True)
    expected = torch.istft(spectrum, 16, 4, window=window)
    frames = torch.fft.irfft(spectrum, 16, dim=1)
    assert torch.allclose(overlapped(frames, window), expected, atol=1e-5)


def test_the_vocoder_begins_by_passing_its_source_on() -> None:
    module = VocoderTraining().eval()
    source = excitation(torch.full((16,), 120.0), torch.randn(16 * 480))
    wave = module.vocoder.wave([torch.randn(16, 80) - 5], [source])[0]
    assert (wave * source).sum() > 0.7 * wave.norm() * source.norm()


def test_a_layer_with_folded_normalisation_computes_the_same() -> None:
    conv = nn.Conv1d(3, 4, 3)
    x = torch.randn(1, 3, 9)
    expected = conv(x)
    normalise_input(conv, -5.0, 3.0)
    assert torch.allclose(conv(3 * x - 5), expected, atol=1e-4)


def test_silence_weighs_no_more_than_speech_in_the_vocoders_loss() -> None:
    module = VocoderTraining()
    mel, source = torch.randn(1, 16, 80) - 5, torch.zeros(1, 16 * 480)
    distances = []
    for loudness in (1e-1, 1e-5):
        _, figures = module.loss(mel, mel, source, loudness * torch.randn(1, 16 * 480))
        distances.append(float(figures["complex256"].detach()))
    assert distances[1] < distances[0]


def test_the_vocoder_is_asked_for_the_mel_that_the_package_measures() -> None:
    wave = 0.1 * torch.randn(16 * 480)
    found = VocoderTraining().log_mel(wave[None])[0]
    assert torch.allclose(found, mel_24k(wave), atol=1e-3)


def test_discriminators_learn_alone_and_teach_the_vocoder_alone() -> None:
    judges = Discriminators()
    made, wave = torch.randn(2, 4800, requires_grad=True), torch.randn(2, 4800)
    told, seen, unlike = judges.judge(made, wave, alike=1, number=1)
    told.backward()  # type: ignore[no-untyped-call]
    assert made.grad is None
    assert _without_gradient(judges.each[1]) == []
    assert all(parameter.grad is None for parameter in judges.each[0].parameters())
    judges.zero_grad(set_to_none=True)
    (seen + unlike).backward()  # type: ignore[no-untyped-call]
    assert made.grad is not None
    assert made.grad.isfinite().all()
    assert all(parameter.grad is None for parameter in judges.parameters())


def test_only_rows_that_say_the_same_are_compared() -> None:
    made = torch.randn(2, 4800)
    wave = torch.stack((made[0], torch.randn(4800)))
    unlike = [float(Discriminators().judge(made, wave, alike, 0)[2].detach()) for alike in (1, 2)]
    assert unlike[0] == 0
    assert unlike[1] > 0


def test_half_of_the_mels_are_worn() -> None:
    mel = torch.randn(4, 10, 80)
    found = worn(mel)
    assert torch.equal(found[2:], mel[2:])
    assert not torch.equal(found[:2], mel[:2])
    assert found.shape == mel.shape


def test_characters_read_alike_share_a_row() -> None:
    syllables = torch.arange(len(HAN)).expand(4, -1).clone()
    syllables[:, 1] = 0
    module = LlmTraining(syllables)
    own = module.llm.embed_tokens.weight[HAN_IDS.start : HAN_IDS.start + 3]
    shared = (module.rows()[HAN_IDS.start : HAN_IDS.start + 3] - own).detach()
    assert torch.allclose(shared[0], shared[1], atol=1e-6)
    assert not torch.allclose(shared[0], shared[2], atol=1e-6)


def test_the_llm_learns_and_loads(tmp_path: Path) -> None:
    module = LlmTraining(APART)
    ids = torch.tensor([[65, 66, SPEECH_OFFSET + 7, END_TOKEN, 67, SPEECH_OFFSET]])
    learnt = torch.tensor([[0, 2, 1, 1, 2, 0]], dtype=torch.int8)
    loss, _ = module.loss(ids, learnt)
    loss.backward()  # type: ignore[no-untyped-call]
    assert _without_gradient(module) == []
    rows = module.rows().detach().half().float()
    write_settings(tmp_path)
    path = tmp_path / "model.safetensors"
    save_part(module.exported(), llm_name, path, without="head.weight")
    loaded = load_llm(tmp_path, CODES, Placement(CPU, torch.float32))
    assert replace(loaded.config) == MINI_LLM
    assert torch.equal(loaded.head.weight, rows[loaded.legal_rows()])


def test_steps_to_be_recorded_have_the_same_loss() -> None:
    ids = torch.randint(TEXT_IDS, SPEECH_OFFSET + CODES, (2, 40))
    ids[:, :10] = torch.randint(256, (2, 10))
    learnt = torch.ones(2, 40, dtype=torch.int8)
    learnt[:, :10], learnt[:, 10:15] = 2, 0
    losses = []
    for recorded in (False, True):
        torch.manual_seed(0)
        module = LlmTraining(APART, recorded=recorded).eval()
        losses.append(module.loss(ids, learnt)[0].detach())
    ours, theirs = losses
    assert torch.allclose(ours, theirs, rtol=1e-4)


def test_a_text_is_learnt_or_kept_however_often_it_was_drawn() -> None:
    texts = [f"Text {number % 200}." for number in range(400)]
    tokens = torch.arange(400) % 3 + 1
    codes = torch.arange(int(tokens.sum()), dtype=torch.int16)
    flags = torch.arange(400) % 2 == 0
    spoken = SpokenText(texts, flags, ~flags, tokens, codes)
    learnt, kept = spoken.split()
    assert len(learnt.texts) + len(kept.texts) == 400
    assert 0 < len(kept.texts) < 40
    assert not set(learnt.texts) & set(kept.texts)
    first = texts.index(kept.texts[0])
    assert kept.codes[: kept.tokens[0]].tolist() == list(
        range(int(tokens[:first].sum()), int(tokens[: first + 1].sum()))
    )
    assert torch.equal(kept.is_phrase, ~kept.is_mandarin)


def test_dialogues_are_in_the_published_layout(corpus: Corpus, tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    template = Template(load_encode(tmp_path), SPEECH_OFFSET, END_TOKEN)
    codes = torch.arange(int(corpus.tokens.sum()), dtype=torch.int16)
    spoken = SpokenText(
        ["A phrase.", "A sentence."],
        torch.tensor([False, False]),
        torch.tensor([True, False]),
        torch.tensor([5, 6]),
        torch.arange(11, dtype=torch.int16),
    )
    dialogues = Dialogues(template, spoken, corpus, codes)
    sentences = [
        template.turn(speaker, " ".join(count * ["A sentence."]))
        + template.speech(count * list(range(5, 11)))
        for speaker in range(4)
        for count in range(1, 5)
    ]
    phrase = [
        template.turn(speaker, "A phrase.") + template.speech(range(5)) for speaker in range(4)
    ]
    tags = {template.encode(tag.token)[0] for tag in PARALINGUISTIC_TAGS}
    rng = random.Random(0)
    opened = tagged = 0
    for _ in range(20):
        ids, learnt = dialogues.draw(rng, 600, simple=False)
        opened += ids[0] == template.task()[0]
        assert len(ids) == len(learnt) == 600
        speech = (ids >= SPEECH_OFFSET) | (ids == END_TOKEN)
        assert speech[learnt == 1].all()
        assert not speech[learnt == 2].any()
        ends = np.flatnonzero((learnt[:-1] == 1) & (learnt[1:] == 2)) + 1
        for start, end in itertools.pairwise(ends):
            turn = ids[start:end].tolist()
            tagged += bool(tags.intersection(turn))
            assert tags.intersection(turn) or turn in sentences + phrase
    assert 10 < opened < 20
    assert tagged
    ids, learnt = dialogues.draw(rng, 100, simple=True)
    assert set(learnt.tolist()) == {1, 2}


def test_steps_to_be_recorded_never_ask_the_device() -> None:
    """Tensors without values, which raise when their values or a count of them is asked for."""
    llm = LlmTraining(APART, torch.arange(CODES) < 3000, recorded=True)
    flow, vocoder = FlowTraining(), VocoderTraining()

    def steps() -> Iterator[Tensor]:
        heard = torch.randint(100, (2, 40))
        yield llm.loss(heard, torch.ones(2, 40, dtype=torch.int8))[0]
        prompt, wave = torch.randint(10, (2,)), torch.randn(4, 15360)
        for seen in (None, published_chunks(20, CPU), own_chunks(prompt, 20)):
            codes, mel = torch.randint(CODES, (2, 20)), torch.randn(2, 40, 80)
            yield flow.loss(codes, mel, torch.randn(2, 192), prompt, seen)[0]
        mel = torch.randn(4, 32, 80)
        yield vocoder.loss(mel, mel, wave, wave[:2], wave)[0]

    with FakeTensorMode(allow_non_fake_inputs=True):
        for loss in steps():
            loss.backward()  # type: ignore[no-untyped-call]
