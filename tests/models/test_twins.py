"""The hybrid with one thing changed: its circuit untrained, replaced, or removed."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from models.hybrid.frozen_circuit import FrozenCircuit
from models.hybrid.hybrid import Hybrid
from models.hybrid.replaced_circuit import ReplacedCircuit
from models.hybrid.without_circuit import WithoutCircuit
from models.reductions.pca import Pca
from models.reductions.pca_threshold import PcaThreshold
from qlayers import QuantumLayer
from qlayers.encodings.angle import Angle
from qlayers.encodings.basis import Basis
from qlayers.errors import ConfigurationError, InputError


def n_trainable(model):
    return sum(weights.numel() for weights in model.parameters() if weights.requires_grad)


def built(kind, circuit=None, reduction=None, seed=0):
    """Five columns, two features, three outputs; parts drawn in the order in which a configuration draws them."""
    torch.manual_seed(seed)
    reduction = reduction or nn.Linear(5, 2)
    circuit = circuit or QuantumLayer(n_qubits=2, depth=3)
    return kind(reduction, circuit, nn.Linear(circuit.n_outputs, 3))


def trained(model, steps=5):
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.1)
    torch.manual_seed(1)
    inputs, targets = torch.randn(8, 5), torch.randint(3, (8,))
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    return model


def test_frozen_weights_stay_to_the_bit_while_the_others_train():
    model = built(FrozenCircuit)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for name, value in trained(model).state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("circuit."), name
    moved = built(Hybrid)
    weights = moved.circuit.weights.clone()
    assert not torch.equal(trained(moved).circuit.weights, weights), "those of the hybrid do not"


def test_the_frozen_circuit_is_the_hybrid_before_training():
    inputs = torch.randn(4, 5)
    assert torch.equal(built(FrozenCircuit)(inputs), built(Hybrid)(inputs))
    assert n_trainable(built(Hybrid)) - n_trainable(built(FrozenCircuit)) == 3 * 2 * 3


def test_a_frozen_circuit_runs_as_often_as_gradients_need_it():
    learns_before = trained(built(FrozenCircuit), steps=1).circuit.execution
    assert (learns_before.executions, learns_before.gradient_executions) == (8, 8)
    reduction = Pca(5, 2)
    reduction.fit(torch.randn(20, 5))
    fixed_before = trained(built(FrozenCircuit, reduction=reduction), steps=1).circuit.execution
    assert (fixed_before.executions, fixed_before.gradient_executions) == (8, 0)


def test_a_trainable_reduction_before_frozen_bits_is_refused():
    bits = QuantumLayer(n_qubits=2, encoding="basis")
    with pytest.raises(ConfigurationError, match="reduction=pca_threshold"):
        built(FrozenCircuit, bits)
    built(FrozenCircuit, bits, PcaThreshold(5, 2))


@pytest.mark.parametrize(
    ("options", "width"),
    [
        # A width of w has w (n_features + 1 + n_measured) + n_measured parameters.
        ({"n_qubits": 4, "depth": 2}, 2),  # 24 to be met by 9 w + 4: 22 or 31
        ({"n_qubits": 4, "depth": 4}, 5),  # 48: 40 or 49
        ({"n_qubits": 2, "depth": 3, "measurement": "probs"}, 2),  # 18 by 7 w + 4
        ({"n_qubits": 4, "ansatz": "basic_entangler"}, 1),  # 4, and nothing is smaller than 13
    ],
)
def test_the_network_is_as_large_as_the_circuit_it_replaces(options, width):
    circuit = QuantumLayer(**options)
    n_features, n_measured = circuit.n_features, circuit.n_outputs
    model = ReplacedCircuit(nn.Linear(5, n_features), circuit, nn.Linear(n_measured, 3))
    found = n_trainable(model.circuit)
    assert found == width * (n_features + 1 + n_measured) + n_measured
    wanted = circuit.weights.numel()
    others = [w * (n_features + 1 + n_measured) + n_measured for w in range(1, 50)]
    assert abs(found - wanted) == min(abs(other - wanted) for other in others)
    assert model(torch.randn(7, 5)).shape == (7, 3)


def test_nothing_of_the_replaced_circuit_is_left():
    circuit = QuantumLayer(n_qubits=2, depth=3)
    model = trained(built(ReplacedCircuit, circuit))
    assert circuit.execution.executions == circuit.execution.gradient_executions == 0
    assert not any(isinstance(module, QuantumLayer) for module in model.modules())


def test_what_is_around_the_replaced_circuit_is_the_hybrids():
    hybrid, twin = built(Hybrid), built(ReplacedCircuit)
    inputs = torch.randn(6, 5)
    assert torch.equal(twin.features(inputs), hybrid.features(inputs)), "the same reduction and bounds"
    assert torch.equal(twin.head.weight, hybrid.head.weight)
    first, _, last = twin.circuit
    by_hand = torch.tanh(twin.features(inputs) @ first.weight.T + first.bias) @ last.weight.T + last.bias
    torch.testing.assert_close(twin(inputs), twin.head(by_hand))


def test_a_circuit_that_does_not_tell_its_sizes_cannot_be_replaced():
    with pytest.raises(ConfigurationError, match=r"cannot stand in for Tanh.*n_features and n_outputs"):
        ReplacedCircuit(nn.Linear(5, 2), nn.Tanh(), nn.Linear(2, 3))


def test_without_a_circuit_the_head_reads_the_bounded_features():
    torch.manual_seed(0)
    model = WithoutCircuit(nn.Linear(5, 2), Angle(), nn.Linear(2, 3), n_features=2)
    inputs = torch.randn(6, 5)
    bounded = math.pi * torch.tanh(inputs @ model.reduction.weight.T + model.reduction.bias)
    torch.testing.assert_close(model(inputs), bounded @ model.head.weight.T + model.head.bias)
    assert n_trainable(model) == (5 * 2 + 2) + (2 * 3 + 3)
    unbounded = WithoutCircuit(model.reduction, Angle(), model.head, n_features=2, bound=False)
    torch.testing.assert_close(unbounded.features(inputs), model.reduction(inputs))
    assert not torch.allclose(model(inputs), unbounded(inputs))


def test_without_a_circuit_sizes_still_have_to_meet():
    with pytest.raises(ConfigurationError, match=r"reduction Linear gives 4 values a row.* takes 2"):
        WithoutCircuit(nn.Linear(5, 4), Angle(), nn.Linear(2, 3), n_features=2)
    with pytest.raises(ConfigurationError, match=r"gives 2 values a row, but the head Linear takes 4"):
        WithoutCircuit(nn.Linear(5, 2), Angle(), nn.Linear(4, 3), n_features=2)
    with pytest.raises(InputError, match=r"turns 5 inputs into 5 features.*takes 2.*n_features=5"):
        WithoutCircuit(nn.Identity(), Angle(), nn.Linear(2, 3), n_features=2)(torch.randn(4, 5))


def test_without_a_circuit_nothing_has_to_be_bits():
    bits = torch.tensor([[0.0, 1.0]])
    model = WithoutCircuit(nn.Identity(), Basis(), nn.Linear(2, 3), n_features=2)
    assert torch.equal(model.features(bits), bits)
    model.check_inputs(bits + 0.5)
    WithoutCircuit(nn.Linear(5, 2), Basis(), nn.Linear(2, 3), n_features=2)
