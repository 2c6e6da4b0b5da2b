from pathlib import Path

import numpy as np
import pytest
from recipes.mini.teacher import write_part

onnx = pytest.importorskip("onnx", reason="onnx is a requirement of the recipe, not of podtts")


def test_a_part_of_a_graph_computes_its_outputs_alone(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["x", "one"], ["planned"]),
            helper.make_node("Mul", ["planned", "large"], ["spoken"]),
        ],
        "whole",
        [helper.make_tensor_value_info("x", floats, [2])],
        [helper.make_tensor_value_info(name, floats, [2]) for name in ("spoken", "planned")],
        [
            numpy_helper.from_array(np.ones(2, np.float32), "one"),
            numpy_helper.from_array(np.full(2, 7, np.float32), "large"),
        ],
    )
    onnx.save(helper.make_model(graph), tmp_path / "whole.onnx")
    write_part(tmp_path / "whole.onnx", ["planned"], tmp_path / "part.onnx")
    part = onnx.load(tmp_path / "part.onnx")
    assert [node.op_type for node in part.graph.node] == ["Add"]
    assert [weight.name for weight in part.graph.initializer] == ["one"]
    (planned,) = ReferenceEvaluator(part).run(None, {"x": np.array([1, 2], np.float32)})
    assert np.asarray(planned).tolist() == [2, 3]
    assert not (tmp_path / "part.new").exists()
