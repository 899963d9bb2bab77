"""What can be said of a layer's circuit without running it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers import tape as tapes
from qlayers.basis_states import bits_as_angles
from qlayers.circuit import CircuitSpec
from qlayers.encodings import Encoding
from qlayers.errors import ConfigurationError
from qlayers.torch_layer import RepairedTorchLayer


class DescribedLayer(RepairedTorchLayer):
    """A layer that counts, draws and names its circuit, which it traces at inputs and weights that are always the same.

    Attributes:
        spec: The circuit's parts, or None where it was not named by parts.
        n_features: Length of the inputs' last dimension, or None where it is not known yet.
    """

    spec: CircuitSpec | None
    n_features: int | None

    @property
    def encoding(self) -> Encoding | None:
        """The encoding, of a layer that was named by parts."""
        return self.spec.encoding if self.spec else None

    @property
    def n_outputs(self) -> int:
        """Length of the output's last dimension; 1 for a circuit with a single scalar result."""
        if self.spec is not None:
            return self.spec.n_outputs
        n_wires = len(self.qnode.device.wires or ())
        measurements = self._example_tape().measurements
        return sum(math.prod(m.shape(self.qnode.shots.total_shots, n_wires)) for m in measurements)

    @property
    def digest(self) -> str:
        """The circuit's name, by its gates and not by its weights' values; see :func:`qlayers.tape.digest`."""
        return tapes.digest([self._example_tape(0), self._example_tape(1)])

    @property
    def counts(self) -> tapes.CircuitCounts:
        """Qubits, circuit depth, gates by kind after decomposition, and parameters."""
        n_parameters = sum(weight.numel() for weight in self.qnode_weights.values())
        return tapes.count(self._example_tape(), n_parameters)

    def draw(self) -> str:
        """The circuit as text."""
        return tapes.draw(self._example_tape())

    def draw_figure(self) -> Any:
        """The circuit as a matplotlib figure."""
        return tapes.draw_figure(self._example_tape())

    def _example(self, seed: int = 0) -> dict[str, torch.Tensor]:
        """Arguments that are generic, in every encoding's range, and the same on every machine."""
        if self.n_features is None:
            raise ConfigurationError(
                "The number of features is not known yet. Call the layer once, or give n_features to from_qnode."
            )
        generator = np.random.default_rng(seed)
        bits = self.encoding is not None and not self.encoding.differentiable
        positions = np.arange(self.n_features)
        inputs = (positions + seed) % 2.0 if bits else generator.uniform(0.1, 1.0, self.n_features)
        arguments = {self._input_name: torch.as_tensor(inputs)}
        for name, weight in self.qnode_weights.items():
            arguments[name] = torch.as_tensor(generator.uniform(0.1, 6.0, tuple(weight.shape)))
        return arguments

    def _example_tape(self, seed: int = 0, qnode: qp.QNode | None = None) -> QuantumScript:
        with bits_as_angles():  # the example's numbers are no bits, unless the encoding takes no others
            return qp.workflow.construct_tape(qnode or self.qnode, level="user")(**self._example(seed))
