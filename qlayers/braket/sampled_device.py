"""A PennyLane device on something that only returns bit strings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pennylane as qp
from pennylane.devices import Device, ExecutionConfig
from pennylane.devices.modifiers import simulator_tracking, single_tape_support
from pennylane.devices.preprocess import decompose, validate_device_wires
from pennylane.exceptions import DeviceError
from pennylane.measurements import (
    CountsMP,
    ExpectationMP,
    MeasurementProcess,
    ProbabilityMP,
    SampleMP,
    VarianceMP,
)
from pennylane.operation import Operator
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.transforms import broadcast_expand, diagonalize_measurements, split_non_commuting
from pennylane.typing import PostprocessingFn

from qlayers.braket.circuits import EVERYWHERE, WITHOUT_EFFECT


@simulator_tracking
@single_tape_support
class SampledDevice(Device, ABC):
    """Base of devices that run gates and then measure all qubits in the computational basis.

    Expectation values and variances of Pauli words, expectation values of their sums, probabilities, samples and
    counts are worked out from bit strings. Circuits are brought to that form before they run: batches one by one,
    gates taken apart into :attr:`gates`, measurements that do not commute in circuits of their own, and each turned
    into the computational basis. Whatever is asked for together arrives in one call of :meth:`bitstrings`.

    Gradients are PennyLane's, by shifted circuits; the device has none of its own.

    Args:
        wires: A number of wires, or their labels.
        shots: Default number of shots; PennyLane prefers ``qp.set_shots`` on the QNode.

    Raises:
        DeviceError: There are no wires; or, when a circuit is run, it has no shots, a measurement that cannot be
            worked out from bit strings, or a gate that cannot be taken apart.
    """

    name = "qlayers.sampled"
    gates: frozenset[str] = EVERYWHERE
    """PennyLane's names of the gates that :meth:`bitstrings` takes. It never gets others."""

    def __init__(self, wires: Any, shots: Any = None) -> None:
        super().__init__(wires=wires, shots=shots)
        if not self.wires:
            raise DeviceError(f"{self.name} needs wires: a number of them, or their labels")

    @abstractmethod
    def bitstrings(self, circuits: list[QuantumScript]) -> list[np.ndarray]:
        """Run circuits and measure all wires, as often as each circuit's ``shots.total_shots``.

        Args:
            circuits: On the wires 0 … n_wires - 1, of gates in :attr:`gates` with numbers as parameters, one sample
                each. Their measurements are worked out by the caller.

        Returns:
            For each circuit, whole numbers 0 and 1 of shape ``(shots, n_wires)``.
        """

    def preprocess_transforms(self, execution_config: ExecutionConfig | None = None) -> qp.CompilePipeline:
        """Bring circuits down to gates and to bit strings, and refuse what cannot be."""
        gates = self.gates | WITHOUT_EFFECT

        def known(operation: Operator) -> bool:
            return operation.name in gates

        transforms = qp.CompilePipeline()
        transforms.add_transform(_validate, name=self.name)
        transforms.add_transform(validate_device_wires, wires=self.wires, name=self.name)
        transforms.add_transform(
            decompose,
            stopping_condition=known,
            skip_initial_state_prep=False,
            device_wires=self.wires,
            target_gates=gates,
            name=self.name,
        )
        transforms.add_transform(broadcast_expand)
        transforms.add_transform(split_non_commuting)
        transforms.add_transform(diagonalize_measurements)
        # The rotations into the computational basis need not be among the gates.
        transforms.add_transform(
            decompose, stopping_condition=known, device_wires=self.wires, target_gates=gates, name=self.name
        )
        return transforms

    def execute(
        self, circuits: Sequence[QuantumScript], execution_config: ExecutionConfig | None = None
    ) -> Any:
        """The measurements' values, for each circuit one, or a tuple where it has several measurements."""
        places = {label: place for place, label in enumerate(self.wires)}
        standard = [_on_wires(circuit, places) for circuit in circuits]
        found = self.bitstrings(standard) if standard else []
        return tuple(_values(circuit, bits) for circuit, bits in zip(standard, found, strict=True))


def _values(circuit: QuantumScript, bits: np.ndarray) -> Any:
    """What a circuit's measurements give, for each part of its shots if they are in parts."""
    n_wires = bits.shape[-1]
    if bits.shape[0] != circuit.shots.total_shots:
        raise DeviceError(f"{circuit.shots.total_shots} shots were asked for, and {bits.shape[0]} came back")
    by_part = []
    for first, last in circuit.shots.bins():
        values = tuple(_value(measurement, bits[first:last], n_wires) for measurement in circuit.measurements)
        by_part.append(values[0] if len(values) == 1 else values)
    return tuple(by_part) if circuit.shots.has_partitioned_shots else by_part[0]


def _value(measurement: MeasurementProcess, bits: np.ndarray, n_wires: int) -> Any:
    return measurement.process_samples(bits, qp.wires.Wires(range(n_wires)))


def _on_wires(circuit: QuantumScript, places: dict[Any, int]) -> QuantumScript:
    """The circuit on wires 0 … n_wires - 1."""
    if all(label == place and type(label) is int for label, place in places.items()):
        return circuit
    (mapped,), _ = qp.map_wires(circuit, places)
    return mapped


def _first(results: Any) -> Any:
    return results[0]


@qp.transform
def _validate(tape: QuantumScript, name: str) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Refuse, before anything else is done, what bit strings cannot give."""
    if not tape.shots:
        raise DeviceError(
            f"{name} draws samples, and the circuit has no shots: say how many with qp.set_shots"
        )
    for measurement in tape.measurements:
        if not _from_bits(measurement):
            raise DeviceError(
                f"{name} cannot work out {measurement} from samples in the computational basis; it takes expval of "
                "Pauli words and their sums, var, sample and counts of Pauli words, probs, sample and counts of wires"
            )
    return (tape,), _first


def _from_bits(measurement: MeasurementProcess) -> bool:
    observable = measurement.obs
    if measurement.mv is not None or not isinstance(
        measurement, ExpectationMP | VarianceMP | ProbabilityMP | SampleMP | CountsMP
    ):
        return False
    if observable is None:
        return isinstance(measurement, ProbabilityMP | SampleMP | CountsMP)
    if isinstance(observable, qp.Hadamard):
        return True
    words = observable.pauli_rep
    if words is None:
        return False
    return isinstance(measurement, ExpectationMP) or len(words) == 1
