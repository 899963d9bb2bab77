"""One tape on the simulator: results, samples, and products of its Jacobian with vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pennylane as qp
import torch
from pennylane.devices.qubit.simulate import measure_final_state
from pennylane.measurements import MeasurementProcess
from pennylane.tape import QuantumScript

from qlayers._layer.guarded import Gradients
from qlayers.device.plan import Reading, amplitudes_of, pack, read
from qlayers.device.readout import on_qubits, results
from qlayers.simulator.execute import execute
from qlayers.simulator.program import Program
from qlayers.simulator.readout import state_of


class Forward(NamedTuple):
    """A program that has been run, with the graph for the way back."""

    program: Program
    samples: torch.Tensor
    weights: torch.Tensor
    measured: torch.Tensor


def run(
    tape: QuantumScript, dtype: type[np.floating[Any]], rng: np.random.Generator, differentiable: bool = False
) -> tuple[Any, Forward]:
    """Execute a tape.

    Args:
        tape: After preprocessing.
        dtype: float32 or float64, of real results.
        rng: Draws the samples, where the tape has shots.
        differentiable: Whether to keep what the way back needs.

    Returns:
        The results in PennyLane's nesting, and the run for :func:`vector_jacobian_product`.
    """
    reading = read(tape, sampled=bool(tape.shots))
    forward = _forward(reading, tape, dtype, differentiable)
    if tape.shots:
        return _sampled(reading, tape, forward, rng), forward
    is_batched = reading.batch is not None
    values = results(
        reading.readout, tape.measurements, reading.qubits, forward.measured.detach(), is_batched
    )
    arrays = [_in_precision(value, dtype) for value in values]
    return (arrays[0] if len(arrays) == 1 else tuple(arrays)), forward


@torch.enable_grad()
def vector_jacobian_product(
    tape: QuantumScript,
    cotangents: Any,
    dtype: type[np.floating[Any]],
    earlier: Sequence[Forward] = (),
) -> Gradients:
    """``Σ cotangent · derivative of the results`` for every trainable parameter, its real part.

    Args:
        tape: Analytic, after preprocessing.
        cotangents: Shaped and nested like the results.
        dtype: float32 or float64.
        earlier: Runs, of which that of this tape is used if it is among them.
    """
    reading = read(tape)
    forward = _forward(reading, tape, dtype, True, earlier)
    bound, leaves = _with_leaves(tape)
    is_batched = reading.batch is not None
    values = results(reading.readout, bound, reading.qubits, forward.measured, is_batched)
    given = [cotangents] if len(values) == 1 else list(cotangents)
    at = [forward.samples, forward.weights, *leaves.values()]
    gradients = _pulled_back(values, given, at)
    samples, weights, *of_leaves = [
        np.zeros(tuple(leaf.shape)) if g is None else g for leaf, g in zip(at, gradients, strict=True)
    ]
    by_leaf = dict(zip(leaves, of_leaves, strict=True))
    data = tape.data  # gathered anew at every look
    found = []
    for number in tape.trainable_params:
        if number in by_leaf:
            found.append(by_leaf[number])
        elif number < reading.n_before and reading.preparation is not None:
            found.append(_of_preparation(reading, tape, samples[:, reading.plan.program.n_features :]))
        elif number < reading.n_before or number >= reading.n_before + len(reading.plan.slots):
            # Bits of a basis state, or what an observable is made of otherwise than of real or complex numbers.
            found.append(np.zeros(np.shape(data[number])))
        else:
            slot = reading.plan.slots[number - reading.n_before]
            part = samples[:, slot.start : slot.stop] if slot.is_batched else weights[slot.start : slot.stop]
            found.append(part.reshape(np.shape(data[number])))
    return Gradients(found)


def jacobian(tape: QuantumScript, dtype: type[np.floating[Any]]) -> Any:
    """The derivative of every result by every trainable parameter, a tuple of both where there are several.

    Args:
        tape: Analytic, without a batch, after preprocessing.
        dtype: float32 or float64.
    """
    values, forward = run(tape, dtype, np.random.default_rng(0), differentiable=True)
    several = isinstance(values, tuple)
    listed = list(values) if several else [values]
    rows = []
    for position, value in enumerate(listed):
        unit = [np.zeros_like(other) for other in listed]
        columns: list[Any] = []
        for index in np.ndindex(value.shape):
            unit[position] = _one_at(value, index, 1)
            found = vector_jacobian_product(tape, unit if several else unit[0], dtype, [forward])
            if np.iscomplexobj(value):
                unit[position] = _one_at(value, index, -1j)
                other = vector_jacobian_product(tape, unit if several else unit[0], dtype, [forward])
                found = Gradients(a + 1j * b for a, b in zip(found, other, strict=True))
            columns.append(found)
        stacked = [
            np.stack(parts).reshape(value.shape + np.shape(parts[0])) for parts in zip(*columns, strict=True)
        ]
        rows.append(stacked[0] if len(stacked) == 1 else tuple(stacked))
    return tuple(rows) if several else rows[0]


def _one_at(value: np.ndarray, index: tuple[int, ...], entry: complex) -> np.ndarray:
    unit = np.zeros_like(value)
    unit[index] = entry
    return unit


def _forward(
    reading: Reading,
    tape: QuantumScript,
    dtype: type[np.floating[Any]],
    differentiable: bool,
    earlier: Sequence[Forward] = (),
) -> Forward:
    preparation = reading.preparation
    amplitudes = None if preparation is None else amplitudes_of(preparation, reading.qubits)
    samples, weights = pack(reading, tape, dtype, amplitudes)
    program = reading.plan.program
    for run in earlier:
        same = run.program is program and run.measured.requires_grad
        if same and torch.equal(run.samples, samples) and torch.equal(run.weights, weights):
            return run
    if differentiable:
        samples.requires_grad_()
        weights.requires_grad_()
    # The workflow may have switched gradients off around the device.
    with torch.set_grad_enabled(differentiable):
        return Forward(program, samples, weights, execute(program, samples, weights))


def _sampled(reading: Reading, tape: QuantumScript, forward: Forward, rng: np.random.Generator) -> Any:
    # In double precision, since PennyLane's sampler wants probabilities that sum to one within 1e-6.
    measured = forward.measured.detach().double()
    measured = measured / torch.linalg.vector_norm(measured, dim=1, keepdim=True)
    is_batched = reading.batch is not None
    state = state_of(measured if is_batched else measured[0], len(reading.qubits), is_batched).numpy()
    measurements = on_qubits(tape.measurements, reading.qubits)
    return measure_final_state(QuantumScript([], measurements, shots=tape.shots), state, is_batched, rng=rng)


def _with_leaves(
    tape: QuantumScript,
) -> tuple[list[MeasurementProcess], dict[int, torch.Tensor]]:
    """The measurements, with tensors in place of their observables' trainable parameters."""
    number = sum(operation.num_params for operation in tape.operations)
    if not any(trainable >= number for trainable in tape.trainable_params):
        return tape.measurements, {}
    leaves: dict[int, torch.Tensor] = {}
    bound = []
    for measurement in tape.measurements:
        data = [] if measurement.obs is None else list(measurement.obs.data)
        for position, value in enumerate(data):
            array = np.asarray(value)
            if number in tape.trainable_params and array.dtype.kind in "fc":
                leaves[number] = data[position] = torch.as_tensor(array).requires_grad_()
            number += 1
        if any(isinstance(value, torch.Tensor) for value in data):
            measurement = type(measurement)(obs=qp.ops.functions.bind_new_parameters(measurement.obs, data))
        bound.append(measurement)
    return bound, leaves


