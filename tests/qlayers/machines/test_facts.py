"""A machine's figures, by hand."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("pydantic")

from qlayers.machines.facts import facts
from qlayers.machines.machine import Machine, available, machine


def test_figures_by_hand() -> None:
    found = facts(
        Machine.model_validate(
            {
                "name": "Three",
                "provider": "nobody",
                "native_gates": ["prx", "cz"],
                "one_qubit_fidelity": {0: 0.9, 1: 0.99, 2: 0.999},
                "readout_fidelity": {0: 0.8, 1: 0.7, 2: 0.95},
                "t1": {0: 1e-5, 1: 3e-5, 2: 8e-5},
                "t2": {0: 0.0, 1: 1e-5, 2: 3e-5},
                "two_qubit_fidelity": {(0, 1): 0.95, (1, 2): 0.85},
                "gate_times": {"two_qubit": 4e-8},
                "shots_range": (1, 99),
                "windows": [
                    {"day": "Weekdays", "start": "03:15:00", "end": "15:30:00"},
                    {"day": "Monday", "start": "23:00:00", "end": "00:00:00"},
                ],
            }
        )
    )
    assert (found["two_qubit_fidelity_best"], found["two_qubit_fidelity_median"]) == pytest.approx(
        (0.95, 0.9)
    )
    assert (found["readout_fidelity_best"], found["readout_fidelity_median"]) == (0.95, 0.8)
    assert (found["one_qubit_fidelity_best"], found["one_qubit_fidelity_median"]) == (0.999, 0.99)
    assert (found["t1_median"], found["t2_median"]) == pytest.approx((3e-5, 2e-5))
    assert (found["one_qubit_seconds"], found["two_qubit_seconds"]) == (None, 4e-8)
    assert (found["qubits"], found["pairs"], found["shots_min"], found["shots_max"]) == (3, 2, 1, 99)
    assert (found["program_set_circuits"], found["region"], found["as_of"]) == (None, None, None)
    assert found["windows"] == "Weekdays 03:15–15:30; Monday 23:00–00:00"
    assert found["open_hours_a_week"] == pytest.approx(5 * 12.25 + 1, abs=0.05)


@pytest.mark.parametrize("name", available())
def test_what_ships_fits_in_json(name: str) -> None:
    found = facts(machine(name))
    assert json.loads(json.dumps(found)) == found
    assert 0 < found["open_hours_a_week"] <= 168
    assert found["two_qubit_fidelity_median"] <= found["two_qubit_fidelity_best"] <= 1
