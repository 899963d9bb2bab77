"""What comes out of a circuit, its shape and its range."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pennylane.measurements import MeasurementProcess

from qlayers.components import Component


@dataclass(frozen=True)
class Measurement(Component, ABC):
    """Base of all measurements.

    Attributes:
        output_range: The interval in which every output lies.
    """

    kind: ClassVar[str] = "measurement"
    package: ClassVar[str] = "qlayers.measurements"

    output_range: ClassVar[tuple[float, float]]

    @abstractmethod
    def n_outputs(self, n_qubits: int) -> int:
        """The length of the output's last dimension."""

    @abstractmethod
    def measure(self, wires: Sequence[int]) -> list[MeasurementProcess]:
        """The measurement processes, whose results are concatenated."""
