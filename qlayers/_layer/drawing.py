"""From a quantum function and its transforms to one circuit, and to the form of its results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pennylane as qp
from pennylane.measurements import MeasurementProcess
from pennylane.tape import QuantumScript

from qlayers._layer.post_processing import PostProcessing
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


def transformed(tape: QuantumScript, transforms: Any) -> tuple[QuantumScript, PostProcessing]:
    """The circuit after its author's transforms, and what these do to its results.

    Raises:
        NotTraceableError: They make several circuits.
    """
    tapes, finish = transforms((tape,))
    if len(tapes) != 1:
        raise NotTraceableError("its transforms make several circuits of one")
    return tapes[0], finish
