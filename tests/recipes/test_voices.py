from recipes.mini.voices import SHIPPED, held_out_voices, learnt_voices


def test_shipped_voices_come_first_and_more_voices_only_add() -> None:
    assert learnt_voices(40)[: len(SHIPPED)] == list(SHIPPED.values())
    assert learnt_voices(90)[:40] == learnt_voices(40)


def test_no_voice_is_one_of_the_teachers_alone() -> None:
    for voice in (*learnt_voices(200), *held_out_voices()):
        assert max(voice.mix.values()) < 0.75
        assert abs(sum(voice.mix.values()) - 1) < 1e-6


def test_nothing_is_learnt_from_the_components_of_held_out_voices() -> None:
    learnt = {name for voice in learnt_voices(200) for name in voice.mix}
    assert learnt.isdisjoint(name for voice in held_out_voices() for name in voice.mix)


def test_both_languages_have_voices_of_both_sexes() -> None:
    for voices in (learnt_voices(72), held_out_voices()):
        found = {(voice.speaks_mandarin, min(voice.mix)[1]) for voice in voices}
        assert found == {(True, "f"), (True, "m"), (False, "f"), (False, "m")}
