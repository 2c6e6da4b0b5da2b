"""The last part: vocoder and pitch head learn what the flow makes.

At run time they never see a recording's mel. Both go on from what they have learnt of recordings.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from recipes.mini.corpus import Corpus
from recipes.mini.flow import FlowTraining
from recipes.mini.flow_mels import flow_mels
from recipes.mini.pitch_head import PitchTraining, train_pitch_head
from recipes.mini.training import load_trained, save_whole
from recipes.mini.vocoder import FlowMels, train_vocoder

_PITCH_SHARE = 0.1  # of the time
_FINISHED = "finished-"


def finish(
    work: Path, device: torch.device, batch: int, minutes: float, workers: int
) -> dict[str, float]:
    """Write `work`/finished-vocoder.pt and finished-pitch.pt."""
    heard, speech = _flow_mels(work, device), work / "speech"
    pitch, vocoder = finished(work, "pitch"), finished(work, "vocoder")
    for path in (pitch, vocoder):
        _begin(path, work / path.name.removeprefix(_FINISHED))
    spent = _PITCH_SHARE * minutes
    figures = train_pitch_head(speech, device, batch, spent, pitch, workers, heard)
    mels = FlowMels(heard, _pitch_of(heard, pitch))
    return figures | train_vocoder(speech, device, batch, minutes - spent, vocoder, workers, mels)


def finished(work: Path, part: str) -> Path:
    """Where a part's checkpoint is when it is finished."""
    return work / f"{_FINISHED}{part}.pt"


def _flow_mels(work: Path, device: torch.device) -> Tensor:
    path = work / "flow-mels.pt"
    if not path.is_file():
        kept, flow = torch.load(work / "heard.pt"), FlowTraining()
        load_trained(flow, work / "flow.pt", device)
        corpus = Corpus.load(work / "corpus.pt")
        made = flow_mels(flow.exported(), corpus, kept["codes"], kept["voices"])
        save_whole({"mel": made}, path)
    mels: Tensor = torch.load(path)["mel"]
    return mels


@torch.inference_mode()
def _pitch_of(mels: Tensor, head: Path) -> Tensor:
    """Pitch in Hz [F] of mels [F, 80], as a trained head finds it."""
    trained = PitchTraining()
    load_trained(trained, head, torch.device("cpu"))
    return trained.f0(mels.float()[None])[0]


def _begin(path: Path, before: Path) -> None:
    """Start a checkpoint with what another one has learnt; one that was begun stays."""
    if path.is_file():
        return
    learnt = torch.load(before, map_location="cpu")["module"]
    anew = {"optimizers": None, "elapsed": 0.0, "steps": 0, "skipped": 0}
    save_whole({"module": learnt, **anew}, path)
