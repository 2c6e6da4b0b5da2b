import pytest

from podtts.errors import ModelError
from podtts.hub.registry import (
    RECOGNIZERS,
    ModelSource,
    at_hub,
    find_published,
    find_source,
    missing_recognizer_files,
    model_names,
    recognizer_names,
    wanted_files,
)

_PUBLISHED = [
    ".gitattributes",
    "README.md",
    "added_tokens.json",
    "campplus.onnx",
    "chat_template.jinja",
    "config.json",
    "flow.pt",
    "generation_config.json",
    "hift.pt",
    "merges.txt",
    "model.safetensors",
    "soulxpodcast_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
]


def _with(*names: str, without: tuple[str, ...] = ()) -> list[str]:
    return [name for name in [*_PUBLISHED, *names] if name not in without]


def test_both_published_models_are_known() -> None:
    assert model_names() == ("soulx-podcast-1.7b", "soulx-podcast-1.7b-dialect")
    plain, dialect = (find_source(name) for name in model_names())
    assert plain.repo == "Soul-AILab/SoulX-Podcast-1.7B"
    assert dialect.repo == "Soul-AILab/SoulX-Podcast-1.7B-dialect"
    for source in (plain, dialect):
        assert source.licence == "Apache-2.0"
        assert source.speech_tokenizer.repo == "FunAudioLLM/CosyVoice2-0.5B"
        assert source.speech_tokenizer.path == "speech_tokenizer_v2.onnx"
        assert source.speech_tokenizer.sha256 == (
            "d43342aa12163a80bf07bffb94c9de2e120a8df2f9917cd2f642e7f4219c6f71"
        )


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ModelError) as caught:
        find_source("soulx-podcast-1.7B-dialekt")
    assert "did you mean soulx-podcast-1.7b-dialect?" in caught.value.problem
    assert "soulx-podcast-1.7b," in caught.value.hint


def test_all_needed_files_of_the_published_repository_are_selected() -> None:
    wanted = wanted_files("some/repo", _PUBLISHED)
    assert set(wanted) == set(_PUBLISHED) - {".gitattributes", "chat_template.jinja"}
    assert len(wanted) == len(set(wanted))


def test_converted_weights_are_preferred() -> None:
    wanted = wanted_files("some/repo", _with("flow.safetensors", "hift.safetensors", "podtts.json"))
    assert {"flow.safetensors", "hift.safetensors", "podtts.json"} <= set(wanted)
    assert not {"flow.pt", "hift.pt"} & set(wanted)


def test_sharded_weights_are_selected_with_their_index() -> None:
    shards = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
    index = "model.safetensors.index.json"
    listing = _with(index, *shards, without=("model.safetensors",))
    assert {index, *shards} <= set(wanted_files("some/repo", listing))


def test_a_single_file_is_preferred_to_shards() -> None:
    listing = _with("model.safetensors.index.json", "model-00001-of-00001.safetensors")
    wanted = wanted_files("some/repo", listing)
    assert "model.safetensors" in wanted
    assert "model-00001-of-00001.safetensors" not in wanted


def test_vocabulary_and_merges_replace_a_tokenizer_file() -> None:
    wanted = wanted_files("some/repo", _with(without=("tokenizer.json",)))
    assert {"vocab.json", "merges.txt"} <= set(wanted)


@pytest.mark.parametrize(
    ("listing", "named"),
    [
        (_with(without=("config.json", "campplus.onnx")), "config.json, campplus.onnx"),
        (_with(without=("flow.pt",)), "flow.safetensors or flow.pt"),
        (
            _with(without=("tokenizer.json", "merges.txt")),
            "tokenizer.json or vocab.json+merges.txt",
        ),
        (
            _with(without=("model.safetensors",)),
            "model.safetensors or model.safetensors.index.json",
        ),
        (
            _with("model.safetensors.index.json", without=("model.safetensors",)),
            "the shards of model.safetensors.index.json",
        ),
        (
            _with(
                "model.safetensors.index.json",
                "model-00001-of-00003.safetensors",
                "model-00003-of-00003.safetensors",
                without=("model.safetensors",),
            ),
            "model-00002-of-00003.safetensors",
        ),
    ],
)
def test_all_missing_files_are_named(listing: list[str], named: str) -> None:
    with pytest.raises(ModelError) as caught:
        wanted_files("some/repo", listing)
    assert caught.value.problem == f"some/repo lacks {named}"


def test_recognizers_are_published_under_a_name() -> None:
    assert recognizer_names()[0] == "whisper-base"
    for source in RECOGNIZERS:
        assert find_published(source.name) is source
        assert source.pinned_files == ()
        assert source.licence == "MIT"
    assert find_published(model_names()[0]) is find_source(model_names()[0])
    with pytest.raises(ModelError, match=r"did you mean whisper-small\?"):
        find_published("whisper-smal")


def test_the_files_of_a_recognizer_are_selected() -> None:
    source = RECOGNIZERS[0]
    listing = [".gitattributes", "README.md", "config.json", "model.bin", "tokenizer.json"]
    assert source.wanted_files([*listing, "vocabulary.txt"]) == (
        *("config.json", "model.bin", "tokenizer.json", "vocabulary.txt", "README.md"),
    )
    later = ("preprocessor_config.json", "vocabulary.json")
    assert {*later} <= {*source.wanted_files([*listing, *later])}
    with pytest.raises(ModelError) as caught:
        source.wanted_files(["config.json", "model.bin"])
    assert caught.value.problem == (
        f"{source.repo} lacks tokenizer.json, vocabulary.json or vocabulary.txt"
    )
    assert missing_recognizer_files([*listing, "vocabulary.txt"]) == []


def test_the_speech_tokenizer_has_another_name_at_modelscope() -> None:
    source = find_source("soulx-podcast-1.7b")
    assert at_hub(source, "huggingface") == source
    there = at_hub(source, "modelscope")
    assert isinstance(there, ModelSource)
    assert there.repo == source.repo
    assert there.speech_tokenizer.repo == "iic/CosyVoice2-0.5B"
    assert there.speech_tokenizer.sha256 == source.speech_tokenizer.sha256


def test_a_copy_replaces_the_repository_of_the_model_alone() -> None:
    source = find_source("soulx-podcast-1.7b")
    copy = at_hub(source, "huggingface", "me/My-Copy")
    assert (copy.repo, copy.pinned_files) == ("me/My-Copy", source.pinned_files)
    assert at_hub(find_published("whisper-base"), "modelscope", "me/Ears").repo == "me/Ears"


@pytest.mark.parametrize("repo", ["", "me", "me/my/copy", "https://some.host/me/copy", "me/a b"])
def test_what_is_no_name_of_a_repository_is_refused(repo: str) -> None:
    with pytest.raises(ModelError, match="is not the name of a repository"):
        at_hub(find_source("soulx-podcast-1.7b"), "modelscope", repo)
