import pytest

from podtts.cli.idle_flags import IdleInBatch, idle_flags
from podtts.cli.publish_flags import PublishFlags
from podtts.cli.speed_flags import SpeedFlags
from podtts.errors import UsageError
from podtts.options import FlowOptions
from podtts.publish.publish_options import BESIDE, MusicFile, PublishOptions

_MUSIC = PublishOptions(music=MusicFile("bed.wav", "0" * 64))
_FLOW = FlowOptions()


def test_flags_with_what_they_need_and_flags_that_are_not_given_are_not_idle() -> None:
    publish, speed = PublishFlags(music_below=12.0, page_audio="link"), SpeedFlags(flow_cache=9)
    needed = {
        "--music-below": "--music",
        "--page-audio": "--page",
        "--flow-cache": "--flow-mode streaming",
    }
    assert idle_flags(publish, speed, PublishOptions(), _FLOW) == needed
    assert idle_flags(PublishFlags(), SpeedFlags(), PublishOptions(), _FLOW) == {}
    whole = PublishOptions(music=_MUSIC.music, page=BESIDE)
    assert idle_flags(publish, speed, whole, FlowOptions(mode="streaming")) == {}


def test_one_episode_of_a_batch_is_enough() -> None:
    idle = IdleInBatch(PublishFlags(music_below=12.0), SpeedFlags())
    idle.refuse()  # of no episode at all
    idle.see(PublishOptions(), _FLOW)
    with pytest.raises(UsageError, match="--music-below needs --music"):
        idle.refuse()
    idle.see(_MUSIC, _FLOW)
    idle.see(PublishOptions(), _FLOW)
    idle.refuse()
