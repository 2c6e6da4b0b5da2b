"""Numbers, dates and amounts of all forms, made at random, in a sentence of words."""

from datetime import date, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podtts.text.languages import Language
from podtts.text.readable import unreadable
from podtts.text.verbalize import verbalize

digits = st.text("0123456789", min_size=1, max_size=18)
grouped = st.integers(0, 10**12).map(lambda number: f"{number:,}")
numbers = st.one_of(
    digits,
    grouped,
    grouped.map(lambda number: number.replace(",", " ")),
    grouped.map(lambda number: number.replace(",", ".")),
    st.tuples(grouped, digits).map(".".join),
    *(
        st.lists(digits, min_size=2, max_size=4).map(separator.join)
        for separator in (".", ",", "/", ":", "-", "'", "x", "=")
    ),
)


def amounts(before: str, behind: str) -> st.SearchStrategy[str]:
    """A number, with one of the signs before it and one of the units behind it."""
    return st.tuples(
        st.sampled_from(before.split("|")), numbers, st.sampled_from(behind.split("|"))
    ).map("".join)


days = st.tuples(
    st.dates(date(1000, 1, 1)),
    st.sampled_from(["%d.%m.%Y", "%m/%d/%y", "%Y/%m/%d", "%B %d, %Y", "%d %b %Y", "%b. %d"]),
)
moments = st.one_of(
    st.dates().map(str),
    st.times().map(str),
    st.datetimes().map(str),
    days.map(lambda day: day[0].strftime(day[1])),
    st.times(time(1)).map(lambda moment: moment.strftime("%I:%M %p")),
)
english = st.one_of(
    amounts(
        "|-|+|~|±|<|≥|#|No. |§|(|$|€|£|US$|C$|-$|CHF |room |in |about |pp. |call ",
        "|%| kg|m| km/h|°C|GB|k|M| million|th|st|s|h| h 5 m|x|+|²|pm| a.m.|'s|-year-old|/day| EUR|€"
        '| May| ft|"',
    ),
    moments,
)
mandarin = st.one_of(
    amounts(
        "|-|+|~|±|第|￥|$|US$|约|电话|房间|#|下午|温度",
        "|%|元|个|公斤|年|月|日|号|点|分|度|℃|万|亿|米|kg|km/h|岁|倍|次|w|k|楼|室|后|年代",
    ),
    moments,
    st.dates().map(lambda day: f"{day.year}年{day.month}月{day.day}日"),
)
JOINS = ("-", "–", " - ", "~", "/", ", ", " to ", "到")
CASES: dict[Language, tuple[st.SearchStrategy[str], str, str]] = {
    "en": (english, "We saw ", " today."),
    "zh": (mandarin, "我们看到", "，今天。"),
}


@pytest.mark.parametrize("language", CASES)
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_every_expression_becomes_words(language: Language, data: st.DataObject) -> None:
    expressions, before, behind = CASES[language]
    single, pair = expressions, st.tuples(expressions, st.sampled_from(JOINS), expressions)
    expression = data.draw(st.one_of(single, pair.map("".join)))
    spoken = verbalize(before + expression + behind, language)
    assert spoken.text.startswith(before)
    assert spoken.text.endswith(behind)
    assert len(spoken.text) > len(before + behind)
    assert not unreadable(spoken.text)
    assert not any("no reading" in note for note in spoken.notes)
    assert verbalize(spoken.text, language).text == spoken.text
