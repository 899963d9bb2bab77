"""A target that a circuit of ours expresses: the control on which a quantum model must be promoted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from study.data.options import check_whole
from study.data.scored_target import ScoredTarget
from study.errors import StudyError

MOST_QUBITS = 10
"""Beyond it, the states of a batch of candidates take gigabytes."""


@dataclass(frozen=True)
class QuantumTarget(ScoredTarget):
    """The sign of an expectation value of a fixed random circuit, one qubit a feature.

    The circuit is `encoding=angle` (rotations about y), repeated before each of `depth` layers of
    `ansatz=strongly_entangling` when `reupload` is true, with angles uniform in [0, 2π) from the seed; the value is
    ⟨Z⟩ of the first qubit. After the idea of Havlíček et al. (2019), arXiv:1804.11326, and of the relabelled data of
    Huang et al. (2021), arXiv:2011.01938, here with a circuit that gradients can find again.

    With `depth=1` the CNOT ring makes it a constant times a product of shifted cosines of all features but the first: a
    parity of half periods, hard for kernels and trees that are not told so, easy for whoever is. It calibrates a
    comparison; it is no evidence that anything needs a quantum computer.

    Known answer: `model=quantum reduction=none model.bound=false preprocessing.scale=none` with `n_qubits` =
    n_features and the same `depth`, `reupload`, encoding, ansatz and `measurement=z` has weights under which
    it is right on every row without label noise; its head reads off the first qubit.
    Four features and one layer are the default because training then finds them from any start that was tried
    (`optimizer.lr=0.05`); with more layers or features than rows to show them, it may stay at chance.
    """

    depth: int = 1
    reupload: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("n_features", self.n_features, 1, MOST_QUBITS)
        check_whole("depth", self.depth, 1)
        if not isinstance(self.reupload, bool):
            raise StudyError(f"data.reupload={self.reupload!r} is not true or false.")

    def weights(self, random: np.random.Generator) -> np.ndarray:
        """Angles of the ansatz in radians, (depth, n_features, 3)."""
        return random.uniform(0, 2 * np.pi, (self.depth, self.n_features, 3))

    def scores(self, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
        import pennylane as qp
        import torch

        from qlayers.ansaetze.strongly_entangling import StronglyEntangling
        from qlayers.encodings.angle import Angle

        wires, encoding, ansatz = range(self.n_features), Angle(), StronglyEntangling()
        features, angles = torch.from_numpy(points), torch.from_numpy(weights)

        # A device without a seed of its own takes one from NumPy's global stream; a layer would draw weights from
        # torch's.
        @qp.qnode(qp.device("default.qubit", wires=self.n_features, seed=0), diff_method=None)
        def circuit() -> Any:
            for layer in range(self.depth):
                if layer == 0 or self.reupload:
                    encoding.apply(features, wires)
                ansatz.apply(angles[layer], wires, layer)
            return qp.expval(qp.Z(0))

        values: np.ndarray = circuit().numpy()
        return values
