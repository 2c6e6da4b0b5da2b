"""The one command: corpus, training of every part, export, evaluation.

    python -m recipes.mini.run --work DIR --device cpu

What is finished is not done again, and what was stopped continues.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from podtts.llm.template import Template
from podtts.llm.tokenizer import load_encode
from podtts.presets import DEFAULT_PRESET, PRESETS
from recipes.mini.corpus import Corpus, make_corpus
from recipes.mini.finish import finish
from recipes.mini.flow import train_flow
from recipes.mini.layout import END_TOKEN, SPEECH_OFFSET, write_tokenizer
from recipes.mini.llm import Dialogues, train_llm
from recipes.mini.phone_codes import PHONE_CODES
from recipes.mini.pitch_head import train_pitch_head
from recipes.mini.speaker_encoder import SpeakerTraining, embed_utterances, train_speaker_encoder
from recipes.mini.speakers import write_speakers
from recipes.mini.speech import Sources, make_speech
from recipes.mini.speech_tokenizer import train_speech_tokenizer
from recipes.mini.spoken_text import (
    SpokenText,
    load_tokenizer,
    make_spoken_text,
    round_weights,
    tokenize_corpus,
)
from recipes.mini.syllables import syllable_parts
from recipes.mini.teacher import fetch_teacher
from recipes.mini.text import WORDNET
from recipes.mini.training import load_trained, save_whole
from recipes.mini.vocoder import train_vocoder
from recipes.mini.voices import held_out_voices, learnt_voices

_SHARES = {
    "pitch": 0.03,
    "vocoder": 0.3,
    "tokenizer": 0.05,
    "speaker": 0.02,
    "flow": 0.2,
    "llm": 0.3,
    "finish": 0.1,
}
_HELD_OUT_HOURS = 0.1
_DIALOGUE_TURNS = 20  # with several rebuilds of the context


def main() -> None:
    """Run the parts that were asked for, in order."""
    options = _options()
    torch.set_float32_matmul_precision("high")
    for part in options.parts:
        figures = RUN[part](options)
        line = json.dumps({"part": part, **figures})
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _minutes(options: argparse.Namespace, part: str) -> float:
    return float(options.minutes) * _SHARES[part]


def _sources(options: argparse.Namespace) -> Sources:
    import jieba  # only those parts that speak need it

    dictionary = Path(jieba.__file__).with_name("dict.txt")
    return Sources(options.work / "teacher", options.wordnet, dictionary, options.device)


def _speech(options: argparse.Namespace) -> dict[str, float]:
    fetch_teacher(options.work / "teacher")
    sources, workers = _sources(options), options.workers
    held_out, learnt = options.work / "held-out", options.work / "speech"
    make_speech(held_out, held_out_voices(), _HELD_OUT_HOURS, sources, workers, held_out=True)
    voices = learnt_voices(options.voices)
    make_speech(learnt, voices, options.hours, sources, workers, held_out=False)
    return {"files": len(list(learnt.iterdir()))}


def _corpus(options: argparse.Namespace) -> dict[str, float]:
    for folder, name in (("speech", "corpus"), ("held-out", "held-out")):
        path = options.work / f"{name}.pt"
        if not path.is_file():
            make_corpus(options.work / folder, path, options.workers)
    learnt = Corpus.load(options.work / "corpus.pt")
    return {"utterances": len(learnt.texts), "hours": round(int(learnt.tokens.sum()) / 90_000, 2)}


def _pitch(options: argparse.Namespace) -> dict[str, float]:
    return train_pitch_head(
        options.work / "speech",
        options.device,
        options.batch,
        _minutes(options, "pitch"),
        options.work / "pitch.pt",
        options.workers,
    )


def _tokenizer(options: argparse.Namespace) -> dict[str, float]:
    corpus = Corpus.load(options.work / "corpus.pt")
    return train_speech_tokenizer(
        corpus,
        options.device,
        12 * options.batch,
        _minutes(options, "tokenizer"),
        options.work / "tokenizer.pt",
    )


def _speaker(options: argparse.Namespace) -> dict[str, float]:
    corpus = Corpus.load(options.work / "corpus.pt")
    return train_speaker_encoder(
        corpus,
        options.voices,
        options.device,
        24 * options.batch,
        _minutes(options, "speaker"),
        options.work / "speaker.pt",
    )


def _restore(options: argparse.Namespace) -> dict[str, float]:
    from recipes.mini.restore import restore  # training needs no onnx

    if options.source is None:
        sys.exit("restore needs --from FOLDER, an exported checkpoint")
    half = {part: 60 * _minutes(options, part) / 2 for part in _SHARES}
    restore(options.source, options.work, options.voices, half)
    return {}


def _vocoder(options: argparse.Namespace) -> dict[str, float]:
    return train_vocoder(
        options.work / "speech",
        options.device,
        options.batch,
        _minutes(options, "vocoder"),
        options.work / "vocoder.pt",
        options.workers,
    )


def _texts(options: argparse.Namespace) -> dict[str, float]:
    hours = {"english": options.text_hours, "mandarin": options.mandarin_hours}
    make_spoken_text(options.work / "spoken", _sources(options), hours, options.workers)
    spoken = SpokenText.load(options.work / "spoken")
    return {"texts": len(spoken.texts), "hours": round(len(spoken.codes) / 90_000, 2)}


def _tokens(options: argparse.Namespace) -> dict[str, float]:
    corpus, path = Corpus.load(options.work / "corpus.pt"), options.work / "heard.pt"
    if not path.is_file():
        tokenizer = load_tokenizer(options.work / "tokenizer.pt", options.device)
        speaker = SpeakerTraining(options.voices)
        load_trained(speaker, options.work / "speaker.pt", options.device)
        round_weights(speaker.encoder)
        embeddings = embed_utterances(speaker.encoder, corpus, options.device)
        made = {"codes": tokenize_corpus(tokenizer, corpus), "voices": embeddings}
        save_whole(made, path)
    right = torch.load(path)["codes"] % PHONE_CODES == corpus.codes % PHONE_CODES
    return {"phones_right": round(float(right.float().mean()), 4)}


def _flow(options: argparse.Namespace) -> dict[str, float]:
    kept = torch.load(options.work / "heard.pt")
    return train_flow(
        Corpus.load(options.work / "corpus.pt"),
        kept["codes"],
        kept["voices"],
        options.device,
        options.batch,
        _minutes(options, "flow"),
        options.work / "flow.pt",
    )


def _llm(options: argparse.Namespace) -> dict[str, float]:
    write_tokenizer(options.work)
    template = Template(load_encode(options.work), SPEECH_OFFSET, END_TOKEN)
    corpus = Corpus.load(options.work / "corpus.pt")
    codes = torch.load(options.work / "heard.pt")["codes"]
    learnt, unseen = SpokenText.load(options.work / "spoken").split()
    return train_llm(
        Dialogues(template, learnt, corpus, codes),
        Dialogues(template, unseen, corpus, codes),
        syllable_parts(),
        options.device,
        options.batch,
        _minutes(options, "llm"),
        options.work / "llm.pt",
    )


def _finish(options: argparse.Namespace) -> dict[str, float]:
    minutes = _minutes(options, "finish")
    return finish(options.work, options.device, options.batch, minutes, options.workers)


def _export(options: argparse.Namespace) -> dict[str, float]:
    from recipes.mini.export import export_checkpoint  # training needs no onnx

    held_out = Corpus.load(options.work / "held-out.pt")
    return export_checkpoint(options.work, options.work / "export", held_out, options.voices)


def _speakers(options: argparse.Namespace) -> dict[str, float]:
    return write_speakers(options.work / "speakers", options.work / "teacher")


def _evaluate(options: argparse.Namespace) -> dict[str, Any]:
    from recipes.mini.evaluate import Evaluation  # the judges are needed here alone
    from recipes.mini.judges import fetch_judges

    fetch_judges(options.work / "judges")
    evaluation = Evaluation(
        options.work / "export",
        _sources(options),
        options.work / "judges",
        str(options.device),
        PRESETS[options.preset],
    )
    dialogues = options.dialogues
    figures = {
        "preset": options.preset,
        "stages": evaluation.stages(options.sentences),
        "new_voices": evaluation.new_voices(max(1, options.sentences // 8)),
        "english_dialogues": evaluation.dialogues(dialogues, _DIALOGUE_TURNS, mandarin=False),
        "mandarin_dialogues": evaluation.dialogues(dialogues, _DIALOGUE_TURNS, mandarin=True),
    }
    report = options.work / "evaluation.json"
    report.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


RUN: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "speech": _speech,
    "texts": _texts,
    "corpus": _corpus,
    "restore": _restore,
    "pitch": _pitch,
    "vocoder": _vocoder,
    "tokenizer": _tokenizer,
    "speaker": _speaker,
    "tokens": _tokens,
    "flow": _flow,
    "llm": _llm,
    "finish": _finish,
    "export": _export,
    "speakers": _speakers,
    "evaluate": _evaluate,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="recipes.mini.run", description=__doc__)
    add = parser.add_argument
    add("--work", type=Path, required=True, help="folder for corpus, checkpoints and export")
    add("--from", dest="source", type=Path, help="exported checkpoint that `restore` starts from")
    add("--device", type=torch.device, default=torch.device("cpu"), help="cpu or cuda")
    add("--minutes", type=float, default=240, help="training time of all parts together")
    add("--batch", type=int, default=1, help="times the batch sizes meant for one CPU core")
    add("--hours", type=float, default=3, help="of speech for all parts but the LLM")
    add("--text-hours", type=float, default=24, help="of English for the LLM")
    add("--mandarin-hours", type=float, default=6, help="of Mandarin for the LLM")
    add("--voices", type=int, default=72, help="that say it")
    add("--workers", type=int, default=2, help="processes that speak")
    add("--wordnet", type=Path, default=WORDNET, help="folder with WordNet's data files")
    add("--sentences", type=int, default=200, help="evaluated in each language")
    add("--dialogues", type=int, default=20, help="evaluated in each language")
    add("--preset", choices=tuple(PRESETS), default=DEFAULT_PRESET, help="evaluated")
    add(
        "--parts",
        nargs="+",
        choices=tuple(RUN),
        default=tuple(part for part in RUN if part != "restore"),
        help="only these, in this order",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
