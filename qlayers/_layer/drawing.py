"""From a quantum function and its transforms to one circuit, and to the form of its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pennylane as qp
import torch
from pennylane.measurements import MeasurementProcess
from pennylane.tape import QuantumScript

from qlayers.errors import ConfigurationError
from qlayers.simulator.not_traceable import NotTraceableError

NO_RESULTS = (
    "The circuit returns no measurement. Return one, or a list or tuple of them, such as qp.expval(qp.Z(0))."
)

Returns = Literal["one", "list", "tuple"]
"""One measurement by itself, or a list or tuple of them."""


@dataclass(frozen=True)
class Drawing:
    """What a quantum function made.

    Attributes:
        tape: Before the transforms.
        returns: The form of its results.
    """

    tape: QuantumScript
    returns: Returns


def drawn(function: Callable[..., Any], arguments: dict[str, Any], shots: Any = None) -> Drawing:
    """Run a quantum function.

    Raises:
        ConfigurationError: It returns something else than measurements.
    """
    with qp.queuing.AnnotatedQueue() as queue:
        returned = function(**arguments)
    return Drawing(QuantumScript.from_queue(queue, shots=shots), _form_of(returned))


def _form_of(returned: Any) -> Returns:
    if isinstance(returned, MeasurementProcess):
        return "one"
    if returned is None or (isinstance(returned, (list, tuple)) and not returned):
        raise ConfigurationError(NO_RESULTS)
    if isinstance(returned, (list, tuple)) and all(
        isinstance(entry, MeasurementProcess) for entry in returned
    ):
        return "tuple" if isinstance(returned, tuple) else "list"
    shown = type(returned).__name__
    if isinstance(returned, (list, tuple)):
        shown += " of " + ", ".join(sorted({type(entry).__name__ for entry in returned}))
    raise ConfigurationError(
        f"A quantum layer's results lie side by side, but the circuit returns a {shown}. Return one measurement, or a "
        "list or tuple of measurements."
    )


def transformed(tape: QuantumScript, transforms: Any) -> tuple[QuantumScript, Finish]:
    """The circuit after its author's transforms, and what these do to its results.

    Raises:
        NotTraceableError: They make several circuits.
    """
    tapes, finish = transforms((tape,))
    if len(tapes) != 1:
        raise NotTraceableError("its transforms make several circuits of one")
    return tapes[0], Finish(finish, len(tapes[0].measurements))


@dataclass(frozen=True)
class Finish:
    """What transforms do to a circuit's results."""

    function: Callable[[Any], Any]
    n_results: int

    def __call__(self, results: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """From one tensor a measurement of the circuit to one a measurement of the author's."""
        (finished,) = self.function((tuple(results) if len(results) > 1 else results[0],))
        return list(finished) if isinstance(finished, (tuple, list)) else [finished]

    def check_rows(self, rows: int) -> None:
        """Raise NotTraceableError unless each sample's result comes from its own results alone."""
        generator = torch.Generator().manual_seed(4)
        results = [torch.rand(rows, generator=generator, dtype=torch.float64) for _ in range(self.n_results)]
        # In two halves of at least two rows: of one row, PennyLane's functions drop the dimension.
        parts = [slice(0, rows)] if rows < 4 else [slice(0, rows // 2), slice(rows // 2, rows)]
        halves = [self([result[part] for result in results]) for part in parts]
        pairs = zip(self(results) if rows > 1 else [], zip(*halves, strict=True), strict=False)
        if not all(torch.allclose(whole, torch.cat(split)) for whole, split in pairs):
            raise NotTraceableError("its transforms mix the results of a batch")
