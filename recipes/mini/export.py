"""From training checkpoints to a checkpoint folder in the published layout."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from podtts.prompts.encoders import PromptEncoders
from podtts.weights.files import SPEAKER_ENCODER_FILE, SPEECH_TOKENIZER_FILE
from podtts.weights.names import flow_name, hift_name, llm_name
from recipes.mini.corpus import FEATURE_FRAMES_PER_TOKEN, Corpus
from recipes.mini.finish import finished
from recipes.mini.flow import FlowTraining
from recipes.mini.layout import write_tokenizer
from recipes.mini.llm import LlmTraining
from recipes.mini.onnx_files import write_speaker_encoder, write_speech_tokenizer
from recipes.mini.pitch_head import PitchTraining
from recipes.mini.published_files import save_part, write_settings
from recipes.mini.sizes import MINI_HIFT
from recipes.mini.speaker_encoder import SpeakerTraining
from recipes.mini.spoken_text import load_tokenizer, round_weights, tokenize
from recipes.mini.syllables import syllable_parts
from recipes.mini.training import load_trained
from recipes.mini.vocoder import VocoderTraining

_CPU = torch.device("cpu")


def save_vocoder(vocoder: VocoderTraining, head: PitchTraining, directory: Path) -> None:
    """Write hift.safetensors: the vocoder with the pitch head that was trained apart."""
    vocoder.vocoder.f0_predictor = head.exported()
    blocks = len(MINI_HIFT.block_kernels)
    path = directory / "hift.safetensors"
    save_part(vocoder.vocoder, lambda name: hift_name(name, blocks), path)


def export_checkpoint(work: Path, target: Path, held_out: Corpus, voices: int) -> dict[str, float]:
    """Write the checkpoint folder anew; returns its size and how the ONNX codes compare."""
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    write_settings(fresh)
    write_tokenizer(fresh)

    llm, flow, vocoder = LlmTraining(syllable_parts()), FlowTraining(), VocoderTraining()
    load_trained(llm, work / "llm.pt", _CPU)
    load_trained(flow, work / "flow.pt", _CPU)
    head = PitchTraining()
    for module, part in ((vocoder, "vocoder"), (head, "pitch")):
        path = finished(work, part)
        load_trained(module, path if path.is_file() else work / f"{part}.pt", _CPU)
    save_part(llm.exported(), llm_name, fresh / "model.safetensors", without="head.weight")
    save_part(flow.exported(), flow_name, fresh / "flow.safetensors")
    save_vocoder(vocoder, head, fresh)

    tokenizer = load_tokenizer(work / "tokenizer.pt", _CPU)
    speaker = SpeakerTraining(voices)
    load_trained(speaker, work / "speaker.pt", _CPU)
    round_weights(speaker.encoder)
    write_speech_tokenizer(tokenizer, fresh / SPEECH_TOKENIZER_FILE)
    write_speaker_encoder(speaker.encoder, fresh / SPEAKER_ENCODER_FILE)

    encoders = PromptEncoders(fresh / SPEECH_TOKENIZER_FILE, fresh / SPEAKER_ENCODER_FILE)
    same = total = 0
    for number in range(len(held_out.texts)):
        log_mel = held_out.part("log_mel", number, FEATURE_FRAMES_PER_TOKEN).float().T
        log_mel = log_mel.contiguous()
        ours, theirs = tokenize(tokenizer, log_mel), encoders.speech_tokens(log_mel)
        same += int((ours == theirs).sum())
        total += len(ours)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    size = sum(file.stat().st_size for file in target.iterdir())
    return {"bytes": size, "codes": total, "same_codes_in_onnx": same}
