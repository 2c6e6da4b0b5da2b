import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podtts.script.json_positions import JsonEntry, entries


def test_members_of_an_object_and_of_the_array_in_it() -> None:
    text = '{\n"a"\n:\n1, "b": [\n"x",\n\n["y",\n2]\n]\n}'
    first, second = entries(text, 0, 1)
    assert first == JsonEntry("a", 1.0, 2, text.index("1"), 4)
    assert (second.key, second.value, second.line) == ("b", ["x", ["y", 2.0]], 4)
    inner = list(entries(text, second.value_at, second.value_line))
    assert [(entry.key, entry.value, entry.line) for entry in inner] == [
        ("", "x", 5),
        ("", ["y", 2.0], 7),
    ]


@pytest.mark.parametrize("text", ["{}", "[]", "[ \n]", "{\t}"])
def test_empty_objects_and_arrays_have_no_entries(text: str) -> None:
    assert list(entries(text, 0, 1)) == []


def test_brackets_and_commas_in_strings_are_text() -> None:
    assert [entry.value for entry in entries('["],[", "}\\"", "a"]', 0, 1)] == ["],[", '}"', "a"]


@settings(deadline=None)
@given(
    st.dictionaries(st.text(), st.lists(st.text() | st.none()) | st.floats(allow_nan=False)),
    st.sampled_from([None, 0, 3]),
)
def test_entries_equal_the_output_of_json(value: dict[str, object], indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    members = list(entries(text, 0, 1))
    lines = text.split("\n")
    assert {entry.key: entry.value for entry in members} == value
    for entry in members:
        assert json.dumps(entry.key, ensure_ascii=False) in lines[entry.line - 1]
        assert text.count("\n", 0, entry.value_at) + 1 == entry.value_line
