"""From what a program measures to the results of PennyLane's measurements.

Unlike :mod:`qlayers.simulator.readout`, whose readouts are made once and hold the observables' coefficients as tables,
a readout here is part of the key under which a program is found again at every call: it holds words alone, and
coefficients, which may be trainable, are read off the tape.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qp
import torch
from pennylane.devices.qubit.measure import measure
from pennylane.measurements import ExpectationMP, MeasurementProcess, VarianceMP
from pennylane.pauli import PauliSentence

from qlayers.simulator.program import Builder, Program, Word
from qlayers.simulator.readout import is_of_basis_states, state_of

MAX_TERMS_OF_VARIANCE = 16
"""The square of an observable has up to as many terms squared; from the state it is cheaper then."""


@dataclass(frozen=True)
class Readout:
    """What a program is to measure.

    Attributes:
        words: Pauli words, as (qubit, Pauli) pairs; empty where something else is measured.
        columns: For every measurement, the words that enter into it; for variances, those of the observable, and those
            of its square.
        outcomes: The qubits whose probabilities are measured, or None. With no words and no outcomes, the state is.
    """

    words: tuple[tuple[tuple[int, str], ...], ...] = ()
    columns: tuple[tuple[tuple[int, ...], ...], ...] = ()
    outcomes: tuple[int, ...] | None = None

    def finish(self, builder: Builder) -> Program:
        """The program that measures it."""
        if self.words:
            return builder.finish_with_words([Word(word) for word in self.words])
        if self.outcomes is not None:
            return builder.finish_with_probabilities(self.outcomes)
        return builder.finish_with_state()


def readout_of(measurements: Sequence[MeasurementProcess], qubits: Mapping[Hashable, int]) -> Readout:
    """The least that has to be measured for these measurements.

    Args:
        measurements: Analytic ones.
        qubits: By wire label.
    """
    if len(measurements) == 1 and is_of_basis_states(measurements[0]):
        wires = measurements[0].wires
        return Readout(outcomes=tuple(qubits[wire] for wire in wires) or tuple(qubits.values()))
    if not all(_is_of_words(measurement) for measurement in measurements):
        return Readout()
    numbers: dict[tuple[tuple[int, str], ...], int] = {}
    columns = []
    for measurement in measurements:
        chosen = []
        for sentence in _sentences(measurement):
            words = [
                tuple(sorted((qubits[wire], pauli) for wire, pauli in word.items())) for word in sentence
            ]
            chosen.append(tuple(numbers.setdefault(word, len(numbers)) for word in words))
        columns.append(tuple(chosen))
    # An observable without terms is zero, and a program measures something.
    return Readout(words=tuple(numbers) or ((),), columns=tuple(columns))


def results(
    readout: Readout,
    measurements: Sequence[MeasurementProcess],
    qubits: Mapping[Hashable, int],
    measured: torch.Tensor,
    is_batched: bool,
) -> list[torch.Tensor]:
    """The value of every measurement.

    Args:
        readout: Of these measurements.
        measurements: Analytic ones.
        qubits: By wire label.
        measured: What the program measured, shape ``(batch, n_outputs)``.
        is_batched: Whether the circuit has a batch; without, results have no such dimension.

    Returns:
        Tensors, differentiable with respect to ``measured`` and to the observables' parameters.
    """
    if readout.words:
        by_word = measured.unbind(1)
        values = [
            _of_words(measurement, columns, by_word)
            for measurement, columns in zip(measurements, readout.columns, strict=True)
        ]
        return values if is_batched else [value[0] for value in values]
    if readout.outcomes is not None:
        return [measured if is_batched else measured[0]]
    state = state_of(measured, len(qubits), is_batched)
    return [_from_state(mapped, state, is_batched) for mapped in on_qubits(measurements, qubits)]


def on_qubits(
    measurements: Sequence[MeasurementProcess], qubits: Mapping[Hashable, int]
) -> list[MeasurementProcess]:
    """The measurements on numbers in place of labels."""
    return [qp.map_wires(measurement, dict(qubits)) for measurement in measurements]


def _is_of_words(measurement: MeasurementProcess) -> bool:
    if not isinstance(measurement, ExpectationMP | VarianceMP) or measurement.obs is None:
        return False
    sentence = measurement.obs.pauli_rep
    if sentence is None or any(np.imag(qp.math.unwrap([c])[0]) != 0 for c in sentence.values()):
        return False
    return isinstance(measurement, ExpectationMP) or len(sentence) <= MAX_TERMS_OF_VARIANCE


def _sentences(measurement: MeasurementProcess) -> tuple[PauliSentence, ...]:
    sentence = measurement.obs.pauli_rep
    return (sentence,) if isinstance(measurement, ExpectationMP) else (sentence, sentence @ sentence)


def _of_words(
    measurement: MeasurementProcess, columns: Sequence[Sequence[int]], by_word: Sequence[torch.Tensor]
) -> torch.Tensor:
    values = [
        _combined(sentence, chosen, by_word)
        for sentence, chosen in zip(_sentences(measurement), columns, strict=True)
    ]
    return values[0] if len(values) == 1 else values[1] - values[0] ** 2


def _combined(
    sentence: PauliSentence, chosen: Sequence[int], by_word: Sequence[torch.Tensor]
) -> torch.Tensor:
    if not chosen:
        return by_word[0] * 0
    coefficients = list(sentence.values())
    if len(chosen) == 1 and isinstance(coefficients[0], float | int) and coefficients[0] == 1:
        return by_word[chosen[0]]
    measured = torch.stack([by_word[number] for number in chosen], dim=1)
    if any(isinstance(coefficient, torch.Tensor) for coefficient in coefficients):
        row = torch.stack([_real(coefficient).to(measured.dtype) for coefficient in coefficients])
    else:
        row = torch.as_tensor(np.real(np.array(coefficients)), dtype=measured.dtype)
    return measured @ row


def _real(coefficient: Any) -> torch.Tensor:
    value = torch.as_tensor(coefficient)
    return value.real if value.is_complex() else value


def _from_state(measurement: MeasurementProcess, state: torch.Tensor, is_batched: bool) -> torch.Tensor:
    if isinstance(measurement, ExpectationMP) and isinstance(measurement.obs, qp.SparseHamiltonian):
        return _of_sparse_matrix(measurement.obs, state, is_batched)
    return torch.as_tensor(measure(measurement, state, is_state_batched=is_batched))


def _of_sparse_matrix(
    observable: qp.SparseHamiltonian, state: torch.Tensor, is_batched: bool
) -> torch.Tensor:
    n_qubits = state.ndim - is_batched
    matrix = observable.sparse_matrix(wire_order=range(n_qubits)).tocoo()
    entries = torch.sparse_coo_tensor(
        torch.as_tensor(np.array([matrix.row, matrix.col])),
        torch.as_tensor(matrix.data).to(state.dtype),
        matrix.shape,
        check_invariants=False,
    )
    columns = state.reshape(-1, 2**n_qubits).T
    values = (columns.conj() * torch.sparse.mm(entries, columns)).sum(0).real
    return values if is_batched else values[0]
