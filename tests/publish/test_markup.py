"""Parts of a page; complete pages are in test_page.py."""

import re
from dataclasses import replace

from podtts.publish.markup import chapters, figures, speakers, transcript
from podtts.publish.publish_options import LayoutOptions
from podtts.publish.timeline import lay_out
from podtts.values import Chapter, RunWork, StageSeconds, Turn

TURNS = (Turn(0, "Hello & <|sigh|> welcome."), Turn(1, "你好。"), Turn(0, "Bye."))
TIMELINE = lay_out(TURNS, [24_000, 48_000, 24_000], LayoutOptions(0.0), ["anna", "小希"])


def test_speakers_have_the_duration_of_their_turns() -> None:
    rows = re.findall(r'class="speaker-(\d)".*?>([^<]+)</b> <span>([\d:]+)<', speakers(TIMELINE))
    assert rows == [("1", "anna", "0:02"), ("2", "小希", "0:02")]
    assert ' lang="zh">小希' in speakers(TIMELINE)


def test_chapters_have_their_start_times() -> None:
    assert chapters(TIMELINE) == ""
    headings = [Chapter("One", 0), Chapter("Two & <three>", 1)]
    with_chapters = lay_out(
        TURNS, [24_000, 48_000, 24_000], LayoutOptions(0.0), ["anna", "小希"], headings
    )
    markup = chapters(with_chapters)
    assert re.findall(r'data-start="([\d.]+)"', markup) == ["0.000000", "1.000000"]
    assert "Two &amp; &lt;three&gt;" in markup


def test_listening_is_a_stage_where_somebody_listened() -> None:
    silent = RunWork("cpu", 3, 4.0, StageSeconds(llm=2.0, flow=1.0, vocoder=0.5))
    heard = replace(silent, stages=silent.stages + StageSeconds(hearing=0.5))
    rows = [re.findall(r'row">([\w ]+)<', figures(TIMELINE, work)) for work in (silent, heard)]
    assert rows[0] == ["Language model", "Flow", "Vocoder", "All stages"]
    assert rows[1] == ["Language model", "Flow", "Vocoder", "Listening", "All stages"]
    assert "Listening</th><td>0.5 s</td><td>0.12</td>" in figures(TIMELINE, heard)
    assert "All stages</th><td>4.0 s</td>" in figures(TIMELINE, heard)


def test_a_short_turn_is_one_escaped_text() -> None:
    markup = transcript(TIMELINE)
    assert "Hello &amp; (sigh) welcome." in markup
    assert 'class="part"' not in markup


def test_a_long_turn_has_timed_parts() -> None:
    timeline = lay_out([Turn(0, "One long sentence. " * 20)], [96_000], LayoutOptions(), ["anna"])
    starts = [
        float(start) for start in re.findall(r'part" data-start="([\d.]+)"', transcript(timeline))
    ]
    assert len(starts) > 3
    assert starts == sorted(set(starts))
    assert starts[0] == 0.0
    assert starts[-1] < 4.0
