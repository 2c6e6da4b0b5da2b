from pathlib import Path

import numpy as np
from recipes.mini.speech import UTTERANCES_PER_FILE, Utterance, fill, read_speech, write_speech


def _utterance(text: str, samples: int) -> Utterance:
    wave = np.arange(samples, dtype=np.int16)
    f0 = np.full(samples // 300, 120, np.float16)
    return Utterance(text, 3, wave, f0, "^a$", np.array([600, samples - 1200, 600], np.int32))


def test_what_is_written_is_read_in_the_order_of_the_files(tmp_path: Path) -> None:
    write_speech(tmp_path / "000001.npz", [_utterance("Second.", 3000)])
    first = [_utterance("你好。", 2400), _utterance("One.", 4800)]
    write_speech(tmp_path / "000000.npz", first)
    found = list(read_speech(tmp_path))
    assert [utterance.text for utterance in found] == ["你好。", "One.", "Second."]
    assert [len(utterance.wave) for utterance in found] == [2400, 4800, 3000]
    assert [len(utterance.f0) for utterance in found] == [8, 16, 10]
    assert found[1].samples.tolist() == [600, 3600, 600]
    assert {(utterance.voice, utterance.phones) for utterance in found} == {(3, "^a$")}


def test_a_file_that_was_not_finished_is_not_read(tmp_path: Path) -> None:
    write_speech(tmp_path / "000000.npz", [_utterance("One.", 2400)])
    (tmp_path / ".000001.npz.77").write_bytes(b"half")
    assert len(list(read_speech(tmp_path))) == 1


def _speak(path: Path) -> float:
    write_speech(path, UTTERANCES_PER_FILE * [_utterance(path.stem, 24_000)])
    return float(UTTERANCES_PER_FILE)


def test_files_are_added_until_there_is_enough(tmp_path: Path) -> None:
    write_speech(tmp_path / "000001.npz", [_utterance("Kept.", 24_000)])
    fill(tmp_path, 20 / 3600, 1, _speak, lambda _, path: path)
    made = [utterance.text for utterance in read_speech(tmp_path)]
    assert len(made) >= 20
    assert made.count("Kept.") == 1
    assert made[:10] == 10 * ["000000"]
    before = len(list(tmp_path.iterdir()))
    fill(tmp_path, 20 / 3600, 1, _speak, lambda _, path: path)
    assert len(list(tmp_path.iterdir())) == before
