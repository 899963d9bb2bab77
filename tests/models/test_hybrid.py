from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from models.hybrid.hybrid import Hybrid
from models.hybrid.quantum import Quantum
from models.hybrid.sizes import features_in, features_out
from models.reductions.pca import Pca
from models.reductions.pca_threshold import PcaThreshold
from qlayers import QuantumLayer
from qlayers.errors import ConfigurationError, InputError


@dataclass
class StandInEncoding:
    input_range: tuple[float, float] | None = (-math.pi, math.pi)
    differentiable: bool = True


class StandIn(nn.Module):
    """A circuit that hands on what it is given."""

    def __init__(self, n_features=2, n_outputs=2, **encoding):
        super().__init__()
        self.n_features = n_features
        self.n_outputs = n_outputs
        self.encoding = StandInEncoding(**encoding)
        self.seen = torch.empty(0)

    def forward(self, inputs):
        self.seen = inputs
        return inputs.mean(dim=-1, keepdim=True).expand(*inputs.shape[:-1], self.n_outputs)


def test_features_are_bounded_smoothly_and_one_to_one():
    circuit = StandIn(1, 1, input_range=(-1.0, 3.0))
    model = Hybrid(nn.Identity(), circuit, nn.Identity())
    inputs = torch.tensor([[-50.0], [-1.0], [0.0], [0.5], [50.0]], dtype=torch.float64)
    model(inputs)
    expected = [
        -1.0 + 4.0 / (1.0 + math.exp(-2.0 * x)) for x in inputs.flatten().tolist()
    ]  # the logistic of 2x
    torch.testing.assert_close(circuit.seen.flatten(), torch.tensor(expected, dtype=torch.float64))
    assert circuit.seen[2] == 1.0  # the middle of the range


@pytest.mark.parametrize(
    ("circuit", "bound"),
    [(StandIn(), False), (StandIn(input_range=None), True), (StandIn(differentiable=False), True)],
)
def test_features_are_handed_on_where_there_is_nothing_to_bound(circuit, bound):
    inputs = torch.tensor([[5.0, -7.0]])
    Hybrid(nn.Identity(), circuit, nn.Identity(), bound=bound)(inputs)
    assert torch.equal(circuit.seen, inputs)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (0,)])
def test_any_batch_shape(batch):
    model = Hybrid(nn.Linear(5, 2), StandIn(n_outputs=4), nn.Linear(4, 3))
    assert model(torch.randn(*batch, 5)).shape == (*batch, 3)


@pytest.mark.parametrize("kind", [Hybrid, Quantum])
@pytest.mark.parametrize(
    ("reduction", "head", "message"),
    [
        (Pca(5, 3), nn.Linear(2, 3), "reduction Pca gives 3 values a row, but the circuit StandIn takes 2"),
        (Pca(5, 2), nn.Linear(4, 3), "circuit StandIn gives 2 values a row, but the head Linear takes 4"),
        (Pca(5, 2), nn.Sequential(nn.ReLU(), nn.Linear(7, 3)), "gives 2 .* head Sequential takes 7"),
        (nn.Sequential(Pca(5, 4), nn.Tanh()), nn.Identity(), "reduction Sequential gives 4 .* takes 2"),
    ],
)
def test_sizes_that_do_not_meet_are_refused_naming_both(kind, reduction, head, message):
    with pytest.raises(ConfigurationError, match=message):
        kind(reduction, StandIn(), head)


def test_a_size_that_is_not_declared_is_checked_when_data_comes():
    model = Hybrid(nn.Identity(), StandIn(), nn.Identity())
    with pytest.raises(
        InputError, match=r"turns 30 inputs into 30 features, but the circuit takes 2.*n_features=30"
    ):
        model(torch.randn(4, 30))


@pytest.mark.parametrize(
    ("module", "sizes"),
    [
        (nn.Linear(3, 4), (3, 4)),
        (nn.Sequential(nn.Dropout(), nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.BatchNorm1d(2)), (3, 2)),
        (nn.Sequential(nn.Sequential(nn.Linear(3, 4)), nn.Softmax(-1)), (3, 4)),
        (nn.Sequential(nn.Flatten(), nn.Linear(3, 4), nn.Unflatten(-1, (2, 2))), (None, None)),
        (nn.Identity(), (None, None)),
        (nn.Sequential(), (None, None)),
        (StandIn(5, 6), (5, 6)),
    ],
)
def test_declared_sizes(module, sizes):
    assert (features_in(module), features_out(module)) == sizes


def test_a_trainable_reduction_before_bits_is_refused():
    circuit = StandIn(differentiable=False)
    with pytest.raises(ConfigurationError, match="reduction=pca_threshold"):
        Hybrid(nn.Linear(5, 2), circuit, nn.Identity())
    Hybrid(PcaThreshold(5, 2), circuit, nn.Identity())
    frozen = nn.Linear(5, 2).requires_grad_(False)
    Hybrid(frozen, circuit, nn.Identity())


def test_quantum_has_no_trainable_layer_in_front():
    with pytest.raises(ConfigurationError, match=r"12 trainable parameters.*reduction=pca"):
        Quantum(nn.Linear(5, 2), StandIn(), nn.Linear(2, 3))
    Quantum(Pca(5, 2), StandIn(), nn.Linear(2, 3))


# With real circuits.


def test_gradients_reach_every_part_of_a_real_hybrid():
    torch.manual_seed(0)
    circuit = QuantumLayer(n_qubits=2, n_features=2, precision="float64")
    model = Hybrid(nn.Linear(5, 2), circuit, nn.Linear(circuit.n_outputs, 3)).double()
    inputs = torch.randn(4, 5, dtype=torch.float64)

    def loss():
        return model(inputs).square().sum()

    loss().backward()
    for name, parameter in model.named_parameters():
        # A directional derivative by central differences, independent of any gradient method.
        direction = torch.randn_like(parameter)
        with torch.no_grad():
            parameter += 1e-5 * direction
            above = loss()
            parameter -= 2e-5 * direction
            below = loss()
            parameter += 1e-5 * direction
        numeric = (above - below).item() / 2e-5
        assert (parameter.grad * direction).sum().item() == pytest.approx(numeric, rel=1e-5, abs=1e-7), name


def test_a_real_circuit_sees_its_range_whatever_the_data(recwarn):
    circuit = QuantumLayer(n_qubits=2, n_features=2)
    low, high = circuit.encoding.input_range
    model = Hybrid(nn.Identity(), circuit, nn.Identity())
    features = model.features(1e6 * torch.randn(100, 2))
    assert features.min() >= low
    assert features.max() <= high
    model(1e6 * torch.randn(3, 2))
    assert not [warning for warning in recwarn if "range" in str(warning.message)]


def test_inputs_that_a_real_encoding_cannot_take_are_found_without_running_it():
    circuit = QuantumLayer(n_qubits=2, n_features=2, encoding="basis")
    model = Hybrid(nn.Identity(), circuit, nn.Identity())
    bits = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    model.check_inputs(bits)
    with pytest.raises(InputError, match="bits"):
        model.check_inputs(bits + 0.5)
    with pytest.raises(ConfigurationError, match="reduction=pca_threshold"):
        Hybrid(nn.Linear(5, 2), circuit, nn.Identity())
    amplitudes = Hybrid(
        nn.Identity(), QuantumLayer(n_qubits=2, n_features=4, encoding="amplitude"), nn.Identity()
    )
    with pytest.raises(InputError, match="zeros"):
        amplitudes.check_inputs(torch.zeros(1, 4))
