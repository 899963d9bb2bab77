"""What every way of mitigating errors has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp

from qlayers.components import Component
from qlayers.mitigation._device import MitigatedDevice


@dataclass(frozen=True)
class Mitigation(Component, ABC):
    """Base of all ways of mitigating errors.

    A gradient taken by shifting or perturbing parameters is made of mitigated values: every shifted circuit is
    mitigated by itself. Where the correction is linear in the results (readout inversion, Richardson and polynomial
    extrapolation), that is the derivative of the mitigated value; elsewhere it is the mitigated estimate of the
    derivative, which is what is wanted, and not the derivative of the estimate.
    """

    kind: ClassVar[str] = "mitigation"
    package: ClassVar[str] = "qlayers.mitigation"
    stage: ClassVar[int]
    """Where it stands when several are combined: a lower one gets the results that the higher ones corrected."""

    @abstractmethod
    def wrap(self, device: qp.devices.Device) -> MitigatedDevice:
        """A device that does what ``device`` does and corrects its results; ``device`` is left as it is."""

    @abstractmethod
    def cost(self, n_circuits: int) -> int:
        """How many circuits are executed for ``n_circuits`` that are asked for.

        A circuit that measures observables in several bases counts once for each basis, on both sides.
        """
