"""A machine in a few figures, for a page that compares machines."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from qlayers.machines.machine import Window

if TYPE_CHECKING:
    from qlayers.machines.machine import Machine


def facts(machine: Machine) -> dict[str, Any]:
    """Plain values, for JSON; None where a figure is not known.

    Returns:
        ``name``, ``provider``, ``technology``, ``region``, ``location``, ``arn``, ``status``, ``as_of`` (ISO date),
        ``qubits``, ``pairs``, ``native_gates``, ``shots_min``, ``shots_max``, ``program_set_circuits`` and
        ``program_set_shots``; the ``…_best`` and ``…_median`` of ``one_qubit_fidelity``, ``two_qubit_fidelity`` and
        ``readout_fidelity``; ``t1_median`` and ``t2_median`` and the ``…_seconds`` of gates and readout, in seconds;
        ``windows``, a text, and ``open_hours_a_week``.
    """
    sets = machine.program_sets
    found: dict[str, Any] = {
        "name": machine.name,
        "provider": machine.provider,
        "technology": machine.technology,
        "region": machine.region,
        "location": machine.location,
        "arn": machine.arn,
        "status": machine.status,
        "as_of": machine.as_of.isoformat() if machine.as_of else None,
        "qubits": machine.n_qubits,
        "pairs": len(machine.two_qubit_fidelity),
        "native_gates": list(machine.native_gates),
        "shots_min": machine.shots_range[0],
        "shots_max": machine.shots_range[1],
        "program_set_circuits": sets.max_executables if sets else None,
        "program_set_shots": sets.max_total_shots if sets else None,
    }
    for name in ("one_qubit_fidelity", "two_qubit_fidelity", "readout_fidelity"):
        values = getattr(machine, name).values()
        found[f"{name}_best"] = max(values, default=None)
        found[f"{name}_median"] = _median(values)
    for name in ("t1", "t2"):
        # A time of zero is one that was not measured.
        found[f"{name}_median"] = _median(value for value in getattr(machine, name).values() if value > 0)
    for name in ("one_qubit", "two_qubit", "readout"):
        found[f"{name}_seconds"] = machine.gate_times.get(name)
    found["windows"] = "; ".join(f"{w.day} {w.start[:5]}–{w.end[:5]}" for w in machine.windows) or None
    found["open_hours_a_week"] = round(sum(map(_hours, machine.windows)), 1) if machine.windows else None
    return found


def _median(values: Iterable[float]) -> float | None:
    values = list(values)
    return statistics.median(values) if values else None


def _hours(window: Window) -> float:
    days = {"everyday": 7, "weekdays": 5, "weekend": 2}.get(window.day.lower(), 1)
    hours = _since_midnight(window.end) - _since_midnight(window.start)
    return days * (hours if hours > 0 else hours + 24)


def _since_midnight(time: str) -> float:
    hours, minutes, seconds = (float(part) for part in time.split(":"))
    return hours + minutes / 60 + seconds / 3600
