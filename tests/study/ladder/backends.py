"""Backends for tests: one that samples, one that always breaks, and one that would send circuits away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.backends import Backend
from qlayers.errors import ConfigurationError


@dataclass(frozen=True)
class Sampled(Backend):
    """default.qubit, so that nothing of ours makes the samples."""

    shots: int | None = 1000
    seed: int | None = None

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        seed = int(torch.randint(2**31, ())) if self.seed is None else self.seed
        return qp.device("default.qubit", wires=n_qubits, seed=seed)

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> str:
        return "parameter-shift"


@dataclass(frozen=True)
class NeedsMore(Sampled):
    """Lacks a package."""

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        raise ConfigurationError('backend=needs_more needs a package: pip install "qlayers[more]".')


class Broken(qp.devices.DefaultQubit):
    """Runs so many batches of circuits, and then no more."""

    left: ClassVar[int] = 3

    def execute(self, circuits: Any, execution_config: Any = None) -> Any:
        if Broken.left < 1:
            raise TimeoutError("the machine does not answer")
        Broken.left -= 1
        return super().execute(circuits, execution_config)


@dataclass(frozen=True)
class Breaks(Sampled):
    """Its device gives up when the rung is climbed, not when it is tried."""

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        return Broken(wires=n_qubits, seed=0)


class Sends(qp.devices.DefaultQubit):
    """Counts what it is given; when planning, it answers with zeros."""

    sent: ClassVar[int] = 0

    def __init__(self, wires: int, planning: bool) -> None:
        super().__init__(wires=wires, seed=0)
        self.planning = planning
        self.spent = SimpleNamespace(
            tasks=0, usd=0.0, cached=0, plan=None, failures={"throttled": 1}, fell_back=0
        )

    def execute(self, circuits: Any, execution_config: Any = None) -> Any:
        shots = sum(circuit.shots.total_shots for circuit in circuits)
        before = self.spent.plan or SimpleNamespace(circuits=0, tasks=0, shots=0, usd=0.0, usd_at_most=0.0)
        self.spent.plan = SimpleNamespace(
            circuits=before.circuits + len(circuits),
            tasks=before.tasks + 1,
            shots=before.shots + shots,
            program_sets=0,
            usd=before.usd + 0.25,
            usd_at_most=before.usd_at_most + 0.5,
            seconds=3.0,
            circuit_depth=7,
            two_qubit_gates=2,
            estimated_fidelity=0.9,
            lines=["Plan for elsewhere"],
        )
        results = super().execute(circuits, execution_config)
        if not self.planning:
            Sends.sent += len(circuits)
            self.spent.tasks += 1
            self.spent.usd += 0.25
            self.spent.fell_back += 1
            return results
        return tuple(
            tuple(np.zeros_like(one) for one in result)
            if isinstance(result, tuple)
            else np.zeros_like(result)
            for result in results
        )


@dataclass(frozen=True)
class Elsewhere(Sampled):
    """Somebody else's machine."""

    outside: ClassVar[bool] = True
    dry_run: bool = False

    def planning(self) -> Elsewhere:
        return replace(self, dry_run=True)

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        return Sends(n_qubits, self.dry_run)
