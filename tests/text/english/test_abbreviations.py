"""Titles and other abbreviations in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Dr. Lee and Prof. Kim", "Doctor Lee and Professor Kim"),
        ("Mr. and Mrs. Hill", "Mister and Misses Hill"),
        ("St. Mary, Mt. Fuji", "Saint Mary, Mount Fuji"),
    ],
)
def test_titles_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("fruit, e.g. figs, i.e. food", "fruit, for example figs, that is food"),
        ("cats vs. dogs vs birds", "cats versus dogs versus birds"),
        ("pens, ink, etc.", "pens, ink, et cetera."),
        ("w/ salt, w/o sugar", "with salt, without sugar"),
        ("WWI and WWII", "World War one and World War two"),
        ("Acme Inc. and Bolt Co. grew", "Acme incorporated and Bolt company grew"),
        ("in Dec. and Jan.", "in December and January."),
        ("approx. 90", "approximately ninety"),
    ],
)
def test_abbreviations_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("No. 8, Nos. 3 and 4, #6", "number eight, numbers three and four, number six"),
        ("vol. 3, pp. 20-25, Fig. 2", "volume three, pages twenty to twenty five, figure two"),
        ("No, 5 is enough.", "No, five is enough."),
        ("order no. 12", "order number twelve"),
        ("Nos 2-4, serial no. K7", "numbers two to four, serial number K seven"),
        ("Ste. 40, min. 2, 5 min. 3", "suite forty, minimum two, five minutes. three"),
        (
            "Ann Hill (b. 1931, d. 2004)",
            "Ann Hill (born nineteen thirty one, died two thousand four)",
        ),
        ("It was plan b. 2020 came.", "It was plan b. twenty twenty came."),
        ("He said no. 12 people left.", "He said no. twelve people left."),
    ],
)
def test_abbreviations_before_numbers_are_read(written: str, words: str) -> None:
    assert english(written) == words
