import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.golden_data import MODEL, models
from torch import Tensor

from podtts.device.placement import place
from podtts.errors import ModelError
from podtts.weights.load import Models, load_flow, load_models, load_vocoder

CPU = place("cpu", "float32")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODEL, tmp_path / "model"))


def change_pt(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)


def same_weights(first: Models, second: Models) -> bool:
    return all(
        torch.equal(value, getattr(second, part).state_dict()[name])
        for part in ("llm", "flow", "vocoder")
        for name, value in getattr(first, part).state_dict().items()
    )


def test_a_missing_tensor_is_named_with_its_file(checkpoint: Path) -> None:
    change_pt(checkpoint / "flow.pt", lambda state: state.pop("encoder.after_norm.bias"))
    with pytest.raises(ModelError, match=r"flow\.pt: tensor encoder\.after_norm\.bias is missing"):
        load_flow(checkpoint)


def test_an_unexpected_tensor_is_named_with_its_file(checkpoint: Path) -> None:
    change_pt(checkpoint / "flow.pt", lambda state: state.update(extra=torch.zeros(2)))
    with pytest.raises(ModelError, match=r"flow\.pt: unexpected tensor extra"):
        load_flow(checkpoint)


def test_a_tensor_of_a_wrong_shape_is_named_with_both_shapes(checkpoint: Path) -> None:
    change_pt(
        checkpoint / "flow.pt",
        lambda state: state.update({"encoder.after_norm.bias": torch.zeros(3)}),
    )
    with pytest.raises(ModelError, match=r"after_norm\.bias has shape \(3,\), expected \(\d+,\)"):
        load_flow(checkpoint)


def test_an_integer_tensor_is_refused(checkpoint: Path) -> None:
    change_pt(
        checkpoint / "flow.pt",
        lambda state: state.update({k: v.int() for k, v in state.items() if "after_norm.b" in k}),
    )
    with pytest.raises(ModelError, match=r"after_norm\.bias holds int32 numbers"):
        load_flow(checkpoint)


def test_half_a_weight_norm_pair_is_named(checkpoint: Path) -> None:
    def drop(state: dict[str, Tensor]) -> None:
        del state[next(name for name in state if name.endswith("original1"))]

    change_pt(checkpoint / "hift.pt", drop)
    with pytest.raises(ModelError, match=r"hift\.pt: tensor \S+original1 is missing"):
        load_vocoder(checkpoint)


@pytest.mark.parametrize("style", ["older names", "no prefix", "folded"])
def test_all_published_forms_of_the_vocoder_load_the_same(checkpoint: Path, style: str) -> None:
    reference = models().vocoder.state_dict()

    def rename(state: dict[str, Tensor]) -> None:
        for name, value in list(state.items()):
            new = name.removeprefix("generator.") if style == "no prefix" else name
            if style == "older names":
                new = new.replace("parametrizations.weight.original0", "weight_g")
                new = new.replace("parametrizations.weight.original1", "weight_v")
            if style == "folded" and name.endswith("original1"):
                new = name.replace("parametrizations.weight.original1", "weight")
                length = state.pop(name.replace("original1", "original0"))
                norm = torch.linalg.vector_norm(value, dim=(1, 2), keepdim=True)
                state[name] = value = length * value / norm
            if new != name and name in state:
                state[new] = state.pop(name)
                state[new] = value

    change_pt(checkpoint / "hift.pt", rename)
    loaded = load_vocoder(checkpoint).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in reference.items())


