import pytest

from podtts.storage.file_names import MAX_NAME_BYTES, file_name_problem


@pytest.mark.parametrize(
    "name", ["anna", "安娜", "Anna Maria", "a.b", "console", "com10", "x" * MAX_NAME_BYTES]
)
def test_valid_names_have_no_problem(name: str) -> None:
    assert file_name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "it is empty"),
        (" a", "begins or ends with white space"),
        ("a\n", "begins or ends with white space"),
        (".a", "begins with a dot"),
        ("a/b", "contains one of"),
        ("a\\b", "contains one of"),
        ("C:a", "contains one of"),
        ("a\x00b", "contains a control character"),
        ("a\u2028b", "contains a control character"),
        ("安" * 34, "longer than 100 bytes"),
        ("con", "Windows reserves"),
        ("NUL.txt", "Windows reserves"),
        ("lpt1", "Windows reserves"),
    ],
)
def test_invalid_names_have_a_problem(name: str, problem: str) -> None:
    assert problem in (file_name_problem(name) or "")
