"""Quantum computers on Amazon Braket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qlayers.backends._paid import PaidBackend
from qlayers.errors import ConfigurationError

if TYPE_CHECKING:
    from qlayers.braket.facts import DeviceFacts


@dataclass(frozen=True)
class BraketQpu(PaidBackend):
    """A quantum computer on Amazon Braket, billed by tasks and shots.

    Attributes:
        computer: Its name, such as ``"iqm_garnet"``.
    """

    computer: str = "iqm_garnet"

    def facts(self) -> DeviceFacts:
        from qlayers.braket.facts import known

        facts = known(self.computer)
        if facts.is_simulator:
            raise ConfigurationError(
                f"backend.computer={self.computer} is a simulator: choose backend=braket_{facts.name}."
            )
        return facts
