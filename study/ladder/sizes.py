"""How large a circuit is, before and after it is written in a machine's own gates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pennylane as qp
import torch

from qlayers import QuantumLayer
from study.run.circuits import describe_circuit


def sizes(layer: QuantumLayer, row: np.ndarray) -> dict[str, Any]:
    """The circuit's counts, and under `transpiled` those on the machine of the layer's backend, if it has one.

    Args:
        layer: on a rung's backend.
        row: features (n_features,) of a circuit that is run there.
    """
    found = describe_circuit(layer)
    machine = machine_of(layer)
    if machine is None:
        return found
    from qlayers.machines.transpile import transpile

    done = transpile(tape_of(layer, row), machine)
    transpiled = {
        "machine": machine.name,
        "circuit_depth": int(done.depth),
        "two_qubit_gates": int(done.two_qubit_gates),
        "estimated_fidelity": float(done.estimated_fidelity),
    }
    return {**found, "transpiled": transpiled}


def machine_of(layer: QuantumLayer) -> Any:
    """The machine that the layer's backend emulates or sends to; None where there is none, or no figures of it."""
    from qlayers.errors import ConfigurationError
    from qlayers.machines.machine import machine

    name = getattr(layer.backend, "machine", None) or getattr(layer.backend, "computer", None)
    if not isinstance(name, str):
        return None
    try:
        return machine(name)
    except ConfigurationError:
        return None


def tape_of(layer: QuantumLayer, row: np.ndarray) -> qp.tape.QuantumScript:
    """The circuit at these features and the layer's weights."""
    arguments = {layer.input_arg: torch.as_tensor(row, dtype=layer.dtype)}
    arguments |= {name: weight.detach() for name, weight in layer.qnode_weights.items()}
    return qp.workflow.construct_tape(layer.qnode, level="user")(**arguments)
