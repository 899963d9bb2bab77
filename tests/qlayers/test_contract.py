"""Every component that ships keeps the contract, and the contract fails on components that do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
import pytest
import torch

from qlayers import Ansatz, Encoding, Measurement, QuantumLayer, testing
from qlayers.components import available
from qlayers.encodings.angle import Angle
from qlayers.encodings.iqp import Iqp
from qlayers.measurements.z import Z


@pytest.mark.parametrize(
    "encoding", [*(kind() for kind in available(Encoding).values()), Angle("x"), Angle("z"), Iqp(2)]
)
def test_encodings(encoding):
    testing.check_encoding(encoding)


@pytest.mark.parametrize("ansatz", [kind() for kind in available(Ansatz).values()])
@pytest.mark.parametrize("n_qubits", [1, 3])
def test_ansaetze(ansatz, n_qubits):
    testing.check_ansatz(ansatz, n_qubits)


@pytest.mark.parametrize("measurement", [kind() for kind in available(Measurement).values()])
def test_measurements(measurement):
    testing.check_measurement(measurement)


@dataclass(frozen=True)
class ReadsFirstSample(Angle):
    def apply(self, features: torch.Tensor, wires: Sequence[int]) -> None:
        for i in range(len(wires)):
            qp.RY(features[i], wires=wires[i])


@dataclass(frozen=True)
class CutsTheGradient(Angle):
    def apply(self, features: torch.Tensor, wires: Sequence[int]) -> None:
        super().apply(features.detach(), wires)


@dataclass(frozen=True)
class Entangles(Angle):
    def apply(self, features: torch.Tensor, wires: Sequence[int]) -> None:
        super().apply(features, wires)
        qp.CNOT([wires[0], wires[1]])


@dataclass(frozen=True)
class WrongSpectrum(Angle):
    def apply(self, features: torch.Tensor, wires: Sequence[int]) -> None:
        super().apply(2 * features, wires)


@dataclass
class NotFrozen:
    name: str = "not_frozen"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (ReadsFirstSample(), "batch"),
        (CutsTheGradient(), "differentiable"),
        (Entangles(), "entangling"),
        (WrongSpectrum(), "frequencies"),
        (NotFrozen(), "frozen"),
    ],
)
def test_wrong_encodings_are_found(wrong, message):
    with pytest.raises(AssertionError, match=message):
        testing.check_encoding(wrong)


@dataclass(frozen=True)
class SaysItEntangles(Ansatz):
    entanglement: ClassVar[str] = "ring"

    def layer_shape(self, n_qubits: int) -> tuple[int, ...]:
        return (n_qubits,)

    def apply(self, weights: torch.Tensor, wires: Sequence[int], layer: int) -> None:
        for i, wire in enumerate(wires):
            qp.RX(weights[i], wires=wire)


@dataclass(frozen=True)
class ForgetsAWeight(SaysItEntangles):
    entanglement: ClassVar[str] = "none"

    def apply(self, weights: torch.Tensor, wires: Sequence[int], layer: int) -> None:
        super().apply(weights, wires[:-1], layer)


@pytest.mark.parametrize(
    ("wrong", "message"), [(SaysItEntangles(), "entanglement"), (ForgetsAWeight(), "not use")]
)
def test_wrong_ansaetze_are_found(wrong, message):
    with pytest.raises(AssertionError, match=message):
        testing.check_ansatz(wrong)


@dataclass(frozen=True)
class WrongWidth(Z):
    def n_outputs(self, n_qubits: int) -> int:
        return n_qubits + 1


@dataclass(frozen=True)
class WrongRange(Z):
    output_range: ClassVar[tuple[float, float]] = (0.0, 1.0)


@pytest.mark.parametrize(("wrong", "message"), [(WrongWidth(), "shape"), (WrongRange(), "range")])
def test_wrong_measurements_are_found(wrong, message):
    with pytest.raises(AssertionError, match=message):
        testing.check_measurement(wrong)


class IgnoresReplacedWeights(QuantumLayer):
    """What TorchLayer does: it runs with the weights it saw first."""

    def _weights_by_name(self):
        if "first_seen" not in self.__dict__:
            self.__dict__["first_seen"] = {name: getattr(self, name) for name in self._weight_names}
        return self.__dict__["first_seen"]


def test_a_layer_that_keeps_a_second_dict_is_found():
    with pytest.raises(AssertionError, match=r"functional_call|deep copy"):
        testing.check_layer(IgnoresReplacedWeights(2), torch.rand(3, 2))
