import pytest

from podtts.errors import (
    AudioError,
    DeviceError,
    DiskError,
    InputError,
    ModelError,
    OutOfMemoryError,
    PartialError,
    PodttsError,
    ScriptError,
    UsageError,
    VoiceError,
    nearest,
)


def test_an_error_has_a_problem_and_a_hint() -> None:
    error = PodttsError("it failed", "try again")
    assert (error.problem, error.hint, str(error)) == (
        "it failed",
        "try again",
        "it failed (try again)",
    )
    assert str(PodttsError("it failed")) == "it failed"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PartialError("x"), 1),
        (UsageError("x"), 2),
        (InputError("x"), 3),
        (ScriptError("talk.txt", 3, "x"), 3),
        (AudioError("anna.wav", "x"), 3),
        (VoiceError("x"), 3),
        (ModelError("x"), 4),
        (DeviceError("x"), 5),
        (OutOfMemoryError("x"), 5),
        (DiskError("x"), 5),
    ],
)
def test_every_kind_has_its_exit_code(error: PodttsError, code: int) -> None:
    assert error.exit_code == code


def test_errors_name_the_place() -> None:
    assert ScriptError("talk.txt", 3, "no text").problem == "talk.txt:3: no text"
    assert AudioError("anna.wav", "is empty").problem == "anna.wav: is empty"


def test_the_nearest_name_is_suggested() -> None:
    names = ("laughter", "sigh", "Sichuan")
    assert nearest("laugter", names) == "; did you mean laughter?"
    assert nearest("SICHUAN", names) == "; did you mean Sichuan?"
    assert nearest("xyz", names) == ""
