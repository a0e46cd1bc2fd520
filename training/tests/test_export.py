"""The exported graph says what PyTorch says, for every size and both searches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from lookback_training.export import graph, rebuild
from lookback_training.model.ranker import Ranker
from lookback_training.schema import ACTIONS, Gsu


@pytest.fixture(scope="module")
def exported(ranker: Ranker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    graph.export(ranker, path)
    return path


def random_inputs(ranker: Ranker, candidates: int, events: int, valid: int, mode: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(candidates * 1000 + events)
    shape = ranker.shape
    inputs = graph.example_inputs(shape, candidates, events)
    highest = {"category": shape.categories + 1, "action": len(ACTIONS)}
    for name, value in inputs.items():
        part = name.split("_")[-1]
        if value.dtype == torch.float32 and part != "valid":
            inputs[name] = torch.randn(value.shape) * 0.5
        elif part in highest:
            inputs[name] = torch.randint(0, highest[part], value.shape)
        elif part == "time":
            inputs[name] = torch.stack([torch.randint(0, n, (len(value),)) for n in (26, 24, 7)], dim=1)
    inputs["user_field"] = torch.tensor([[2, 0]])
    inputs["context"] = torch.tensor([[13, 6, 2]])
    inputs["event_valid"][valid:] = 0
    inputs["skip_valid"][valid:] = 0
    inputs["gsu_mode"] = torch.tensor(int(mode))
    return inputs


@pytest.mark.parametrize("mode", list(Gsu))
@pytest.mark.parametrize(("candidates", "events", "valid"), [(1, 50, 50), (7, 60, 52), (3, 50, 0), (40, 300, 300)])
def test_onnxruntime_agrees(
    exported: Path, ranker: Ranker, candidates: int, events: int, valid: int, mode: Gsu
) -> None:
    inputs = random_inputs(ranker, candidates, events, valid, mode)
    with torch.no_grad():
        ours = ranker(*(inputs[name] for name in graph.INPUTS))
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    theirs = session.run(list(graph.OUTPUTS), {name: value.numpy() for name, value in inputs.items()})
    for name, a, b in zip(graph.OUTPUTS, ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b, atol=1e-5, err_msg=name)


def test_rebuilt_from_the_file_alone_it_is_the_same_ranker(exported: Path, ranker: Ranker) -> None:
    again = rebuild.ranker(exported)
    ours, theirs = ranker.shape.__dict__.copy(), again.shape.__dict__.copy()
    # Dropout acts in training only and is not in the file.
    ours.pop("dropout"), theirs.pop("dropout")
    assert ours == theirs
    for name, value in ranker.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_the_graph_is_plain_and_holds_its_weights(exported: Path, ranker: Ranker) -> None:
    model = onnx.load(exported, load_external_data=False)
    assert {node.op_type for node in model.graph.node} <= graph.PLAIN
    assert {f.name for f in model.functions} == {"Search", "Attend", "LongAttention"}
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert set(ranker.state_dict()) <= {tensor.name for tensor in model.graph.initializer}
    dims = {i.name: [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input}
    assert list(dims) == list(graph.INPUTS)
    assert dims["candidate_embedding"] == ["C", 12]
    assert dims["event_time"] == ["N", 3]
    assert dims["gsu_mode"] == []


def test_another_graph_is_refused(tmp_path: Path) -> None:
    info = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", [info], [other])), tmp_path / "other.onnx")
    with pytest.raises(rebuild.GraphError, match="export the model again"):
        rebuild.ranker(tmp_path / "other.onnx")
