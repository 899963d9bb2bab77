"""Readout-error inversion: measure how readout errs, and undo it in the probabilities."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pennylane as qp
from pennylane.devices import ExecutionConfig
from pennylane.tape import QuantumScript

from qlayers.errors import ConfigurationError
from qlayers.mitigation._base import Mitigation
from qlayers.mitigation._device import MitigatedDevice, Postprocessing
from qlayers.mitigation._outcomes import in_computational_basis

N_CALIBRATION_CIRCUITS = 2
SMALLEST_DETERMINANT = 1e-6


@dataclass(frozen=True)
class ReadoutInversion(Mitigation):
    """Corrects probabilities, and what is computed from them, for readout errors that are independent for each qubit.

    Two calibration circuits, all qubits in 0 and all in 1, give each qubit's confusion matrix; the inverse of their
    tensor product is applied to the measured probabilities of each measurement's qubits. What comes out are
    quasi-probabilities: they add up to 1, and may lie below 0 or above 1. They are left so, because clipping them
    would bias expectation values, which are unbiased as they are. Their standard error grows: with the error ``p`` in
    either direction, that of a word of ``k`` Pauli operators by the factor ``1/(1-2p)^k``, to which that of the
    calibration comes. Errors that are correlated between qubits are not undone, and an error of the gate that makes
    the 1 is taken for one of readout.

    Sources: Bravyi et al., "Mitigating measurement errors in multiqubit experiments", Phys. Rev. A 103, 042605 (2021),
    the tensor product noise model.

    Args:
        calibrate_every: Calibrate again before a batch if this many circuits have run since the last time; None
            calibrates once a device.
        calibration_shots: Of each calibration circuit; None takes as many as the circuits have. Without meaning where
            circuits are exact.

    Raises:
        ConfigurationError: A number is below 1.
    """

    stage: ClassVar[int] = 2

    calibrate_every: int | None = None
    calibration_shots: int | None = None

    def __post_init__(self) -> None:
        for name in ("calibrate_every", "calibration_shots"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ConfigurationError(f"{name}={value!r} must be a whole number from 1 on, or None.")

    def wrap(self, device: qp.devices.Device) -> MitigatedDevice:
        return ReadoutInversionDevice(device, self)

    def cost(self, n_circuits: int) -> int:
        """With two more circuits a calibration; at most, as a batch is not interrupted to calibrate."""
        if n_circuits == 0:
            return 0
        times = 1 if self.calibrate_every is None else math.ceil(n_circuits / self.calibrate_every)
        return n_circuits + N_CALIBRATION_CIRCUITS * times


class Calibration:
    """How each wire's readout errs, and for how many circuits that has been taken to hold.

    Attributes:
        inverses: By wire, the inverse of the matrix whose entry ``[read, prepared]`` is a probability; shape (2, 2).
        circuits: Run since it was measured.
        times: How often it was measured.
    """

    def __init__(self) -> None:
        self.inverses: dict[Any, np.ndarray] = {}
        self.circuits = 0
        self.times = 0

    def learn(self, zeros: Mapping[Any, float], ones: Mapping[Any, float]) -> None:
        """From the probability of reading 1 on each wire, prepared in 0 and in 1.

        Raises:
            ConfigurationError: A wire's readout tells nothing of its state.
        """
        inverses = {}
        for wire in zeros:
            wrong_in_zero, wrong_in_one = zeros[wire], 1 - ones[wire]
            if 1 - wrong_in_zero - wrong_in_one < SMALLEST_DETERMINANT:
                raise ConfigurationError(
                    f"mitigation=readout_inversion cannot be had: wire {wire} reads 1 with probability "
                    f"{zeros[wire]:.3g} when it is 0 and reads 0 with probability {wrong_in_one:.3g} when it is 1. "
                    "Their mean must be below 1/2. Use another qubit, or more calibration_shots."
                )
            confusion = np.array([[1 - wrong_in_zero, wrong_in_one], [wrong_in_zero, 1 - wrong_in_one]])
            inverses[wire] = np.linalg.inv(confusion)
        self.inverses, self.circuits = inverses, 0
        self.times += 1

    def correct(self, probabilities: Any, wires: Sequence[Any]) -> Any:
        """Quasi-probabilities.

        Args:
            probabilities: Shape ``(*batch, 2**len(wires))``.
            wires: Theirs, the first the most significant bit.
        """
        shape = tuple(qp.math.shape(probabilities))
        for place, wire in enumerate(wires):
            inverse = qp.math.cast_like(
                qp.math.convert_like(self.inverses[wire], probabilities), probabilities
            )
            bits = qp.math.reshape(probabilities, (-1, 2, 2 ** (len(wires) - place - 1)))
            probabilities = qp.math.einsum("rp,bpz->brz", inverse, bits)
        return qp.math.reshape(probabilities, shape)


class ReadoutInversionDevice(MitigatedDevice):
    """Measures probabilities in place of expectation values, and calibrates when that is due."""

    def __init__(self, inner: qp.devices.Device, mitigation: ReadoutInversion) -> None:
        super().__init__(inner, mitigation.name)
        if not self.inner.wires:
            raise ConfigurationError(
                "mitigation=readout_inversion calibrates every wire of the device, but this device has no fixed wires. "
                "Make it with wires=…"
            )
        self.mitigation = mitigation
        self.calibration = Calibration()

    def expand(self, tape: QuantumScript) -> tuple[list[QuantumScript], Postprocessing]:
        found, combine = in_computational_basis(tape, self.wires, self.mitigation.name)
        tapes, outcomes_of = [], []
        for turned, outcomes in found:
            read = list(dict.fromkeys(outcome.wires for outcome in outcomes))
            tapes.append(turned.copy(measurements=[qp.probs(wires=wires) for wires in read]))
            outcomes_of.append((outcomes, read))

        def correct(results: Sequence[Any]) -> Any:
            values = []
            for result, (outcomes, read) in zip(results, outcomes_of, strict=True):
                measured = [result] if len(read) == 1 else result
                corrected = {
                    wires: self.calibration.correct(probabilities, wires)
                    for wires, probabilities in zip(read, measured, strict=True)
                }
                found = [outcome.value(corrected[outcome.wires]) for outcome in outcomes]
                values.append(found[0] if len(found) == 1 else tuple(found))
            return combine(values)

        return tapes, correct

    def execute(self, circuits: Any, execution_config: ExecutionConfig | None = None) -> Any:
        if isinstance(circuits, QuantumScript):
            return self.execute((circuits,), execution_config)[0]
        config = execution_config or self.inner.setup_execution_config()
        if not self.corrects:
            return self.inner.execute(circuits, config)
        if not self._is_due():
            results = self.inner.execute(circuits, config)
        else:
            prepared, read = self._calibration_circuits(circuits, config)
            together = self.inner.execute((*prepared, *circuits), config)
            zeros, ones = read(together[: len(prepared)])
            self.calibration.learn(zeros, ones)
            results = together[len(prepared) :]
        self.calibration.circuits += sum(circuit.batch_size or 1 for circuit in circuits)
        return results

    def _is_due(self) -> bool:
        every = self.mitigation.calibrate_every
        return not self.calibration.inverses or (every is not None and self.calibration.circuits >= every)

    def _calibration_circuits(self, circuits: Sequence[QuantumScript], config: ExecutionConfig) -> Any:
        """Circuits as the device inside takes them, and what reads the probabilities of a 1 from their results."""
        shots = max((circuit.shots.total_shots or 0 for circuit in circuits), default=0) or None
        if shots is not None and self.mitigation.calibration_shots is not None:
            shots = self.mitigation.calibration_shots
        wires = list(self.inner.wires)
        measurements = [qp.probs(wires=wire) for wire in wires]
        # Not no gates: some devices run nothing then.
        zeros = QuantumScript([qp.Identity(wire) for wire in wires], measurements, shots=shots)
        ones = QuantumScript([qp.X(wire) for wire in wires], measurements, shots=shots)
        prepared, finish = self.inner.preprocess_transforms(config)((zeros, ones))

        def read(results: Sequence[Any]) -> list[dict[Any, float]]:
            return [
                {
                    wire: float(qp.math.toarray(qp.math.unwrap([probability])[0])[1])
                    for wire, probability in zip(wires, [result] if len(wires) == 1 else result, strict=True)
                }
                for result in finish(results)
            ]

        return prepared, read

    def __deepcopy__(self, memo: dict[int, Any]) -> ReadoutInversionDevice:
        copied = self.around(copy.deepcopy(self.inner, memo))
        copied.calibration = copy.deepcopy(self.calibration, memo)
        return copied
