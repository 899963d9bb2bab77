"""Amazon's managed density-matrix simulator, DM1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qlayers.backends._paid import PaidBackend

if TYPE_CHECKING:
    from qlayers.braket.facts import DeviceFacts


@dataclass(frozen=True)
class BraketDm1(PaidBackend):
    """Amazon's managed density-matrix simulator, of up to 17 qubits, billed by the minute.

    Samples of circuits without noise, as from hardware: nothing of it uses exact values. The cost of a task is known
    when it has ended; until then dm1's price for ``seconds_at_most`` is reserved.
    """

    def facts(self) -> DeviceFacts:
        from qlayers.braket.facts import known

        return known("dm1")
