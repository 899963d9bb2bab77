"""Floating-point operations of a program's steps, counted off the compiled loops' arithmetic.

An addition, a subtraction and a multiplication count one each, a fused multiply-add two, a change of sign none. Counted
is what is done to amplitudes, a sample at a time. Left out is what does not grow with the state or is done once a
batch: angles, their sines and cosines, the composition of rotations, tables of phases; and the lanes of a block that
hold no sample.
"""

from __future__ import annotations

from typing import NamedTuple

from qlayers.simulator.kernels import kinds
from qlayers.simulator.kernels.kinds import PROBABILITIES, STATE
from qlayers.simulator.kernels.unpacking import unpack
from qlayers.simulator.program import Measured, Program


class Flops(NamedTuple):
    """Of one sample, on the way there and back."""

    forward: int
    backward: int

    def __add__(self, other: object) -> Flops:
        if not isinstance(other, Flops):
            return NotImplemented
        return Flops(self.forward + other.forward, self.backward + other.backward)

    def times(self, number: int) -> Flops:
        """So many of them."""
        return Flops(number * self.forward, number * self.backward)


# A pair of amplitudes under a rotation in SU(2): four numbers, each of four products. Backwards that is undone on ψ and
# on λ, and Im⟨λ|σ|ψ⟩ gains four products for each of X, Y, Z.
_PAIR = Flops(4 * 7, 2 * 4 * 7 + 3 * 8)
_ROTATION = Flops(_PAIR.forward // 2, _PAIR.backward // 2)
# A phase: a complex product; backwards two, and Im(conj(λ) ψ), summed.
_PHASE = Flops(6, 2 * 6 + 4)
# A rotation about Y: each number of two products, for real and imaginary part; backwards twice that, and two products
# for each, which are added.
_TURN = Flops(6, 2 * 6 + 4)
_AN_AMPLITUDE = {
    "SHARED_ROTATION": _ROTATION,
    "SAMPLED_ROTATION": _ROTATION,
    "SHARED_PHASE": _PHASE,
    "SAMPLED_PHASE": _PHASE,
    "SIGNS": Flops(0, 0),
    "PHASES": _PHASE,
}
_ROTATIONS = ("SHARED_ROTATION", "SAMPLED_ROTATION")


def flops_of(program: Program) -> Flops:
    """Count them.

    Raises:
        ValueError: If the program has a kind of step that is not known here.
    """
    names = {
        getattr(kinds, name): name
        for name in (*_AN_AMPLITUDE, "SAMPLED_PHASES", "TURNS")
        if hasattr(kinds, name)
    }
    plan, *_ = unpack(*program.packed[:3])
    size = 2**program.n_qubits
    count = Flops(0, 0)
    for number, (kind, _, many, _) in enumerate(plan.steps.tolist()):
        name = names.get(kind)
        if name is None:
            raise ValueError(f"A step of kind {kind} is not known to benchmarks/flops.py: add what it costs.")
        if number < plan.n_product:
            # One pair alone; on the way back the qubit's state is found again first.
            count += Flops(_PAIR.forward, _PAIR.forward + _PAIR.backward)
        elif name == "SAMPLED_PHASES":
            # Two transforms of the phases and one of the overlaps, besides the phase of each amplitude.
            count += Flops(6 + program.n_qubits, 2 * 6 + 3 + 2 * program.n_qubits).times(size)
        elif name == "TURNS":
            count += _TURN.times(many * size)
        else:
            count += _AN_AMPLITUDE[name].times(size)
    if plan.n_product:
        count += _of_product(size)
    return count + _of_measurement(program.measured, program.n_qubits)


def _of_product(size: int) -> Flops:
    """The state of all qubits from each one's by doubling; the way back is λ contracted with them qubit by qubit."""
    return Flops(12 * (size - 1), 12 * (size // 2 - 1) + 30 * (size - 1))


def _of_measurement(measured: Measured, n_qubits: int) -> Flops:
    """Outputs, and λ from the cotangents.

    Words of Z come from |ψ|² by one Walsh-Hadamard transform, which takes one addition an amplitude and qubit, or are
    counted as if they did.
    """
    size = 2**n_qubits
    if measured.kind == STATE:
        return Flops(0, 2 * size)
    if measured.kind == PROBABILITIES:
        return Flops(4 * size, 2 * size)
    n_flipping = int((measured.flips != 0).sum())
    count = Flops(4, 4).times(n_flipping * size)
    if n_flipping < len(measured.flips):
        count += Flops(3 + n_qubits, 2 + n_qubits).times(size)
    return count
