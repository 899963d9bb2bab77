"""Data that a quantum feature map separates with a gap, by construction."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from study.data.known_answer import KnownAnswer
from study.data.options import check_number
from study.errors import StudyError


@dataclass(frozen=True)
class AdHoc(KnownAnswer):
    """Grid points of [0, 2π)^n whose label is the sign of an expectation value that leaves a gap around zero.

    Havlíček et al. (2019), Nature 567, 209, arXiv:1804.11326: the state is U H U H |0…0⟩ with H a Hadamard gate on
    every qubit and U diagonal, exp(i Σ_j x_j Z_j + i Σ_j<k (π - x_j)(π - x_k) Z_j Z_k) (their equation 4 and
    figure 3); the observable is V† Z…Z V, the parity in a random basis V. Points with an
    absolute expectation of `gap` or less are left out. Rows with the label 1 come first, and there are as many
    of either.

    V, the grid (100 points a feature for two features, 20 for three) and the order of draws are those of `ad_hoc_data`
    in qiskit-machine-learning 0.9 with entanglement `full`, so that `repeats=true` gives its rows for
    `algorithm_globals.random_seed = seed`. Deviation: without `repeats`, a grid point that was drawn
    before is drawn again, so that no row is in the training and in the test part.

    Known answer: the fidelity kernel of this feature map separates the classes, and a model that applies the feature
    map and any V is right on every row. `encoding=iqp` is a different feature map.

    V holds eigenvectors, whose signs are LAPACK's choice; with another LAPACK the rows of a seed may differ.
    """

    n_features: int = 2
    gap: float = 0.3
    repeats: bool = False

    grid_sizes: ClassVar[dict[int, int]] = {2: 100, 3: 20}

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.n_features, bool) or self.n_features not in self.grid_sizes:
            raise StudyError(
                f"data.n_features={self.n_features!r} is not 2 or 3, as many as this dataset knows."
            )
        check_number("gap", self.gap, 0, 1)
        if not isinstance(self.repeats, bool):
            raise StudyError(f"data.repeats={self.repeats!r} is not true or false.")

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(self.seed)
        expectations = self.expectations(self.observable(random))
        half, rows = self.n_samples // 2, []
        for sign in (1, -1):
            allowed = sign * expectations > self.gap
            if allowed.sum() < (1 if self.repeats else half):
                raise StudyError(
                    f"data.gap={self.gap:g} leaves {allowed.sum()} grid points with the label {sign} at "
                    f"data.seed={self.seed}, and half of data.n_samples={self.n_samples} are wanted: choose a "
                    "smaller gap, fewer rows or another seed."
                )
            rows += self._drawn(random, allowed, half)
        labels = np.repeat(np.array([1, -1], dtype=np.int64), half)
        return self.axis[np.array(rows)], labels

    @property
    def axis(self) -> np.ndarray:
        """The grid along one feature, radians (grid size,)."""
        return np.linspace(0, 2 * np.pi, self.grid_sizes[self.n_features], endpoint=False)

    def observable(self, random: np.random.Generator) -> np.ndarray:
        """The parity in a random basis, complex128 (2^n, 2^n); Hermitian, with eigenvalues 1 and -1."""
        size = 2**self.n_features
        square = random.random((size, size)) + 1j * random.random((size, size))
        values, basis = np.linalg.eig(square.conj().T @ square)
        basis = basis[:, values.argsort()[::-1]]
        product: np.ndarray = basis.conj().T @ (self._signs().prod(axis=1)[:, None] * basis)
        return product

    def expectations(self, observable: np.ndarray) -> np.ndarray:
        """The observable's expectation value at every grid point, float64, one axis a feature."""
        n = self.n_features
        grid = np.stack(np.meshgrid(*[self.axis] * n, indexing="ij"), axis=-1)  # (…, n)
        signs = self._signs()
        phases = grid @ signs.T  # (…, 2^n)
        for j, k in itertools.combinations(range(n), 2):
            phases += ((np.pi - grid[..., j]) * (np.pi - grid[..., k]))[..., None] * signs[:, j] * signs[:, k]
        diagonal = np.exp(1j * phases)
        bits = (1 - signs) / 2
        hadamards = (-1.0) ** (bits @ bits.T) / 2 ** (n / 2)
        states = diagonal * ((diagonal / 2 ** (n / 2)) @ hadamards)
        values: np.ndarray = np.einsum("...i,ij,...j->...", states.conj(), observable, states).real
        return values

    def _signs(self) -> np.ndarray:
        """The eigenvalue of Z on every qubit (columns), by basis state (rows, qubit 0 the most significant bit)."""
        return np.array(list(itertools.product((1.0, -1.0), repeat=self.n_features)))

    def _drawn(self, random: np.random.Generator, allowed: np.ndarray, wanted: int) -> list[tuple[int, ...]]:
        """`wanted` places in the grid, one coordinate drawn at a time until a place is allowed."""
        rows: list[tuple[int, ...]] = []
        seen: set[tuple[int, ...]] = set()
        while len(rows) < wanted:
            place = tuple(int(random.choice(size)) for size in allowed.shape)
            if allowed[place] and (self.repeats or place not in seen):
                rows.append(place)
                seen.add(place)
        return rows
