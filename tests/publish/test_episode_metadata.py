import podtts
from podtts.publish.episode_metadata import episode_metadata
from podtts.publish.publish_options import PublishOptions


def test_options_take_precedence() -> None:
    options = PublishOptions(title="Bridges", artist="Anna", date="2026-01-31")
    metadata = episode_metadata(options, "talks/monday.txt", "mini", 7, "2026-02-01")
    assert (metadata.title, metadata.artist, metadata.date) == ("Bridges", "Anna", "2026-01-31")


def test_the_title_defaults_to_the_name_and_the_date_to_the_day() -> None:
    metadata = episode_metadata(PublishOptions(), "talks/monday.txt", "mini", 7, "2026-02-01")
    assert (metadata.title, metadata.artist, metadata.date) == ("monday", "", "2026-02-01")


def test_the_comment_says_how_the_speech_was_generated() -> None:
    metadata = episode_metadata(PublishOptions(), "monday.txt", "mini", 7, "2026-02-01")
    software = f"podtts {podtts.__version__}"
    assert metadata.comment == f"AI-generated speech: {software}, model mini, seed 7"
    assert metadata.software == software
