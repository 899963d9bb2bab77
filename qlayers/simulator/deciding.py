"""What a circuit's gates depend on besides the angles it is given: values, random numbers, state of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pennylane as qp
import torch
from pennylane.tape import QuantumScript
from torch.utils._python_dispatch import TorchDispatchMode

from qlayers.basis_states import bits_as_angles
from qlayers.simulator.formula import trace_formula

DrawTape = Callable[[torch.Tensor, torch.Tensor], QuantumScript]

RANDOM = "it draws random numbers"
VARIES = (
    "it is another circuit each time it is given the same numbers: it draws random numbers or keeps state"
)
_TIMES = 8  # a coin falls on one side so often once in 128 times


def decides_on_inputs(draw_tape: DrawTape, weights: torch.Tensor, sample: torch.Tensor) -> bool:
    """Whether the circuit's gates depend on a sample's values, so that a batch would be decided for as one.

    Args:
        draw_tape: From flat weights and one sample, float64, to the circuit.
        weights: The flat weights.
        sample: Shape ``(n_features,)``.
    """
    return _decides(lambda traced: draw_tape(weights, traced), sample)


def decides_on(draw_tape: DrawTape, weights: torch.Tensor, sample: torch.Tensor) -> str:
    """In words, on the values of what the circuit's gates depend."""
    on_inputs = decides_on_inputs(draw_tape, weights, sample)
    on_weights = _decides(lambda traced: draw_tape(traced, sample), weights)
    if on_inputs == on_weights:
        return "its inputs and weights" if on_inputs else "its inputs or weights"
    return "its inputs" if on_inputs else "its weights"


def why_not_alike(draw_tape: DrawTape, weights: torch.Tensor, sample: torch.Tensor) -> str | None:
    """Why the circuit is not the same whenever it is given the same numbers; None if it seems to be.

    It is drawn a few times, so that random numbers that are not torch's are found out unless they agree by chance.
    """
    with bits_as_angles():
        with noticing_random_numbers() as noticed:
            drawn = draw_tape(weights, sample)
        if noticed:
            return RANDOM
        if any(isinstance(gate, (qp.ops.MidMeasure, qp.ops.Conditional)) for gate in drawn.operations):
            return None  # these have another name every time
        first = _describe(drawn)
        return (
            None if all(_describe(draw_tape(weights, sample)) == first for _ in range(_TIMES - 1)) else VARIES
        )


@contextmanager
def noticing_random_numbers() -> Iterator[list[str]]:
    """The torch operations that meanwhile draw random numbers, by name."""
    mode = _Noticing()
    with mode:
        yield mode.noticed


class _Noticing(TorchDispatchMode):
    # The state of torch's random stream would tell as well, were there no other threads that draw from it.

    def __init__(self) -> None:
        super().__init__()
        self.noticed: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.Tag.nondeterministic_seeded in function.tags:
            self.noticed.append(str(function))
        return function(*args, **(kwargs or {}))


def _decides(draw: Callable[[torch.Tensor], QuantumScript], numbers: torch.Tensor) -> bool:
    def parameters(traced: torch.Tensor) -> list[torch.Tensor]:
        given = draw(traced).get_parameters(trainable_only=False)
        return [torch.as_tensor(parameter) + 0.0 for parameter in given]

    # Looking at a value raises one error or another, according to how it is looked at. The tracer refuses looks at
    # all values, vmap at those of what it maps alone, though also assignments to slices.
    try:
        trace_formula(lambda _, traced: parameters(traced), numbers[:0], numbers)
    except Exception:
        try:
            torch.func.vmap(parameters, randomness="different")(torch.stack([numbers, numbers]))
        except Exception:
            return True
    return False


def _describe(tape: QuantumScript) -> list[Any]:
    gates = [
        (gate.name, tuple(gate.wires), [np.asarray(qp.math.toarray(number)).tolist() for number in gate.data])
        for gate in tape.operations
    ]
    return [gates, [(type(measurement), measurement.hash) for measurement in tape.measurements]]
