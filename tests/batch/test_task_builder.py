import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from support.golden_data import trace_prompts

from podtts.batch.request import Entry, EpisodeRequest, EpisodeSettings, SourceItem
from podtts.batch.task import Outcome, Task
from podtts.batch.task_builder import TaskBuilder
from podtts.options import FlowOptions, SynthesisOptions
from podtts.prompts.casting import CastPrompt, VoiceCasting
from podtts.publish.publish_options import PublishOptions
from podtts.script.model import Script
from podtts.script.parse import parse_script

COMMON = {"numerics": 1, "checkpoint": "c" * 64, "dtype": "auto", "quantize": "int8"}
# What 89b7098 wrote to summary.jsonl for `REQUEST`, synthesized with COMMON.
FINGERPRINT = "e8052a703a57794550a36fad66f150f147bd2f9c5c006b719d43746f9e69b9e2"
OPTIONS = SynthesisOptions(flow=FlowOptions(steps=8), limit_turns=2)
PUBLISHING = PublishOptions(format="mp3", subtitles=("srt",), loudness_lufs=-16.0)
REQUEST = EpisodeRequest(
    "monday",
    parse_script("# One\n[A] Hello there.\n[B] Hi.[pause 0.5] Bye.\n"),
    EpisodeSettings(OPTIONS, publishing=PUBLISHING),
)
ENTRY = Entry("monday", 0, 1)


class OneRequest:
    """A source that holds REQUEST alone."""

    name = "one"

    def scan(self) -> Iterator[SourceItem]:
        yield ENTRY, REQUEST

    def read(self, entry: Entry) -> EpisodeRequest:
        assert entry == ENTRY
        return REQUEST


class GoldenVoices(VoiceCasting):
    """Every script's speakers have golden prompts."""

    def __init__(self) -> None:
        pass

    def gather(self, script: Script, overrides: Mapping[str, str]) -> list[CastPrompt]:
        prompts = trace_prompts("plain")
        return [
            CastPrompt(label, prompt, cached=True)
            for label, prompt in zip(script.labels, prompts, strict=True)
        ]


def built(folder: Path, before: Outcome | None = None, **common: object) -> Task | Outcome:
    builder = TaskBuilder(OneRequest(), GoldenVoices(), COMMON | common, folder, lambda _: before)
    return builder.build(ENTRY)


def test_the_fingerprint_of_a_request_stays_the_same_in_every_version(tmp_path: Path) -> None:
    """A new option needs a key in podtts.episode.fingerprint_schema, with its older value."""
    task = built(tmp_path)
    assert isinstance(task, Task)
    assert task.fingerprint == FINGERPRINT


def test_an_episode_that_an_older_version_finished_is_not_done_again(tmp_path: Path) -> None:
    (tmp_path / "monday.mp3").write_bytes(b"sound")
    sha256 = hashlib.sha256(b"sound").hexdigest()
    before = Outcome("monday", "done", files={"monday.mp3": sha256}, fingerprint=FINGERPRINT)
    outcome = built(tmp_path, before)
    assert isinstance(outcome, Outcome)
    assert outcome.skipped
    assert isinstance(built(tmp_path, before, numerics=2), Task)
    (tmp_path / "monday.mp3").write_bytes(b"other")
    assert isinstance(built(tmp_path, before), Task)
