"""Circuits as values: equality, counts, drawings and digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import matplotlib.pyplot as plt
import pennylane as qp
import pytest
import torch

from qlayers import CircuitSpec, QuantumLayer, tape
from qlayers.ansaetze import Ansatz
from qlayers.encodings import Encoding
from qlayers.encodings.angle import Angle


@dataclass(frozen=True)
class Custom(Encoding):
    scale: float = 1.0
    input_range: ClassVar[tuple[float, float] | None] = (-3.0, 3.0)

    def max_features(self, n_qubits: int) -> int:
        return n_qubits

    def apply(self, features: torch.Tensor, wires: Sequence[int]) -> None:
        for i in range(features.shape[-1]):
            qp.RY(self.scale * features[..., i], wires=wires[i])


def test_specs_compare_and_hash_by_value():
    one, same, other = (
        CircuitSpec(3, depth=2),
        CircuitSpec(3, encoding=Angle(), depth=2),
        CircuitSpec(3, depth=3),
    )
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert len({one, same, other}) == 2


def test_a_spec_cannot_be_changed():
    with pytest.raises(AttributeError):
        CircuitSpec(3).depth = 2  # type: ignore[misc]


def test_weights_features_and_outputs():
    spec = CircuitSpec(3, n_features=2, ansatz="hardware_efficient", depth=4, measurement="probs")
    assert spec.weight_shape == (4, 3, 2)
    assert spec.initial_weights().shape == (4, 3, 2)
    assert spec.n_outputs == 8
    assert CircuitSpec(3, depth=4, reupload=True).repetitions == 4


def test_the_digest_names_the_gates_and_not_the_weights():
    torch.manual_seed(0)
    first = QuantumLayer(3, depth=2)
    second = QuantumLayer(3, depth=2, precision="float64", backend="lightning")
    assert first.digest == second.digest
    different = [
        QuantumLayer(3, depth=3),
        QuantumLayer(3, depth=2, encoding="iqp"),
        QuantumLayer(3, depth=2, encoding=Angle("x")),
        QuantumLayer(3, depth=2, ansatz="separable"),
        QuantumLayer(3, depth=2, measurement="probs"),
        QuantumLayer(3, n_features=2, depth=2),
        QuantumLayer(3, depth=2, reupload=True),
        QuantumLayer(4, n_features=3, depth=2),
    ]
    digests = [layer.digest for layer in (first, *different)]
    assert len(set(digests)) == len(digests)


def test_editing_an_encodings_body_changes_the_digest_and_renaming_it_does_not(monkeypatch):
    before = QuantumLayer(2, encoding=Custom()).digest
    assert before == QuantumLayer(2, encoding=Angle("y")).digest

    def edited(self, features, wires):
        for i in range(features.shape[-1]):
            qp.RY(self.scale * features[..., i] ** 2, wires=wires[i])

    monkeypatch.setattr(Custom, "apply", edited)
    assert QuantumLayer(2, encoding=Custom()).digest != before


def test_the_digest_is_the_same_in_every_process_and_on_every_platform():
    # Recorded once. A change here renames every circuit in every run folder: say so in the changelog.
    assert QuantumLayer(2, ansatz="hardware_efficient").digest == "8bcc59aa227b96c4"


@pytest.mark.parametrize(
    "ansatz", ["strongly_entangling", "basic_entangler", "hardware_efficient", "separable"]
)
@pytest.mark.parametrize("encoding", ["angle", "iqp", "amplitude"])
def test_counts_equal_pennylanes_own(encoding, ansatz):
    layer = QuantumLayer(3, encoding=encoding, ansatz=ansatz, depth=2)
    resources = tape.decompose(layer._example_tape()).specs["resources"]
    gates = {name: count for name, count in resources.gate_types.items() if name != "GlobalPhase"}
    assert layer.counts.gates == gates
    assert layer.counts.circuit_depth == resources.depth
    assert layer.counts.n_qubits == 3
    assert layer.counts.n_parameters == layer.weights.numel()


def test_counts_of_a_circuit_counted_by_hand():
    counts = QuantumLayer(3, ansatz="hardware_efficient", depth=1).counts
    # RY encoding, RY and RZ on each qubit, CZ(0, 1) and CZ(1, 2): qubit 1 and 2 wait for one another.
    assert counts.gates == {"RY": 6, "RZ": 3, "CZ": 2}
    assert counts.circuit_depth == 5


def test_drawings_show_the_gates():
    layer = QuantumLayer(2, ansatz="hardware_efficient")
    assert [line.count("RY") for line in layer.draw().splitlines()] == [2, 2]
    figure = layer.draw_figure()
    assert figure.axes
    assert figure.number not in plt.get_fignums()


def test_an_ansatz_of_ones_own():
    @dataclass(frozen=True)
    class Mine(Ansatz):
        entanglement: ClassVar[str] = "none"

        def layer_shape(self, n_qubits: int) -> tuple[int, ...]:
            return (n_qubits,)

        def apply(self, weights: torch.Tensor, wires: Sequence[int], layer: int) -> None:
            for i, wire in enumerate(wires):
                qp.RX(weights[i], wires=wire)

    layer = QuantumLayer(2, ansatz=Mine(), depth=3)
    assert layer(torch.zeros(4, 2)).shape == (4, 2)
    assert layer.counts.gates["RX"] == 6
