"""Expectation values, variances and probabilities as functions of the probabilities of measured bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qp
from pennylane.measurements import ExpectationMP, MeasurementProcess, ProbabilityMP, VarianceMP
from pennylane.tape import QuantumScript

from qlayers.errors import ConfigurationError


@dataclass(frozen=True)
class Outcome:
    """One measurement in the computational basis.

    Attributes:
        wires: Those that are read, the first the most significant bit.
        eigenvalues: Of each outcome, shape ``(2**len(wires),)``; None where the probabilities themselves are wanted.
        variance: Whether it is the variance that is wanted, and not the mean.
    """

    wires: tuple[Any, ...]
    eigenvalues: np.ndarray | None
    variance: bool = False

    def value(self, probabilities: Any) -> Any:
        """What was asked for, of shape ``(*batch,)`` or ``(*batch, 2**k)``, from the outcomes' (quasi-)probabilities.

        Args:
            probabilities: Shape ``(*batch, 2**k)``.
        """
        if self.eigenvalues is None:
            return probabilities
        mean = _dot(probabilities, self.eigenvalues)
        return _dot(probabilities, self.eigenvalues**2) - mean**2 if self.variance else mean


def in_computational_basis(
    tape: QuantumScript, wires: Sequence[Any], asked_by: str
) -> tuple[list[tuple[QuantumScript, list[Outcome]]], Callable[[Sequence[Any]], Any]]:
    """Split a circuit by bases, and turn each basis to the computational one.

    Args:
        tape: The circuit.
        wires: Of the device; those read by ``qp.probs()``.
        asked_by: The mitigation's name, for errors.

    Returns:
        Circuits whose gates include the turning of the basis, each with what it measures then, in order; and what
        makes the circuit's results of theirs, where each one's is a list with a value for every outcome, or the value
        if there is one.

    Raises:
        ConfigurationError: The circuit returns something else than expectation values, variances and probabilities,
            or of observables that are no sums of Pauli words.
    """
    for measurement in tape.measurements:
        if not isinstance(measurement, (ExpectationMP, VarianceMP, ProbabilityMP)):
            raise ConfigurationError(
                f"mitigation={asked_by} corrects expectation values, variances and probabilities, but the circuit "
                f"returns {measurement}. Return those, or leave the mitigation out."
            )
        if measurement.obs is not None and measurement.obs.pauli_rep is None:
            raise ConfigurationError(
                f"mitigation={asked_by} needs observables that are Pauli words or sums of them, but the circuit "
                f"returns {measurement}. Write it so (qp.pauli_decompose does), or leave the mitigation out."
            )
    tapes, combine = qp.transforms.split_non_commuting(tape)
    found = []
    for split in tapes:
        (turned,), _ = qp.transforms.diagonalize_measurements(split, to_eigvals=True)
        outcomes = [_outcome(measurement, wires) for measurement in turned.measurements]
        found.append((turned, outcomes))
    return found, combine


def marginal(probabilities: Any, wires: Sequence[Any], wanted: Sequence[Any]) -> Any:
    """The probabilities of some of the wires, in their order.

    Args:
        probabilities: Shape ``(*batch, 2**len(wires))``.
        wires: Theirs, the first the most significant bit.
        wanted: Those to be kept.

    Returns:
        Shape ``(*batch, 2**len(wanted))``.
    """
    batch = tuple(qp.math.shape(probabilities)[:-1])
    bits = qp.math.reshape(probabilities, (*batch, *[2] * len(wires)))
    dropped = [len(batch) + place for place, wire in enumerate(wires) if wire not in wanted]
    kept = [wire for wire in wires if wire in wanted]
    if dropped:
        bits = qp.math.sum(bits, axis=tuple(dropped))
    order = [len(batch) + kept.index(wire) for wire in wanted]
    bits = qp.math.transpose(bits, (*range(len(batch)), *order))
    return qp.math.reshape(bits, (*batch, 2 ** len(order)))


def _outcome(measurement: MeasurementProcess, wires: Sequence[Any]) -> Outcome:
    """Of a measurement that has been turned to the computational basis."""
    if isinstance(measurement, ProbabilityMP):
        return Outcome(tuple(measurement.wires) or tuple(wires), None)
    eigenvalues = np.asarray(qp.math.toarray(measurement.eigvals()), dtype=float)
    return Outcome(tuple(measurement.wires), eigenvalues, isinstance(measurement, VarianceMP))


def _dot(probabilities: Any, values: np.ndarray) -> Any:
    return qp.math.sum(probabilities * qp.math.convert_like(values, probabilities), axis=-1)
