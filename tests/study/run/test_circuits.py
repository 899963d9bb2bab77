from __future__ import annotations

import pytest
import torch
from torch import nn

from models.hybrid.hybrid import Hybrid
from qlayers import QuantumLayer
from study.run.circuits import circuit_features, describe_circuit, n_outside, quantum_layers, refusals


def test_the_features_are_those_the_circuit_gets_and_it_is_not_run() -> None:
    layer = QuantumLayer(n_qubits=2, encoding="angle", depth=1)
    reduction, inputs = nn.Linear(3, 2), torch.randn(5, 3)
    model = Hybrid(reduction, layer, nn.Linear(2, 2), bound=False)
    found = circuit_features(model, inputs)
    assert found is not None
    assert found[0] is layer
    assert torch.equal(found[1], reduction(inputs))
    assert found[1].requires_grad
    assert layer.execution.executions == 0
    model(inputs)  # the model runs as before
    assert layer.execution.executions == 5


def test_features_that_nothing_trainable_makes_need_no_gradient() -> None:
    model = nn.Sequential(nn.Identity(), QuantumLayer(n_qubits=2, depth=1), QuantumLayer(n_qubits=2, depth=1))
    found = circuit_features(model, torch.randn(4, 2))
    assert found is not None
    assert found[0] is model[1]
    assert not found[1].requires_grad
    assert quantum_layers(model) == [model[1], model[2]]


def test_a_model_without_a_circuit_has_no_features() -> None:
    assert circuit_features(nn.Linear(2, 2), torch.randn(4, 2)) is None


def test_only_rows_that_cannot_be_encoded_are_refused() -> None:
    layer = QuantumLayer(n_qubits=1, n_features=2, encoding="amplitude", depth=1)
    reasons = refusals(layer, torch.tensor([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]))
    assert [reason is None for reason in reasons] == [True, False, True]
    assert "but this row is one" in reasons[1]


def test_a_refused_row_has_no_other_number() -> None:
    layer = QuantumLayer(n_qubits=2, encoding="basis", depth=1)
    reasons = refusals(layer, torch.tensor([[0.0, 1.0], [0.5, 0.2]]))
    assert reasons[0] is None
    assert "but this row has 0.5 as feature 0" in reasons[1]
    assert "row 0" not in reasons[1]


@pytest.mark.parametrize(("encoding", "expected"), [("angle", 2), ("amplitude", 0)])
def test_rows_outside_the_declared_range_are_counted_once_each(encoding: str, expected: int) -> None:
    layer = QuantumLayer(n_qubits=2, encoding=encoding, depth=1)
    features = torch.tensor([[torch.pi, -torch.pi], [4.0, -4.0], [0.0, 3.2], [1.0, 2.0]])
    assert n_outside(layer, features) == expected


def test_a_description_is_the_layers_own() -> None:
    layer = QuantumLayer(n_qubits=3, depth=2, precision="float64")
    described = describe_circuit(layer)
    assert described["digest"] == layer.digest
    assert described["n_parameters"] == sum(p.numel() for p in layer.parameters())
    assert described["precision"] == "float64"
    assert described["n_qubits"] == 3
