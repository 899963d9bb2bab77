"""A circuit named by its self."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any

import torch
from pennylane.measurements import MeasurementProcess

from qlayers.ansaetze import Ansatz
from qlayers.components import resolve
from qlayers.encodings import Encoding
from qlayers.errors import ConfigurationError
from qlayers.measurements import Measurement
from qlayers.memory import physical_memory


@dataclass(frozen=True, init=False)
class CircuitSpec:
    """Encoding, ansatz and measurement on a number of qubits: a value that is checked, compared, hashed and printed.

    The circuit is encoding → ``depth`` ansatz layers → measurement; with ``reupload`` the encoding is repeated before
    every ansatz layer (Pérez-Salinas et al. 2020, arXiv:1907.02085).

    Args:
        n_qubits: Qubits the circuit runs on.
        n_features: Features it is given; ``n_qubits`` when None.
        encoding: A name such as ``"angle"`` or an :class:`~qlayers.encodings.Encoding`.
        ansatz: A name such as ``"strongly_entangling"`` or an :class:`~qlayers.ansaetze.Ansatz`.
        depth: Number of ansatz layers.
        reupload: Whether to encode before every layer rather than once.
        measurement: A name such as ``"z"`` or a :class:`~qlayers.measurements.Measurement`.

    Raises:
        ConfigurationError: For sizes that are no positive integers, unknown names, more features than the encoding
            holds, or re-uploading with an encoding that prepares a state.

    >>> spec = CircuitSpec(n_qubits=4, depth=3)
    >>> spec.weight_shape, spec.n_outputs
    ((3, 4, 3), 4)
    >>> print(spec)
    4 features → angle(rotation=y) → 3 × strongly_entangling → z on 4 qubits
    """

    n_qubits: int
    n_features: int
    encoding: Encoding
    ansatz: Ansatz
    depth: int
    reupload: bool
    measurement: Measurement

    def __init__(
        self,
        n_qubits: int,
        n_features: int | None = None,
        encoding: str | Encoding = "angle",
        ansatz: str | Ansatz = "strongly_entangling",
        depth: int = 1,
        reupload: bool = False,
        measurement: str | Measurement = "z",
    ) -> None:
        resolved = {
            "n_qubits": positive("n_qubits", n_qubits),
            "n_features": positive("n_features", n_qubits if n_features is None else n_features),
            "encoding": resolve(encoding, Encoding),  # type: ignore[type-abstract]
            "ansatz": resolve(ansatz, Ansatz),  # type: ignore[type-abstract]
            "depth": positive("depth", depth),
            "reupload": reupload,
            "measurement": resolve(measurement, Measurement),  # type: ignore[type-abstract]
        }
        for name, value in resolved.items():
            object.__setattr__(self, name, value)
        if not isinstance(reupload, bool):
            raise ConfigurationError(f"reupload must be True or False, but got {reupload!r}.")
        self.encoding.check_size(self.n_features, self.n_qubits)
        if reupload and self.encoding.amplitudes:
            raise ConfigurationError(
                f"reupload=true repeats the encoding, but encoding={self.encoding.name} prepares a state and can only "
                "come first. Set reupload=false or choose a repeatable encoding such as angle."
            )

    @property
    def wires(self) -> range:
        """The qubits' labels, 0 … n_qubits - 1."""
        return range(self.n_qubits)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weights: ``(depth, *ansatz.layer_shape(n_qubits))``."""
        return (self.depth, *self.ansatz.layer_shape(self.n_qubits))

    @property
    def n_outputs(self) -> int:
        """Length of the output's last dimension."""
        return self.measurement.n_outputs(self.n_qubits)

    @property
    def repetitions(self) -> int:
        """How often the encoding is applied."""
        return self.depth if self.reupload else 1

    def apply(self, inputs: torch.Tensor, weights: torch.Tensor) -> list[MeasurementProcess]:
        """The quantum function: queue all gates and return the measurements.

        Args:
            inputs: Shape ``(n_features,)`` or ``(batch, n_features)``.
            weights: Shape :attr:`weight_shape`.
        """
        for layer in range(self.depth):
            if layer == 0 or self.reupload:
                self.encoding.apply(inputs, self.wires)
            self.ansatz.apply(weights[layer], self.wires, layer)
        return self.measurement.measure(self.wires)

    def initial_weights(self) -> torch.Tensor:
        """Fresh weights, shape :attr:`weight_shape`, from torch's random stream."""
        return self.ansatz.initial_weights(self.depth, self.n_qubits)

    def __str__(self) -> str:
        layers = f"{self.depth} × {_spell(self.ansatz)}"
        body = f"{self.depth} × [{_spell(self.encoding)} → {_spell(self.ansatz)}]"
        plain = f"{_spell(self.encoding)} → {layers}"
        middle = body if self.reupload else plain
        return f"{self.n_features} features → {middle} → {_spell(self.measurement)} on {self.n_qubits} qubits"


def check_state_fits(n_qubits: int) -> None:
    """ConfigurationError if not even one state of so many qubits fits into memory, where its size is known."""
    memory = physical_memory()
    needed = 16 * 2**n_qubits  # complex128
    if memory is not None and needed > memory:
        raise ConfigurationError(
            f"n_qubits={n_qubits} needs {needed / 2**30:,.0f} GiB for one state, and this machine has "
            f"{memory / 2**30:.0f} GiB. Choose a smaller n_qubits."
        )


def check_density_matrix_fits(n_qubits: int) -> None:
    """ConfigurationError if not even one density matrix of so many qubits fits into memory, where that is known."""
    memory = physical_memory()
    needed = 16 * 4**n_qubits  # complex128
    if memory is not None and needed > memory:
        raise ConfigurationError(
            f"n_qubits={n_qubits} needs {needed / 2**30:,.0f} GiB for one density matrix, and this machine has "
            f"{memory / 2**30:.0f} GiB. Choose a smaller n_qubits, or a backend without noise."
        )


def positive(option: str, value: int) -> int:
    """The value, or ConfigurationError if it is no positive integer."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ConfigurationError(f"{option} must be a positive integer, but got {value!r}.")
    return int(value)


def _spell(component: Any) -> str:
    settings = ", ".join(f"{field.name}={getattr(component, field.name)}" for field in fields(component))
    return f"{component.name}({settings})" if settings else str(component.name)
