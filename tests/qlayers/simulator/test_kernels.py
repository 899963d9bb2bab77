"""Parts of the compiled kernels by themselves."""

from __future__ import annotations

import dataclasses

import numba
import numpy as np
import pytest
import torch

from qlayers.simulator import on_cpu
from qlayers.simulator.execute import execute
from qlayers.simulator.kernels import circuits
from qlayers.simulator.kernels.kinds import X, Y, Z
from qlayers.simulator.kernels.rotations import sine_and_cosine
from qlayers.simulator.kernels.unpacking import unpack
from qlayers.simulator.kernels.vectors import VECTOR_BYTES, load, splat, store, total
from qlayers.simulator.program import Angle, Builder, Program, Word


@numba.njit
def _sines_and_cosines(angles, sines, cosines):
    for row in range(angles.shape[0]):
        sine, cosine = sine_and_cosine(load(angles, row), angles.dtype.type)
        store(sines, row, sine)
        store(cosines, row, cosine)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("largest", [3.0, 100.0, 1e6])
def test_sines_and_cosines_to_a_unit_in_the_last_place(dtype, largest):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    angles = np.random.default_rng(0).uniform(-largest, largest, (1000, lanes)).astype(dtype)
    angles[0] = np.arange(lanes) * np.pi / 4
    sines, cosines = np.empty_like(angles), np.empty_like(angles)
    _sines_and_cosines(angles, sines, cosines)
    exact = angles.astype(np.longdouble)
    for found, wanted in ((sines, np.sin(exact)), (cosines, np.cos(exact))):
        assert abs(found - wanted).max() <= 1.5 * np.finfo(dtype).eps


@numba.njit
def _total(row, zero):
    return total(load(row, 0) + splat(zero))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_total_of_a_vector(dtype):
    row = np.arange(1, VECTOR_BYTES // np.dtype(dtype).itemsize + 1, dtype=dtype).reshape(1, -1)
    assert _total(row, dtype(0)) == row.sum()


def plan_of(program: Program):
    """The schedule that a program's loops run."""
    return unpack(*program.packed[:3])[0]


def rotations_on_one_qubit_then(entangled: bool):
    """Two rotations a qubit, one of them by a feature; with or without an entangling gate that undoes itself."""
    builder = Builder(3, 3, 2)
    if entangled:
        for _ in range(2):
            builder.cz(0, 1)
    for qubit in range(3):
        builder.rotate(qubit, (X, Y, Y)[qubit], Angle(0.2, ((3 + qubit % 2, -1, 1.0),)))
        builder.rotate(qubit, (Y, Z, X)[qubit], Angle(0.0, ((qubit, 0, 1.0),)))
    builder.cnot(0, 1)
    builder.rotate(1, Y, Angle(0.0, ((2, 4, 0.5),)))
    return builder.finish_with_words([Word(((0, "Z"),)), Word(((1, "X"), (2, "Y")))])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_qubits_apart_give_what_qubits_together_give(dtype):
    apart, together = rotations_on_one_qubit_then(False), rotations_on_one_qubit_then(True)
    assert (plan_of(apart).n_product, plan_of(together).n_product) == (6, 0)
    samples = torch.rand(21, 2, dtype=dtype, requires_grad=True)
    weights = torch.rand(3, dtype=dtype, requires_grad=True)
    tolerance = {torch.float32: 1e-6, torch.float64: 1e-14}[dtype]
    found, wanted = (execute(program, samples, weights) for program in (apart, together))
    torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance)
    cotangents = torch.rand_like(found)
    for one, other in zip(
        torch.autograd.grad(found, [samples, weights], cotangents),
        torch.autograd.grad(wanted, [samples, weights], cotangents),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=50 * tolerance)


@pytest.mark.parametrize("axes", [(X, Z), (X, Y, X)])
def test_rotations_that_are_not_kept_are_composed_again(axes):
    """A deep circuit of few qubits: what depends on the sample would outgrow the state."""
    builder = Builder(1, 0, 1)
    for _ in range(12):
        for axis in axes:
            builder.rotate(0, axis, Angle(0.0, ((0, -1, 1.0),)))
        builder.multi_rz([0], 0.3)
    program = builder.finish_with_words([Word(((0, "Z"),))])
    samples = torch.rand(3, 1, dtype=torch.float64, requires_grad=True)
    weights = torch.empty(0, dtype=torch.float64)
    assert on_cpu.Pass(program, samples, weights)._given[-1] == 0
    assert torch.autograd.gradcheck(lambda rows: execute(program, rows, weights), samples)


@pytest.mark.parametrize("n_qubits", [3, 8])
def test_a_chain_that_depends_on_the_sample_in_part(n_qubits):
    """From seven qubits on such rotations are composed for every sample; their shared angles have gradients too."""
    builder = Builder(n_qubits, 2, 1)
    builder.cz(0, 1)
    for _ in range(2):
        builder.rotate(0, Y, Angle(0.3, ((0, -1, 1.0),)))
        builder.rotate(0, X, Angle(0.0, ((2, -1, 1.0),)))
        builder.rotate(0, Z, Angle(0.1, ((1, 0, 1.0),)))
        builder.rotate(0, Y, 0.4)
    program = builder.finish_with_words([Word(((0, "X"),)), Word(((0, "Z"), (1, "Z")))])
    assert len(plan_of(program).chains.kept) == (1 if n_qubits == 8 else 0)
    samples = torch.rand(19, 1, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *given: execute(program, *given), (samples, weights))


def read_only(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def test_nothing_is_compiled_for_arrays_that_are_read_only_or_not_aligned():
    """Programs that were loaded from a memory map are read-only."""
    program = rotations_on_one_qubit_then(True)
    packed = program.packed
    tables = {name: read_only(getattr(packed, name)) for name in ("integers", "numbers", "signs")}
    mapped = dataclasses.replace(program, packed=packed._replace(**tables))
    samples, weights = torch.rand(5, 2), torch.rand(3)
    apart = torch.frombuffer(bytearray(1 + samples.nbytes), dtype=torch.float32, offset=1).view(5, 2)
    assert not apart.numpy().flags.aligned
    apart.copy_(samples)
    wanted = execute(program, samples.requires_grad_(), weights)
    by_sample = torch.autograd.grad(wanted.sum(), samples)[0]
    before = len(circuits.forward.signatures), len(circuits.backward.signatures)
    found = execute(mapped, apart.requires_grad_(), weights)
    assert torch.equal(found, wanted)
    assert torch.equal(torch.autograd.grad(found.sum(), apart)[0], by_sample)
    assert (len(circuits.forward.signatures), len(circuits.backward.signatures)) == before
