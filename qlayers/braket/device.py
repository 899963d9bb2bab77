"""A PennyLane device whose circuits are bought from Amazon Braket."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.braket.access import connected
from qlayers.braket.buyer import Buyer
from qlayers.braket.circuits import measured
from qlayers.braket.clock import Clock
from qlayers.braket.errors import UnavailableError
from qlayers.braket.planning import Compiled, Structure, make_plan
from qlayers.braket.program_sets import Job, grouped, key_of
from qlayers.braket.sampled_device import SampledDevice
from qlayers.braket.session import Service
from qlayers.braket.terms import Terms
from qlayers.errors import ConfigurationError, ExecutionWarning
from qlayers.spending.cache import Cache
from qlayers.spending.ledger import Ledger
from qlayers.spending.plan import Plan
from qlayers.spending.spent import Spent

if TYPE_CHECKING:
    import boto3


class BraketDevice(SampledDevice):
    """A device of Amazon Braket that is paid for.

    For every circuit: results that were bought before are taken from the cache; tasks that an earlier run has left
    are collected; the rest is planned, checked against the budget, written to the ledger, sent and collected. What is
    bought is known by what is run, and by how often this very circuit was run before on this device object, so that
    the same calls find the same results, in this process or a later one, and a second run of a circuit is a second
    sample.

    Attributes:
        spent: What was planned and spent since the device was made.

    Args:
        wires: A number of wires, or their labels.
        terms: On which circuits are bought.
        shots: Default number of shots; PennyLane prefers ``qp.set_shots`` on the QNode.
        clock: To wait by.
        boto_session: In place of one with credentials from the vendor's chain.

    Raises:
        ConfigurationError: There are more wires than the device has.
    """

    name = "qlayers.braket"

    def __init__(
        self,
        wires: Any,
        terms: Terms,
        shots: Any = None,
        clock: Clock | None = None,
        boto_session: boto3.Session | None = None,
    ) -> None:
        super().__init__(wires, shots)
        self.terms, self._clock, self._boto = terms, clock or Clock(), boto_session
        facts = terms.facts
        if len(self.wires) > facts.n_qubits:
            raise ConfigurationError(
                f"The circuit has {len(self.wires)} qubits, and {facts.name} has {facts.n_qubits}. Use fewer, or "
                "choose another device."
            )
        self.spent = Spent()
        self._occurrences: Counter[str] = Counter()
        self._tapes: dict[str, QuantumScript] = {}  # of the call that is under way, for its plan
        self._compiled: dict[Structure, Compiled] = {}
        self._start()

    def _start(self) -> None:
        self._ledger = Ledger(self.terms.ledger, self._clock.time)
        self._cache = Cache(self._ledger)
        self._buyer = Buyer(self.terms, self._ledger, self._connect, self._clock, self.spent, self._plan)

    @property
    def does_not_fold(self) -> str:
        """Why a circuit U U†U has no more noise here than U."""
        name = self.terms.facts.name
        if self.terms.facts.is_simulator:
            return f"{name}, where circuits run without noise: it would only cost more"
        return f"{name}, where the service compiles circuits, and may cancel what was folded"

    def bitstrings(self, circuits: list[QuantumScript]) -> list[np.ndarray]:
        """Bit strings of all circuits, bought where they were not before; see the class.

        Raises:
            BudgetExceeded: It would cost more than the budget; nothing was sent.
            ConfigurationError: The device cannot do it, or there are no credentials; nothing was sent.
            UnavailableError: The device is offline, a task failed or took too long, and ``fallback`` is ``"none"``.
            ServiceError: Something else went wrong.
        """
        occurrences = self._occurrences.copy()
        jobs = [self._job(circuit, occurrences) for circuit in circuits]
        for shots in {job.shots for job in jobs}:
            self.terms.facts.check_usable(len(self.wires), shots)
        tapes = {job.key: circuit for job, circuit in zip(jobs, circuits, strict=True)}
        results = self._cache.get([job.key for job in jobs])
        missing = [job for job in jobs if job.key not in results]
        groups = grouped(missing, self.terms.set_limits)
        self._tapes = tapes
        self.spent.add_plan(self._plan(self.terms, groups, len(results)))
        if self.terms.dry_run:
            dict.update(self._occurrences, occurrences)
            return [_unsent(job, tapes[job.key]) for job in jobs]
        self.spent.cached += len(results)
        if missing:
            results |= self._bought(missing, tapes)
        # Only now: a call that failed is made again with the same keys, and collects what it has bought.
        dict.update(self._occurrences, occurrences)
        return [results[job.key] for job in jobs]

    # ---------------------------------------------------------------- buying

    def _bought(self, jobs: list[Job], tapes: dict[str, QuantumScript]) -> dict[str, np.ndarray]:
        try:
            return self._buyer.obtain(jobs)
        except UnavailableError as error:
            if self.terms.fallback != "simulator":
                raise
            reason = str(error)
        self._buyer.cancel_open(jobs)
        results = self._cache.get([job.key for job in jobs])
        left = [job for job in jobs if job.key not in results]
        warnings.warn(
            f"{len(left)} of {len(jobs)} circuits were run without noise on this machine, by backend.fallback="
            f"simulator: {reason}",
            ExecutionWarning,
            stacklevel=2,
        )
        self.spent.fell_back += len(left)
        return results | {job.key: _simulated(job, tapes[job.key]) for job in left}

    def _job(self, circuit: QuantumScript, occurrences: Counter[str]) -> Job:
        n_qubits, shots = len(self.wires), int(circuit.shots.total_shots or 0)
        translated = measured(circuit, n_qubits)
        source = _source(translated)
        terms = self.terms
        seed = int(torch.randint(2**31 - 1, ()).item()) if terms.seed is None else terms.seed
        same = key_of(terms.project, terms.facts.arn, source, shots, seed, 0)
        key = key_of(terms.project, terms.facts.arn, source, shots, seed, occurrences[same])
        occurrences[same] += 1
        return Job(key, translated, n_qubits, shots)

    def _plan(self, terms: Terms, groups: list[list[Job]], cached: int = 0) -> Plan:
        tapes = [self._tapes[job.key] for group in groups for job in group if job.key in self._tapes]
        return make_plan(terms, groups, self._ledger, cached, tapes, len(self.wires), self._compiled)

    def _connect(self) -> Service:
        return connected(self.terms, self._clock, self._boto)

    # ---------------------------------------------------------------- copies

    def __getstate__(self) -> dict[str, Any]:
        """Without the connection, which each copy makes for itself."""
        made_here = ("_ledger", "_cache", "_buyer", "_boto", "_tapes")
        return {name: value for name, value in self.__dict__.items() if name not in made_here}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._boto, self._tapes = None, {}
        self._start()

    def __copy__(self) -> BraketDevice:
        """A view of the same device: what it spends, and how often it has run a circuit, are counted together."""
        copied = self.__class__.__new__(self.__class__)
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> BraketDevice:
        copied = self.__class__.__new__(self.__class__)
        copied.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        copied._boto = self._boto
        return copied


def _source(circuit: Any) -> str:
    from braket.circuits.serialization import IRType

    return str(circuit.to_ir(IRType.OPENQASM).source)


def _unsent(job: Job, tape: QuantumScript) -> np.ndarray:
    """Zeros, in place of results; and ones where a circuit does nothing but flip qubits.

    By such circuits readout is calibrated, which would not believe zeros.
    """
    bits = np.zeros((job.shots, job.n_qubits), dtype=np.int64)
    if all(operation.name == "PauliX" for operation in tape.operations):
        for operation in tape.operations:
            bits[:, operation.wires[0]] ^= 1
    return bits


def _simulated(job: Job, tape: QuantumScript) -> np.ndarray:
    """The circuit's bit strings from PennyLane's simulator; the same ones for the same key."""
    device = qp.device("default.qubit", wires=job.n_qubits, seed=int(job.key[:8], 16))
    sampled = QuantumScript(tape.operations, [qp.sample(wires=range(job.n_qubits))], shots=job.shots)
    found = qp.execute([sampled], device, diff_method=None)[0]
    return np.asarray(found, dtype=np.int64).reshape(job.shots, job.n_qubits)
