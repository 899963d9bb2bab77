"""What can be said of a layer's circuit without running it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers import tape as tapes
from qlayers._layer.traced_layer import TracedLayer
from qlayers.backends import Backend
from qlayers.basis_states import bits_as_angles
from qlayers.circuit import CircuitSpec
from qlayers.encodings import Encoding
from qlayers.errors import ConfigurationError


class DescribedLayer(TracedLayer):
    """A layer that counts, draws and names its circuit, at inputs and weights that are always the same."""

    @property
    def spec(self) -> CircuitSpec | None:
        """The circuit's parts, or None where it was not named by parts."""
        return self._spec

    @property
    def backend(self) -> Backend | None:
        """Where the circuit runs, or None where it runs as its QNode says."""
        return self._backend

    @property
    def n_qubits(self) -> int:
        """Qubits the circuit runs on."""
        return self._n_qubits

    @property
    def n_features(self) -> int | None:
        """Length of the inputs' last dimension, or None where it is not known yet."""
        return self._n_features

    @property
    def encoding(self) -> Encoding | None:
        """The encoding, of a layer that was named by parts."""
        return self._encoding

    @property
    def _encoding(self) -> Encoding | None:
        return self._spec.encoding if self._spec else None

    @property
    def n_outputs(self) -> int:
        """Length of the output's last dimension; 1 for a circuit with a single scalar result."""
        return sum(map(math.prod, self._output_shapes()))

    def _output_shapes(self) -> list[tuple[int, ...]]:
        """The shape of every measurement's result for one sample."""
        qnode = self._current_qnode()
        tape = self._example_tape()
        n_wires = len(qnode.device.wires or tape.wires)
        return [tuple(m.shape(qnode.shots.total_shots, n_wires)) for m in tape.measurements]

    @property
    def digest(self) -> str:
        """The circuit's name, by its gates and not by its weights' values; see :func:`qlayers.tape.digest`."""
        return tapes.digest([self._example_tape(0), self._example_tape(1)])

    @property
    def counts(self) -> tapes.CircuitCounts:
        """Qubits, circuit depth, gates by kind after decomposition, and parameters."""
        n_parameters = sum(weight.numel() for weight in self._weights_by_name().values())
        return tapes.count(self._example_tape(), n_parameters)

    def draw(self) -> str:
        """The circuit as text."""
        return tapes.draw(self._example_tape())

    def draw_figure(self) -> Any:
        """The circuit as a matplotlib figure."""
        return tapes.draw_figure(self._example_tape())

    def _example(self, seed: int = 0) -> dict[str, torch.Tensor]:
        """Arguments that are generic, in every encoding's range, and the same on every machine."""
        if self._n_features is None:
            raise ConfigurationError(
                "The number of features is not known yet. Call the layer once, or give n_features to from_qnode."
            )
        generator = np.random.default_rng(seed)
        bits = self._encoding is not None and not self._encoding.differentiable
        positions = np.arange(self._n_features)
        inputs = (positions + seed) % 2.0 if bits else generator.uniform(0.1, 1.0, self._n_features)
        # Whatever else a circuit of the user's computes with is in the layer's precision.
        dtype = torch.float64 if self._spec is not None else self._dtype()
        example = torch.as_tensor(inputs, dtype=dtype)
        arguments = {self._input_name: example[None] if self._known().as_row else example}
        for name, weight in self._weights_by_name().items():
            values = generator.uniform(0.1, 6.0, tuple(weight.shape))
            arguments[name] = torch.as_tensor(values, dtype=dtype)
        return arguments

    def _example_tape(self, seed: int = 0, qnode: qp.QNode | None = None) -> QuantumScript:
        with bits_as_angles():  # the example's numbers are no bits, unless the encoding takes no others
            return qp.workflow.construct_tape(qnode or self._current_qnode(), level="user")(
                **self._example(seed)
            )
