import json
import tracemalloc
from collections.abc import Collection
from pathlib import Path

import pytest
from support.golden_data import MODEL

from podtts.batch.manifest import Manifest
from podtts.batch.plan import Plan, make_plan
from podtts.batch.request import EpisodeSettings
from podtts.engine.compatibility import TextCheck
from podtts.errors import InputError, PodttsError, UsageError
from podtts.options import SynthesisOptions
from podtts.prompts.cache import PromptCache
from podtts.prompts.casting import VoiceCasting
from podtts.prompts.lookup import VoiceSources
from podtts.prompts.voices import VoiceStore
from podtts.script.preflight import script_warnings
from podtts.weights.voices import checkpoint_encoders

SPEAKERS = Path(__file__).parents[1] / "speakers"


class Planner:
    """Makes plans with the voices anna and ben, and stores errors and warnings."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.model = folder, MODEL
        self.errors: list[str] = []
        self.warnings: list[str] = []
        cache = PromptCache(folder / "cache", pytest.fail)
        store = VoiceStore(folder / "cache")
        self.voices = VoiceCasting(VoiceSources(checkpoint_encoders(MODEL), cache, store, SPEAKERS))

    def plan(self, *lines: dict[str, object], flags: Collection[str] = ()) -> Plan:
        path = self.folder / "all.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return self.plan_of(path, flags)

    def plan_of(self, path: Path, flags: Collection[str] = ()) -> Plan:
        def fail(error: PodttsError) -> None:
            self.errors.append(error.problem)

        with path.open("rb") as file:
            source = Manifest(file, "all.jsonl", self.folder, EpisodeSettings(SynthesisOptions()))
            tags = TextCheck(self.model)
            return make_plan(
                source,
                self.voices,
                tags,
                self.folder,
                flags,
                fail,
                self.warnings.append,
                lambda request: script_warnings(request.script, self.model),
            )


class _Forgotten(list[str]):
    """Warnings that nobody keeps."""

    def append(self, line: str) -> None:
        pass


@pytest.fixture
def planner(tmp_path: Path) -> Planner:
    return Planner(tmp_path)


def line(name: str, label: str = "anna", **more: object) -> dict[str, object]:
    return {"id": name, "turns": [[label, "Hello."]], **more}


def test_all_mistakes_are_told_and_nothing_is_begun(planner: Planner) -> None:
    with pytest.raises(InputError, match="3 mistakes, see above; nothing was synthesized"):
        planner.plan(line("a"), line("b", sead=1), line("A"), line("c"), line("c"))
    assert [error.partition(": ")[0] for error in planner.errors] == [
        f"all.jsonl:{n}" for n in (2, 3, 5)
    ]
    assert "'A' is a file of the same name as 'a', of line 1" in planner.errors[1]
    assert "'c' is the same, of line 4" in planner.errors[2]


def test_scripts_that_failed_are_counted_among_the_mistakes(planner: Planner) -> None:
    """Each complaint above the last line is one of its number."""
    with pytest.raises(InputError, match="2 mistakes, see above"):
        planner.plan(line("a"), line("b", sead=1), line("c", "nobody"))
    assert len(planner.errors) == 2
    with pytest.raises(InputError, match="1 mistake, see above"):
        planner.plan(line("a"), line("b", sead=1))


def test_a_script_that_cannot_be_spoken_is_left_out(planner: Planner) -> None:
    (planner.folder / "bad.txt").write_text("[anna] <|lough|>")
    plan = planner.plan(line("a"), {"id": "b", "script": "bad.txt"}, line("c", "nobody"), line("d"))
    assert [entry.id for entry in plan.entries] == ["a", "d"]
    assert [entry.id for entry, _ in plan.failed] == ["b", "c"]
    assert "unknown tag" in planner.errors[0]
    assert "no voice 'nobody' is prepared for nobody" in planner.errors[1]


def test_a_script_with_a_tag_that_the_checkpoint_lacks_is_left_out(
    planner: Planner, tmp_path: Path
) -> None:
    planner.model = tmp_path / "model"
    planner.model.mkdir()
    tokenizer = (MODEL / "tokenizer.json").read_text().replace("<|sigh|>", "<|none|>")
    (planner.model / "tokenizer.json").write_text(tokenizer)
    sigh: dict[str, object] = {"id": "b", "turns": [["anna", "What a day <|sigh|> it was."]]}
    plan = planner.plan(line("a"), sigh, {"id": "c", "turns": [["anna", "Ha <|laughter|> ha."]]})
    assert [entry.id for entry in plan.entries] == ["a", "c"]
    assert planner.errors == [
        "all.jsonl:2: this checkpoint does not know <|sigh|> and would read it aloud"
    ]


def test_warnings_of_scripts_are_told(planner: Planner) -> None:
    (planner.folder / "talk.txt").write_text("S1 = anna\nS2 = ben\n[S1] Hello.")
    plan = planner.plan(line("a", speakers={"ben": "ben"}), {"id": "b", "script": "talk.txt"})
    assert len(plan.entries) == 2
    assert [warned.rpartition("/")[2] for warned in planner.warnings] == [
        "all.jsonl:1: ben never speaks",
        "all.jsonl:1: very short turns often fail: Hello.",
        "talk.txt:2: S2 never speaks",
        "talk.txt:3: very short turns often fail: Hello.",
    ]


def test_a_flag_names_a_label_of_some_script(planner: Planner) -> None:
    assert len(planner.plan(line("a"), line("b", "ben"), flags=["ben"]).entries) == 2
    with pytest.raises(UsageError, match=r"--speaker names ban, which no script .* mean ben"):
        planner.plan(line("a"), line("b", "ben"), flags=["ban"])


def test_an_empty_manifest_is_refused(planner: Planner) -> None:
    with pytest.raises(InputError, match="is empty"):
        planner.plan()


def test_a_plan_of_many_scripts_is_small(planner: Planner) -> None:
    """What is remembered of a line of a manifest are its id and where it stands."""
    few, many = planner.folder / "few.jsonl", planner.folder / "many.jsonl"
    turns = [["anna", "This goes on and on. " * 140]]
    for path, count in ((few, 1), (many, 120)):
        lines = (json.dumps({"id": f"e{number}", "turns": turns}) for number in range(count))
        path.write_text("\n".join(lines))
    planner.warnings = _Forgotten()
    planner.plan_of(few)  # what is kept once, of the first text
    tracemalloc.start()
    plan = planner.plan_of(many)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(plan.entries) == 120
    assert many.stat().st_size > 350_000
    assert kept < 180_000  # the texts have twice as much
    assert peak < 280_000
