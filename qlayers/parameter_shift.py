"""The parameter-shift rule with all shifted circuits as one batch, for devices that run batches together."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pennylane as qp
from pennylane.exceptions import ParameterFrequenciesUndefinedError
from pennylane.measurements import ExpectationMP, ProbabilityMP
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.typing import PostprocessingFn

MOST_NUMBERS = 2**23
"""Of amplitudes and samples that the shifted circuits run together may hold."""


def _jacobian(tape: QuantumScript, **options: Any) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """The Jacobian of a circuit, as ``qp.gradients.param_shift`` finds it and from as many circuits.

    That makes one PennyLane circuit a shift, each with gates and transforms of its own: 56 for 28 angles, whose making
    takes far longer than their simulation. Here the angles of one circuit have the shifts as a batch, and where the
    circuit has a batch of its own, every shift has all of that. The rule of an
    angle is that of its gate's frequencies (Wierichs et al. 2022, arXiv:2107.12390): two terms for a rotation, four
    for a controlled one. What has no rule of this kind, such as a variance, is left to PennyLane.

    Args:
        tape: After the gradient's expansion.
        options: For ``qp.gradients.param_shift``, where that is asked.

    Returns:
        Circuits, and the function that makes the Jacobian of their results.
    """
    rules = _rules(tape)
    if not sum(map(len, rules)):
        circuits, post = qp.gradients.param_shift(tape, **options)
        return circuits, post
    coefficients, shifts = _combined(rules)  # (n_trainable, rows) each
    rows = coefficients.shape[1]
    batch = (tape.batch_size,) if tape.batch_size else ()
    n_wires = len(tape.wires)
    numbers_a_row = math.prod(batch) * (2**n_wires + n_wires * (tape.shots.total_shots or 0))
    most = max(2, MOST_NUMBERS // numbers_a_row)
    circuits = [_shifted(tape, shifts[:, start : start + most]) for start in range(0, rows, most)]
    several = len(tape.measurements) > 1

    def finish(results: Any) -> Any:
        by_measurement = [list(part) for part in zip(*results, strict=True)] if several else [list(results)]
        jacobians = []
        for parts in by_measurement:
            values = np.concatenate([np.asarray(qp.math.toarray(part)) for part in parts])
            values = values.reshape(rows, *batch, *values.shape[1:])
            jacobian = np.tensordot(coefficients, values, axes=1)
            jacobians.append(tuple(jacobian) if len(jacobian) > 1 else jacobian[0])
        return tuple(jacobians) if several else jacobians[0]

    return circuits, finish


def parameter_shift_of(expand: Callable[..., Any]) -> Any:
    """The rule as a gradient transform, for circuits that ``expand`` brings to gates which have a rule."""
    return qp.transform(_jacobian, expand_transform=expand, final_transform=True)


def is_parameter_shift(method: Any) -> bool:
    """Return whether a gradient method is the parameter-shift rule, PennyLane's or this one."""
    return method is qp.gradients.param_shift or getattr(method, "tape_transform", None) is _jacobian


def name_of_method(method: Any) -> str:
    """Return a gradient method's name, as users write it."""
    return "parameter-shift" if is_parameter_shift(method) else str(getattr(method, "__name__", method))


def shifts_can_be_batched(qnode: qp.QNode) -> bool:
    """Whether a QNode with shots is differentiated by PennyLane's rule as it is, on a device that runs batches."""
    return (
        qnode.device.name == "default.qubit"
        and bool(qnode.shots)
        and qnode.diff_method in ("best", "parameter-shift")
        and not qnode.gradient_kwargs
        and qnode.execute_kwargs["max_diff"] == 1
    )


parameter_shift = parameter_shift_of(qp.gradients.param_shift.expand_transform)


def _rules(tape: QuantumScript) -> list[np.ndarray]:
    """Rows of coefficient and shift for every trainable parameter; none if not all are angles of gates with a rule."""
    plain = all(isinstance(measured, ExpectationMP | ProbabilityMP) for measured in tape.measurements)
    if not plain or tape.shots.has_partitioned_shots:
        return []
    rules = []
    for number in range(len(tape.trainable_params)):
        operation, at, position = tape.get_operation(number)
        value = qp.math.toarray(operation.data[position])
        is_angle = at < len(tape.operations) and np.ndim(value) == 0 and not np.iscomplexobj(value)
        if not is_angle or operation.grad_method != "A":
            return []
        recipe = operation.grad_recipe
        if recipe and recipe[position] is not None:
            return []
        try:
            frequencies = operation.parameter_frequencies
        except ParameterFrequenciesUndefinedError:
            return []
        rules.append(_rule(frequencies[position]))
    return rules


@functools.lru_cache(maxsize=256)
def _rule(frequencies: tuple[float, ...]) -> np.ndarray:
    if not frequencies:  # a global phase, which changes nothing
        return np.zeros((0, 2))
    return np.asarray(qp.gradients.generate_shift_rule(frequencies))


def _combined(rules: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    rows = sum(len(rule) for rule in rules)
    coefficients, shifts = np.zeros((len(rules), rows)), np.zeros((len(rules), rows))
    start = 0
    for number, rule in enumerate(rules):
        stop = start + len(rule)
        coefficients[number, start:stop], shifts[number, start:stop] = rule[:, 0], rule[:, 1]
        start = stop
    return coefficients, shifts


def _shifted(tape: QuantumScript, shifts: np.ndarray) -> QuantumScript:
    """The circuit with its trainable angles shifted, by one column of ``shifts`` a row of the batch."""
    batch, rows = tape.batch_size or 1, shifts.shape[1]
    values: dict[int, Any] = {}
    for number, part in enumerate(tape.par_info):
        operation, position = part["op"], part["p_idx"]
        value = qp.math.toarray(operation.data[position])
        if number in tape.trainable_params:
            shift = shifts[tape.trainable_params.index(number)]
            values[number] = np.repeat(float(value) + shift, batch)
        elif part["op_idx"] < len(tape.operations) and np.ndim(value) > operation.ndim_params[position]:
            values[number] = np.tile(value, (rows,) + (1,) * (np.ndim(value) - 1))
    return tape.bind_new_parameters(list(values.values()), list(values))
