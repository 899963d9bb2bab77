"""From what a circuit's author measures to what a program measures, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pennylane as qp
import torch
from pennylane.devices.qubit.measure import measure
from pennylane.measurements import ExpectationMP, MeasurementProcess, ProbabilityMP, VarianceMP
from pennylane.pauli import PauliSentence

from qlayers.simulator.program import Builder, Program, Word

MOST_WORDS = 256
"""With more Pauli words than this, a pass over the state for each costs more than measuring the state once."""


class Readout(ABC):
    """What a program is to measure, and how the circuit's results follow from it."""

    @abstractmethod
    def finish(self, builder: Builder) -> Program:
        """The program, once all gates are in."""

    @abstractmethod
    def results(self, outputs: torch.Tensor) -> list[torch.Tensor]:
        """From the program's outputs, ``(batch, n_outputs)``, to one tensor a measurement, batch first."""

    def side_by_side(self, outputs: torch.Tensor) -> torch.Tensor:
        """All results in one tensor, shape ``(batch, total)``."""
        return torch.cat([result.reshape(len(outputs), -1) for result in self.results(outputs)], dim=-1)


def read(measurements: Sequence[MeasurementProcess]) -> Readout:
    """The cheapest readout for these measurements, whose wires are the integers of the program's qubits.

    Raises:
        NotImplementedError: If a measurement is none of a state.
    """
    if all(isinstance(measurement, (ExpectationMP, VarianceMP)) for measurement in measurements):
        sentences = [_sentence(measurement) for measurement in measurements]
        if None not in sentences:
            readout = _combine(measurements, [sentence for sentence in sentences if sentence is not None])
            if len(readout.words) <= MOST_WORDS:
                return readout
    if len(measurements) == 1 and is_of_basis_states(measurements[0]):
        return Probabilities(tuple(measurements[0].wires))
    for measurement in measurements:
        if not isinstance(measurement, qp.measurements.StateMeasurement) or measurement.mv is not None:
            raise NotImplementedError(f"it measures {measurement}, which is not read off a state")
    return State(tuple(measurements))


@dataclass(frozen=True)
class Combinations(Readout):
    """Expectation values and variances of sums of Pauli words: ``linear · ⟨words⟩ - (squared · ⟨words⟩)²``."""

    words: tuple[Word, ...]
    linear: np.ndarray
    squared: np.ndarray

    def finish(self, builder: Builder) -> Program:
        """Measure all words that occur, once."""
        return builder.finish_with_words(self.words)

    def results(self, outputs: torch.Tensor) -> list[torch.Tensor]:
        """One number a measurement and sample."""
        return list(self.side_by_side(outputs).unbind(-1))

    def side_by_side(self, outputs: torch.Tensor) -> torch.Tensor:
        """One column a measurement."""
        if self._are_words:
            return outputs
        linear, squared = (
            torch.as_tensor(table.T, dtype=outputs.dtype, device=outputs.device)
            for table in (self.linear, self.squared)
        )
        return outputs @ linear - (outputs @ squared).square()

    @cached_property
    def _are_words(self) -> bool:
        return np.array_equal(self.linear, np.eye(len(self.words))) and not self.squared.any()


@dataclass(frozen=True)
class Probabilities(Readout):
    """Probabilities of the basis states of some qubits; of all of them when none are named."""

    qubits: tuple[int, ...]

    def finish(self, builder: Builder) -> Program:
        """Measure them in the simulator."""
        return builder.finish_with_probabilities(self.qubits or range(builder.n_qubits))

    def results(self, outputs: torch.Tensor) -> list[torch.Tensor]:
        """What the program measures."""
        return [outputs]

    def side_by_side(self, outputs: torch.Tensor) -> torch.Tensor:
        """What the program measures."""
        return outputs


@dataclass(frozen=True)
class State(Readout):
    """Whatever else is read off a state, by PennyLane's own measurements."""

    measurements: tuple[MeasurementProcess, ...]

    def finish(self, builder: Builder) -> Program:
        """Measure the state."""
        return builder.finish_with_state()

    def results(self, outputs: torch.Tensor) -> list[torch.Tensor]:
        """What PennyLane reads off the states."""
        n_qubits = (outputs.shape[-1] // 2).bit_length() - 1
        states = state_of(outputs, n_qubits, is_batched=True)
        return [measure(measurement, states, is_state_batched=True) for measurement in self.measurements]


def state_of(measured: torch.Tensor, n_qubits: int, is_batched: bool) -> torch.Tensor:
    """Amplitudes as PennyLane measures them, shape ``(2,) * n_qubits`` after the batch if there is one."""
    real, imaginary = measured.chunk(2, dim=-1)
    shape = (-1,) * is_batched + (2,) * n_qubits
    return torch.complex(real, imaginary).reshape(shape)


def is_of_basis_states(measurement: MeasurementProcess) -> bool:
    """Whether it is the probabilities of basis states, and not of an observable's values."""
    plain = measurement.obs is None and measurement.mv is None and measurement._eigvals is None
    return plain and isinstance(measurement, ProbabilityMP)


def _sentence(measurement: ExpectationMP | VarianceMP) -> PauliSentence | None:
    """The observable as a sum of Pauli words, or None if it is none or takes too long to write as one."""
    if measurement.obs is None or measurement.mv is not None:
        return None
    sentence = measurement.obs.pauli_rep
    if sentence is None and measurement.obs.name in ("Hermitian", "Projector"):
        if len(measurement.obs.wires) > 3:
            return None
        sentence = qp.pauli_decompose(
            qp.matrix(measurement.obs), wire_order=measurement.obs.wires, pauli=True
        )
    if sentence is None or any(qp.math.requires_grad(coefficient) for coefficient in sentence.values()):
        return None
    return sentence


def _combine(measurements: Sequence[MeasurementProcess], sentences: Sequence[PauliSentence]) -> Combinations:
    rows: list[tuple[PauliSentence, PauliSentence]] = []
    for measurement, sentence in zip(measurements, sentences, strict=True):
        if isinstance(measurement, VarianceMP):
            rows.append((sentence @ sentence, sentence))
        else:
            rows.append((sentence, PauliSentence()))
    numbers: dict[Word, int] = {}
    for row in rows:
        for side in row:
            for word in side:
                numbers.setdefault(_word(word), len(numbers))
    tables = np.zeros((2, len(rows), len(numbers)))
    for position, row in enumerate(rows):
        for table, side in zip(tables, row, strict=True):
            for word, coefficient in side.items():
                table[position, numbers[_word(word)]] += np.real(qp.math.toarray(coefficient))
    return Combinations(tuple(numbers), tables[0], tables[1])


def _word(word: qp.pauli.PauliWord) -> Word:
    return Word(tuple(sorted((int(wire), str(pauli)) for wire, pauli in word.items())))
