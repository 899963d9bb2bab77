"""What would be sent, for the plan that is shown before it is."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from pennylane.tape import QuantumScript

from qlayers.braket.program_sets import Job
from qlayers.braket.terms import Terms
from qlayers.spending.ledger import Ledger
from qlayers.spending.plan import Plan, duration
from qlayers.spending.prices import dollars

Structure = tuple[tuple[str, tuple[int, ...]], ...]
"""A circuit's gates and their wires, without angles."""
Compiled = tuple[int, int, float]
"""Depth, two-qubit gates and estimated fidelity on a computer."""

_SECONDS_A_TASK = 3.0  # a rough guess: sending it, and fetching its results
_LOOKS_BACK = 100  # tasks
_STRUCTURES = 4  # circuits of different gates that are compiled for a plan; further ones are left out


def make_plan(
    terms: Terms,
    groups: Sequence[Sequence[Job]],
    ledger: Ledger,
    cached: int = 0,
    tapes: Sequence[QuantumScript] = (),
    n_qubits: int = 0,
    known: dict[Structure, Compiled] | None = None,
) -> Plan:
    """What is going to be sent.

    Args:
        terms: On which it is bought.
        groups: Circuits by task.
        ledger: For what is known of the queue.
        cached: Circuits beside them that were bought before.
        tapes: The circuits as PennyLane has them, for depths, gates and fidelity.
        n_qubits: Their wires.
        known: What was found for circuits of the same gates before; what is found now is added.
    """
    shots = [sum(job.shots for job in group) for group in groups]
    depth, gates, fidelity = _compiled(terms, tapes, n_qubits, {} if known is None else known)
    seconds, queue = _time(terms, len(groups), sum(shots), ledger)
    notes = terms.notes
    if not terms.facts.checked:
        notes += (
            f"qubits and shots of {terms.facts.name} are not checked against a document; the service is asked for them "
            "before anything is sent",
        )
    if terms.facts.program_sets and not terms.program_sets and len(groups) > 1:
        notes += ("the device takes program sets, which share a task's fee; backend.program_sets is off",)
    return Plan(
        device=terms.facts.name,
        circuits=sum(len(group) for group in groups),
        tasks=len(groups),
        shots=sum(shots),
        usd=dollars(sum(terms.price(number) for number in shots)),
        usd_at_most=dollars(sum(terms.price_at_most(number) for number in shots)),
        cached=cached,
        program_sets=sum(len(group) > 1 for group in groups),
        seconds=seconds,
        queue=queue,
        circuit_depth=depth,
        two_qubit_gates=gates,
        estimated_fidelity=fidelity,
        usd_per_hour=terms.prices.per_hour,
        prices_as_of=str(terms.prices.as_of),
        notes=notes,
    )


def _time(terms: Terms, tasks: int, shots: int, ledger: Ledger) -> tuple[float | None, str | None]:
    """How long running takes, and what is known of waiting."""
    facts = terms.facts
    before = ledger.collected_last(facts.name, _LOOKS_BACK)
    ran = [entry.run_seconds / entry.shots for entry in before if entry.run_seconds and entry.shots]
    if ran and not facts.is_simulator:
        seconds: float | None = tasks * _SECONDS_A_TASK + shots * median(ran)
    elif facts.shots_per_second:
        seconds = tasks * _SECONDS_A_TASK + shots / facts.shots_per_second
    else:
        seconds = tasks * _SECONDS_A_TASK
    known = []
    if facts.queued is not None:
        known.append(f"{facts.queued} tasks in the queue now")
    waited = [entry.queue_seconds for entry in before if entry.queue_seconds is not None]
    if waited:
        known.append(f"earlier tasks waited {duration(median(waited))}")
    return seconds, "; ".join(known) or "its queue is not known" if not facts.is_simulator else None


def _compiled(
    terms: Terms, tapes: Sequence[QuantumScript], n_qubits: int, known: dict[Structure, Compiled]
) -> tuple[int | None, int | None, float | None]:
    """Depth, two-qubit gates and estimated fidelity on the computer: of the worst circuit.

    Circuits that differ in their angles alone count as one. None where nothing is known of the computer's gates.
    """
    from qlayers.machines.machine import available, machine
    from qlayers.machines.transpile import transpile

    if not tapes or terms.facts.name not in available():
        return None, None, None
    different = {tuple((o.name, tuple(o.wires)) for o in tape.operations): tape for tape in tapes}
    computer = machine(terms.facts.name)
    for structure, tape in list(different.items())[:_STRUCTURES]:
        if structure not in known:
            one = transpile(tape, computer, n_qubits)
            known[structure] = one.depth, one.two_qubit_gates, one.estimated_fidelity
    depths, gates, fidelities = zip(*(known[one] for one in different if one in known), strict=True)
    return max(depths), max(gates), min(fidelities)
