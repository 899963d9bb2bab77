"""What a noise model is: the channels behind every gate, and what they do to a qubit in closed form."""

from __future__ import annotations

import math
from abc import ABC
from dataclasses import dataclass
from typing import Any, ClassVar

from pennylane.operation import Channel

from qlayers.components import Component
from qlayers.errors import ConfigurationError


@dataclass(frozen=True)
class BlochMap:
    """What a channel does to a qubit's expectation values: ``(x, y, z) → (x·X, y·Y, z·Z + shift)``."""

    x: float = 1.0
    y: float = 1.0
    z: float = 1.0
    shift: float = 0.0

    def then(self, other: BlochMap) -> BlochMap:
        """This channel, and then another."""
        return BlochMap(
            self.x * other.x, self.y * other.y, self.z * other.z, self.shift * other.z + other.shift
        )


@dataclass(frozen=True)
class NoiseModel(Component, ABC):
    """Base of all noise models.

    A model says twice what it does: as channels, which simulators apply, and in closed form, with which a device that
    is to apply them is compared when it is made; see :func:`qlayers.noise.check_noise`.
    """

    kind: ClassVar[str] = "noise"
    package: ClassVar[str] = "qlayers.noise"

    def after_gate(self, wire: Any, n_wires: int) -> list[Channel]:
        """The channels that each wire of a gate on ``n_wires`` qubits goes through after the gate."""
        return []

    def before_readout(self, wire: Any) -> list[Channel]:
        """The channels that a measured wire goes through before it is measured in the computational basis."""
        return []

    def of_gate(self, n_wires: int) -> BlochMap:
        """The closed form of :meth:`after_gate`."""
        return BlochMap()

    def of_readout(self) -> float:
        """The closed form of :meth:`before_readout`: the factor of ⟨Z⟩."""
        return 1.0


def check_probability(model: NoiseModel, name: str) -> None:
    """ConfigurationError if a field is no probability."""
    value = getattr(model, name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:  # NaN is in no range
        raise ConfigurationError(
            f"noise.{name} is a probability, from 0 to 1, but noise={model.name} got {value!r}."
        )


def check_time(model: NoiseModel, name: str, may_vanish: bool = False) -> None:
    """ConfigurationError if a field is no length of time."""
    value = getattr(model, name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value < 0 or (value == 0 and not may_vanish):
        allowed = "0 or more" if may_vanish else "above 0"
        raise ConfigurationError(
            f"noise.{name} is a time in microseconds, {allowed}, but noise={model.name} got {value!r}."
        )
