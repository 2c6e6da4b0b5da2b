import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch
from support.fingerprint import fingerprint, prompt

from podtts.episode.journal import Journal
from podtts.episode.writer import EpisodePlan, EpisodeWriter
from podtts.options import SynthesisOptions
from podtts.publish.publish_options import LayoutOptions, PublishOptions
from podtts.script.parse import parse_script
from podtts.values import AudioChunk, SpeechTokens, StageSeconds, TurnAudio

TALK = "[anna] One.\n[ben] Two.\n[anna] Three.\n[ben] Four.\n"
PLAN = EpisodePlan(
    script=parse_script(TALK),
    prompts=[prompt("anna"), prompt("ben")],
    options=SynthesisOptions(),
    publishing=PublishOptions(LayoutOptions(gap_seconds=0.1), subtitles=("srt",)),
    name="talk.txt",
    model="small",
    day="2026-01-31",
    device="cpu",
)
SAMPLES = 2400


def audio(index: int, attempt: int = 0, problems: tuple[str, ...] = ()) -> TurnAudio:
    """A turn of 0.1 s of noise."""
    rng = torch.Generator().manual_seed(100 * index + attempt)
    wave = torch.rand(SAMPLES, generator=rng) - 0.5
    tokens, work = SpeechTokens((index,), ended=True), StageSeconds(1.0, 2.0, 3.0)
    return TurnAudio(index, PLAN.turns[index], tokens, wave, work, attempt, problems)


def write(writer: EpisodeWriter, turns: Iterable[TurnAudio]) -> None:
    for turn in turns:
        writer.write_finished()
        writer.add(turn)
    writer.write_finished()


def whole(folder: Path, *turns: TurnAudio, plan: EpisodePlan = PLAN) -> bytes:
    """The file of an episode that one run writes."""
    output = folder / "whole.wav"
    with Journal(output, fingerprint(), resume=False) as journal:
        with EpisodeWriter(plan, journal) as writer:
            write(writer, turns)
        writer.publish(output, pytest.fail)
    return output.read_bytes()


def test_an_episode_is_its_turns_in_order_and_its_files(tmp_path: Path) -> None:
    output = tmp_path / "talk.wav"
    with Journal(output, fingerprint(), resume=False) as journal:
        with EpisodeWriter(PLAN, journal) as writer:
            assert (writer.remaining, writer.next_turn) == (4, 0)
            write(writer, map(audio, range(3)))
            write(writer, [audio(3, 2, ("it is silent", "it is short"))])
            assert writer.next_turn is None
        files = writer.publish(output, pytest.fail)
    assert files == [tmp_path / "talk.srt", output]
    assert soundfile.info(output).frames == 7 * SAMPLES
    result = writer.result()
    assert (result.turns, result.finished, result.samples) == (4, 0, 7 * SAMPLES)
    assert result.problems == ((3, "it is silent"), (3, "it is short"))
    assert result.failed_turns == (3,)
    assert (result.work.turns, result.work.stages) == (4, StageSeconds(4.0, 8.0, 12.0))
    assert result.work.audio_seconds == pytest.approx(0.4)


def test_an_episode_that_failed_is_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    def interrupted() -> Iterator[TurnAudio]:
        yield audio(0)
        yield audio(1, problems=("it is silent",))
        raise KeyboardInterrupt

    output = tmp_path / "talk.wav"
    with (
        pytest.raises(KeyboardInterrupt),
        Journal(output, fingerprint(), resume=False) as journal,
        EpisodeWriter(PLAN, journal) as writer,
    ):
        write(writer, interrupted())
    assert soundfile.info(journal.partial).frames == 3 * SAMPLES
    with Journal(output, fingerprint(), resume=True) as journal:
        with EpisodeWriter(PLAN, journal) as writer:
            assert [*writer.finished] == [0, 1]
            assert [turn.index for turn in writer.write_finished()] == [0, 1]
            assert (writer.remaining, writer.next_turn) == (2, 2)
            write(writer, [audio(2), audio(3)])
        writer.publish(output, pytest.fail)
    assert output.read_bytes() == whole(tmp_path, *map(audio, range(4)))
    result = writer.result()
    assert (result.finished, result.failed_turns, result.work.turns) == (2, (1,), 2)


def test_a_retake_replaces_one_turn(tmp_path: Path) -> None:
    output = tmp_path / "whole.wav"
    first = whole(tmp_path, *map(audio, range(4)))
    with Journal(output, fingerprint(), resume=True) as journal:
        with EpisodeWriter(PLAN, journal, retakes={1}) as writer:
            assert [*writer.finished] == [0, 2, 3]
            write(writer, [audio(1, attempt=1)])
        writer.publish(output, pytest.fail)
    again = output.read_bytes()
    assert again != first
    assert again == whole(tmp_path, audio(0), audio(1, attempt=1), audio(2), audio(3))


def test_a_stream_takes_the_mix_as_it_grows() -> None:
    stream = io.BytesIO()
    plan = replace(PLAN, publishing=PublishOptions(LayoutOptions(gap_seconds=0)))
    with EpisodeWriter(plan, stream) as writer:
        assert writer.write_finished() == []
        header = len(stream.getvalue())
        for number in range(4):
            writer.add(audio(number))
            assert len(stream.getvalue()) == header + 2 * SAMPLES * (number + 1)
    assert writer.result().samples == 4 * SAMPLES


def chunks_of(turn: TurnAudio) -> list[AudioChunk]:
    """A turn in three parts."""
    starts = range(0, SAMPLES, 800)
    return [
        AudioChunk(
            turn.index,
            turn.turn,
            start,
            turn.wave[start : start + 800],
            turn if start == starts[-1] else None,
        )
        for start in starts
    ]


@pytest.mark.parametrize("trim", [False, True])
def test_a_stream_takes_chunks_where_turns_are_not_changed_as_a_whole(trim: bool) -> None:
    layout = LayoutOptions(gap_seconds=0.1, trim_silence=trim)
    plan = replace(PLAN, publishing=PublishOptions(layout))
    whole, parts = io.BytesIO(), io.BytesIO()
    turns = [audio(0), audio(1, problems=("it is silent",)), audio(2), audio(3)]
    with EpisodeWriter(plan, whole) as writer:
        write(writer, turns)
    with EpisodeWriter(plan, parts) as writer:
        writer.write_finished()  # the header
        for turn in turns:
            before = len(parts.getvalue())
            first, *others = chunks_of(turn)
            writer.add_chunk(first)
            assert (len(parts.getvalue()) > before) == (not trim)
            for chunk in others:
                writer.add_chunk(chunk)
    assert parts.getvalue() == whole.getvalue()
    result = writer.result()
    assert (result.work.turns, result.failed_turns) == (4, (1,))


def test_turns_beyond_the_limit_are_not_planned(tmp_path: Path) -> None:
    plan = replace(PLAN, options=SynthesisOptions(limit_turns=2))
    assert len(plan.turns) == 2
    whole(tmp_path, audio(0), audio(1), plan=plan)
    assert soundfile.info(tmp_path / "whole.wav").frames == 3 * SAMPLES