def _pulled_back(
    values: Sequence[torch.Tensor], cotangents: Sequence[Any], at: Sequence[torch.Tensor]
) -> list[np.ndarray | None]:
    outputs, given = [], []
    for value, cotangent in zip(values, cotangents, strict=True):
        if not value.requires_grad:
            continue
        # PennyLane multiplies without conjugation, torch with.
        array = np.conj(np.asarray(cotangent))
        array = array if value.is_complex() else np.real(array)
        outputs.append(value)
        given.append(torch.as_tensor(np.array(np.broadcast_to(array, tuple(value.shape)))).to(value.dtype))
    if not outputs:
        return [None] * len(at)
    found = torch.autograd.grad(outputs, at, given, retain_graph=True, allow_unused=True)
    return [None if gradient is None else gradient.numpy() for gradient in found]


def _of_preparation(reading: Reading, tape: QuantumScript, gradient: np.ndarray) -> np.ndarray:
    """From the amplitudes to the parameter of what prepares them."""
    parameter = torch.as_tensor(np.asarray(tape.operations[0].data[0])).requires_grad_()
    bound = qp.ops.functions.bind_new_parameters(reading.preparation, [parameter])
    amplitudes = amplitudes_of(bound, reading.qubits)
    if len(amplitudes) == 1:
        gradient = gradient.sum(axis=0, keepdims=True)
    (found,) = torch.autograd.grad(amplitudes, parameter, torch.as_tensor(gradient).to(amplitudes.dtype))
    return found.numpy()


def _in_precision(value: torch.Tensor, dtype: type[np.floating[Any]]) -> Any:
    array = value.detach().resolve_conj().numpy()
    array = array.astype(np.result_type(dtype, np.complex64) if np.iscomplexobj(array) else dtype, copy=False)
    # One number is a numpy scalar, as from other devices: unlike an array without dimensions it can be formatted.
    return array[()]
