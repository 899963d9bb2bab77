"""A measurement that is read wrongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pennylane as qp
from pennylane.operation import Channel

from qlayers.noise._base import NoiseModel, check_probability


@dataclass(frozen=True)
class Readout(NoiseModel):
    """Each measured qubit is read as the other value with probability p: ⟨Z⟩ → (1 - 2p)⟨Z⟩.

    Measurements are made in the computational basis, after gates that turn others into it, so that ⟨X⟩ and ⟨Y⟩ lose
    as much. Gates are perfect.

    Attributes:
        p: Probability of a wrong reading, for each measured qubit.
    """

    p: float = 0.02

    def __post_init__(self) -> None:
        check_probability(self, "p")

    def before_readout(self, wire: Any) -> list[Channel]:
        return [qp.BitFlip(self.p, wires=wire)]

    def of_readout(self) -> float:
        return 1 - 2 * self.p
