"""A value by which measurements are told apart."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pennylane as qp
import torch
from pennylane.measurements import MeasurementProcess, MeasurementValue
from pennylane.operation import Operator
from pennylane.pytrees import PyTreeStructure
from pennylane.wires import Wires


def measurement_key(measurement: MeasurementProcess) -> Hashable:
    """Return a value that two measurements share only if they measure the same thing in the same order.

    It spells out the kind of measurement, its settings and its wires, and of an observable every operator with its
    wires, coefficients and matrices, all in the order in which they are written. PennyLane's own hash and ``qp.equal``
    let observables pass for each other that differ in the order of wires or operands. The converse does not hold: one
    observable written in two ways has two keys.

    The result of a measurement in the middle of a circuit is known by that measurement's own identity, which is a new
    one each time that the circuit is drawn. Defer such measurements before comparing two drawings.

    Raises:
        TypeError: If the measurement holds a value that cannot be hashed.

    >>> measurement_key(qp.probs(wires=[0, 1])) == measurement_key(qp.probs(wires=[0, 1]))
    True
    >>> measurement_key(qp.probs(wires=[0, 1])) == measurement_key(qp.probs(wires=[1, 0]))
    False
    """
    # PennyLane leaves the dtype of samples out of the measurement's tree.
    return _describe_tree(measurement), str(vars(measurement).get("_dtype"))


def _describe_tree(value: Any) -> Hashable:
    leaves, structure = qp.pytrees.flatten(value)
    return _describe(structure), tuple(_describe(leaf) for leaf in leaves)


def _describe(value: Any) -> Hashable:
    if isinstance(value, PyTreeStructure):
        children = tuple(_describe(child) for child in value.children)
        return value.type_, _describe(value.metadata), children
    if isinstance(value, Wires):
        return Wires, tuple(value.labels)
    if isinstance(value, Operator):
        return _describe_tree(value)
    if isinstance(value, MeasurementValue):
        measured = tuple((tuple(one.wires), one.meas_uid) for one in value.measurements)
        return MeasurementValue, measured, _describe(dict(value.branches))
    if isinstance(value, Mapping):
        return type(value), tuple((_describe(key), _describe(entry)) for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return type(value), tuple(_describe(entry) for entry in value)
    if hasattr(value, "tocsr"):  # a sparse matrix
        matrix = value.tocsr()
        return "sparse", matrix.shape, *map(_describe, (matrix.data, matrix.indices, matrix.indptr))
    if isinstance(value, (bool, int, float, complex, np.generic, np.ndarray, torch.Tensor)):
        return _describe_numbers(value)
    hash(value)
    return type(value), value


def _describe_numbers(value: Any) -> Hashable:
    numbers = np.asarray(qp.math.toarray(qp.math.detach(value)) if isinstance(value, torch.Tensor) else value)
    if numbers.dtype.hasobject:  # whose bytes are addresses
        return numbers.shape, _describe(numbers.ravel().tolist())
    return numbers.dtype.str, numbers.shape, numbers.tobytes()