def test_an_llm_in_shards_loads_the_same(checkpoint: Path) -> None:
    state = load_file(checkpoint / "model.safetensors")
    names = sorted(state)
    shards = {"model-00001-of-00002.safetensors": names[:10]}
    shards["model-00002-of-00002.safetensors"] = names[10:]
    for shard, members in shards.items():
        save_file({name: state[name] for name in members}, checkpoint / shard)
    index = {"weight_map": {name: shard for shard, names in shards.items() for name in names}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    (checkpoint / "model.safetensors").unlink()
    assert same_weights(load_models(checkpoint, CPU), models())

    del state
    save_file({"x": torch.zeros(1)}, checkpoint / "model-00002-of-00002.safetensors")
    with pytest.raises(ModelError, match=r"00002-of-00002\.safetensors: tensor .* is missing"):
        load_models(checkpoint, CPU)


def test_missing_files_are_all_named_at_once(checkpoint: Path) -> None:
    (checkpoint / "flow.pt").unlink()
    (checkpoint / "campplus.onnx").unlink()
    with pytest.raises(ModelError, match=r"lacks flow\.safetensors or flow\.pt, campplus\.onnx"):
        load_models(checkpoint, CPU)


def test_code_in_a_pt_file_is_refused(checkpoint: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, ("raise SystemExit('executed')",))

    (checkpoint / "flow.pt").write_bytes(pickle.dumps({"x": Trap()}))
    with pytest.raises(ModelError, match=r"flow\.pt is damaged or holds more than tensors"):
        load_flow(checkpoint)


@pytest.mark.parametrize("name", ["flow.pt", "hift.pt", "model.safetensors"])
def test_a_truncated_file_is_named(checkpoint: Path, name: str) -> None:
    path = checkpoint / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match=name):
        load_models(checkpoint, CPU)


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("podtts.json", {"estimator_heads": 3}, "estimator_heads 3 × estimator_head_dim 16"),
        ("podtts.json", {"estimator_head": 3}, "unknown key 'estimator_head'; did you mean"),
        ("podtts.json", {"untrained": 1}, "untrained is 1, but must be true or false"),
        ("config.json", {"hidden_size": 63}, "hidden_size is 63, but the tensors"),
        ("config.json", {"num_hidden_layers": 3}, "num_hidden_layers is 3"),
        ("config.json", {"rope_scaling": {"type": "yarn"}}, "type 'yarn' are not supported"),
        ("config.json", {"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
        ("config.json", {"tie_word_embeddings": False}, "lm_head.weight is missing"),
        ("soulxpodcast_config.json", {"vocab_size": 1}, "vocab_size is 1"),
        ("soulxpodcast_config.json", {"speech_token_offset": 9999}, "does not fit a vocabulary"),
        ("soulxpodcast_config.json", {"eos_token_id": None}, "lacks eos_token_id"),
    ],
)
def test_settings_that_disagree_with_tensors_are_refused(
    checkpoint: Path, name: str, changes: dict[str, object], problem: str
) -> None:
    path = checkpoint / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ModelError) as caught:
        load_models(checkpoint, CPU)
    assert problem in str(caught.value)
    assert name in str(caught.value) or "lm_head" in problem or name == "podtts.json"


def test_an_untied_head_is_used(checkpoint: Path) -> None:
    path = checkpoint / "model.safetensors"
    state = load_file(path)
    head = torch.randn(state["model.embed_tokens.weight"].shape).bfloat16()
    save_file(state | {"lm_head.weight": head}, path)
    with pytest.raises(ModelError, match=r"lm_head\.weight differs from"):
        load_models(checkpoint, CPU)
    config = checkpoint / "config.json"
    config.write_text(config.read_text().replace('embeddings": true', 'embeddings": false'))
    podcast = checkpoint / "soulxpodcast_config.json"
    podcast.write_text(podcast.read_text().replace('embeddings": true', 'embeddings": false'))
    llm = load_models(checkpoint, CPU).llm
    assert torch.equal(llm.head.weight, head[llm.legal_rows()].float())


def test_a_tokenizer_without_the_tokens_of_a_turn_is_refused(checkpoint: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        path = checkpoint / name
        path.write_text(path.read_text().replace("<|text_start|>", "<|begin_text|>"))
    with pytest.raises(ModelError, match=r"does not know <\|text_start\|>"):
        load_models(checkpoint, CPU)
