"""What is timed: circuits by name with their sizes, and the numbers that go into them, the same for every side.

Only NumPy is imported here, since this is read in every side's environment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STRONGLY_ENTANGLING, IQP, AMPLITUDE, ARITHMETIC = "strongly_entangling", "iqp", "amplitude", "arithmetic"
CIRCUITS = {
    STRONGLY_ENTANGLING: "angle (RY) encoding → strongly entangling layers → ⟨Z⟩ on every qubit",
    IQP: "IQP encoding → hardware-efficient layers (RY, RZ, chain of CZ) → ⟨Z⟩ on every qubit",
    AMPLITUDE: "amplitude encoding of 2ⁿ numbers → strongly entangling layers → probabilities",
    ARITHMETIC: "a QNode with arithmetic on its inputs (products, sin, squares) → ⟨Z⟩ on every qubit",
}


@dataclass(frozen=True)
class Data:
    """Inputs (batch, n_features), weights shaped as the circuit has them, cotangents (n_outputs,); all float64.

    What is differentiated is the sum over the batch of ``outputs @ cotangents``. With a plain sum, probabilities would
    have no gradient, and two wires that were swapped would not show.
    """

    inputs: np.ndarray
    weights: np.ndarray
    cotangents: np.ndarray


@dataclass(frozen=True)
class Problem:
    """One circuit at one size."""

    circuit: str
    n_qubits: int
    depth: int
    batch: int

    def __post_init__(self) -> None:
        if self.circuit not in CIRCUITS:
            raise ValueError(f"circuit={self.circuit!r} is unknown. Available: {', '.join(CIRCUITS)}.")

    @property
    def size(self) -> str:
        """Qubits, depth and batch, as the tables name them."""
        return f"{self.n_qubits}, {self.depth}, {self.batch}"

    @property
    def weight_shape(self) -> tuple[int, int, int]:
        """Depth, qubits, angles a qubit."""
        by_rotation = self.circuit in (STRONGLY_ENTANGLING, AMPLITUDE)
        return self.depth, self.n_qubits, 3 if by_rotation else 2

    def data(self) -> Data:
        """The numbers, drawn from a seed."""
        random = np.random.default_rng(1)
        wide = self.circuit == AMPLITUDE
        n_features = 2**self.n_qubits if wide else self.n_qubits
        # Exact in float32, so that no side starts from rounded numbers.
        inputs, weights, cotangents = (
            values.astype(np.float32).astype(np.float64)
            for values in (
                random.uniform(0.1, 1.0, (self.batch, n_features)),
                random.uniform(0.0, 2 * np.pi, self.weight_shape),
                random.uniform(0.5, 1.5, n_features),
            )
        )
        return Data(inputs, weights, cotangents)
