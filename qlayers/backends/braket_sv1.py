"""Amazon's managed state-vector simulator, SV1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qlayers.backends._paid import PaidBackend

if TYPE_CHECKING:
    from qlayers.braket.facts import DeviceFacts


@dataclass(frozen=True)
class BraketSv1(PaidBackend):
    """Amazon's managed state-vector simulator, of up to 34 qubits, billed by the minute.

    Samples of circuits without noise, as from hardware: nothing of it uses exact values. The cost of a task is known
    when it has ended; until then sv1's price for ``seconds_at_most`` is reserved.
    """

    def facts(self) -> DeviceFacts:
        from qlayers.braket.facts import known

        return known("sv1")
