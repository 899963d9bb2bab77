"""Comparing a program with default.qubit, values and gradients, before it is used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pennylane as qp
import torch
from pennylane.measurements import VarianceMP
from pennylane.tape import QuantumScript

from qlayers.basis_states import bits_as_angles
from qlayers.simulator.trace import QuantumFunction
from qlayers.simulator.traced import TracedCircuit
from qlayers.simulator.unseen import values_unseen

COMPARED_WORK = 2**25
"""Gates times amplitudes up to which one sample takes default.qubit, and torch behind it, about a second."""
SMALL_WORK = 2**20
"""The same up to which three samples are compared."""

_CLOSE = {torch.float32: 2e-5, torch.float64: 1e-8}


def work_of(circuit: TracedCircuit) -> int:
    """Gates times amplitudes."""
    return max(1, circuit.program.packed.n_angles) * 2**circuit.program.n_qubits


def agrees_with_default_qubit(circuit: TracedCircuit, function: QuantumFunction, together: bool) -> bool:
    """Whether a program has default.qubit's values and gradients at random samples, weights and closures as they are.

    Args:
        circuit: The program.
        function: What it was traced from.
        together: Whether the function is given the samples as a batch, as it will be, or one by one.
    """
    function = function.reading(circuit.closures)
    generator = torch.Generator().manual_seed(1)
    dtype, n_features = function.dtype, function.n_features
    rows = 3 if work_of(circuit) <= SMALL_WORK else 1
    flat = function.random_weights(generator).requires_grad_()
    samples = torch.rand(rows, n_features, generator=generator, dtype=dtype).requires_grad_()
    n_bits = len(circuit.bits.features or circuit.bits.formula.results) if circuit.bits else 0  # type: ignore[union-attr]
    bits = torch.rand(rows, n_bits, generator=generator, dtype=dtype)

    if (
        circuit.initial is not None
    ):  # random samples are of no norm in particular, which is checked where it matters
        states = tuple(replace(state, is_checked=False) for state in circuit.initial.states)
        circuit = replace(circuit, initial=replace(circuit.initial, states=states))
    results = circuit.readout.results(circuit.run_with_bits(torch.cat([samples, bits], -1), flat))
    device = qp.device(
        "default.qubit", wires=list(function.labels) if function.labels is not None else None, seed=0
    )
    by_name = function.weights_of(flat)
    drawn = []
    for row, bit in zip(samples[None] if together else samples, bits[:1] if together else bits, strict=True):
        with values_unseen(), bits_as_angles(bit):
            drawn.append(function.draw(by_name, row))
    expected = [_reference(tape, device) for tape in drawn]
    references = expected[0] if together else [torch.stack(parts) for parts in zip(*expected, strict=True)]
    are_complex = [a.is_complex() or b.is_complex() for a, b in zip(results, references, strict=True)]
    found, wanted = _real(results, are_complex), _real(references, are_complex)
    tolerance = _CLOSE[dtype]
    for ours, theirs in zip(found, wanted, strict=True):
        if not torch.allclose(ours, theirs.reshape(ours.shape).to(ours), rtol=0.0, atol=tolerance):
            return False
    cotangents = [torch.rand(part.shape, generator=generator, dtype=dtype) for part in found]
    trained = [closure for closure in function.closures if closure.requires_grad]
    by_flat, by_samples = _gradients(found, cotangents, [flat, samples])
    by_weights, by_samples_too, *by_closures = _gradients(wanted, cotangents, [flat, samples, *trained])
    pairs = [(by_samples, by_samples_too), (by_flat[: function.n_weights], by_weights[: function.n_weights])]
    start = function.n_weights
    for closure in function.closures:
        if closure.requires_grad:
            pairs.append((by_flat[start : start + closure.numel()], by_closures.pop(0).reshape(-1)))
        start += closure.numel()
    of_all = math.sqrt(sum(part.numel() for part in found))
    for ours, theirs in pairs:
        scale = of_all * max(1.0, float(theirs.abs().max()) if theirs.numel() else 0.0)
        if not torch.allclose(ours.double(), theirs.double(), rtol=0.0, atol=5 * tolerance * scale):
            return False
    return True


def _gradients(
    results: Sequence[torch.Tensor], cotangents: Sequence[torch.Tensor], at: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    total: Any = sum(
        (c.double() * part.reshape(c.shape)).sum() for c, part in zip(cotangents, results, strict=True)
    )
    if not total.requires_grad:
        return [torch.zeros_like(tensor) for tensor in at]
    found = torch.autograd.grad(total, at, allow_unused=True)
    return [
        torch.zeros_like(tensor) if gradient is None else gradient
        for tensor, gradient in zip(at, found, strict=True)
    ]


def _real(results: Sequence[torch.Tensor], are_complex: Sequence[bool]) -> list[torch.Tensor]:
    """Real parts, and imaginary parts where any result of the two sides has some."""
    parts = []
    for result, is_complex in zip(results, are_complex, strict=True):
        value = result + 0j if is_complex else result
        parts += [value.real.double(), value.imag.double()] if is_complex else [value.double()]
    return parts


def _reference(tape: QuantumScript, device: qp.devices.Device) -> list[torch.Tensor]:
    """What default.qubit makes of a circuit, differentiable.

    Variances are taken from expectation values of the observable and its square: default.qubit 0.45 takes that of a sum
    from eigenvectors that it remembers by a hash without the order of the wires, and so at times from those of another
    order.
    """
    measurements = []
    for measurement in tape.measurements:
        if isinstance(measurement, VarianceMP) and measurement.obs is not None:
            observable = measurement.obs
            squared = qp.matrix(observable) @ qp.matrix(observable)
            measurements += [qp.expval(qp.Hermitian(squared, wires=observable.wires)), qp.expval(observable)]
        else:
            measurements.append(measurement)
    (results,) = qp.execute(
        [QuantumScript(tape.operations, measurements)], device, diff_method="backprop", interface="torch"
    )
    remaining = iter([torch.as_tensor(r) for r in (results if len(measurements) > 1 else [results])])
    found = []
    for measurement in tape.measurements:
        value = next(remaining)
        if isinstance(measurement, VarianceMP) and measurement.obs is not None:
            value = value - next(remaining) ** 2
        found.append(value)
    return found
