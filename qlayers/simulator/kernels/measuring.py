"""What is measured on a state, and the observables' cotangents applied to it."""

from __future__ import annotations

import numpy as np

from qlayers.simulator.kernels.compiling import jit
from qlayers.simulator.kernels.diagonals import walsh_hadamard_of_vectors
from qlayers.simulator.kernels.kinds import PROBABILITIES, STATE
from qlayers.simulator.kernels.vectors import load, parity, store

SUMMED_TOGETHER = 256
"""Amplitudes summed before they are added to the rest: one long sum of float32 loses digits at many qubits."""


@jit
def measure(re, im, measured, zero, out):
    """Expectation values of Pauli words, probabilities, or the state; ``out`` has shape (outputs, lanes).

    Word o maps the amplitude at i to ``i ^ flips[o]``, with a sign by the parity with ``rows[o]`` and a power of i, one
    for each Y in the word: ``signs[o]`` is 1, 2, -1 or -2 for 1, i, -1 or -i.
    """
    flips, rows, signs, states = measured.flips, measured.rows, measured.signs, measured.states
    if measured.kind == PROBABILITIES:
        for o in range(out.shape[0]):
            store(out, o, zero)
        for i in range(re.shape[0]):
            x, y = load(re, i), load(im, i)
            store(out, states[i], load(out, states[i]) + x * x + y * y)
        return
    if measured.kind == STATE:
        for i in range(re.shape[0]):
            store(out, states[i], load(re, i))
            store(out, states[i] + re.shape[0], load(im, i))
        return
    sizes = np.empty((re.shape[0] if measured.n_diagonal > 0 else 0, re.shape[1]), re.dtype)
    if measured.n_diagonal > 0:
        for i in range(re.shape[0]):
            x, y = load(re, i), load(im, i)
            store(sizes, i, x * x + y * y)
        walsh_hadamard_of_vectors(sizes)
    for o in range(flips.shape[0]):
        if flips[o] == 0:
            store(out, o, load(sizes, rows[o]))
            continue
        found = zero
        for first in range(0, re.shape[0], SUMMED_TOGETHER):
            last = min(first + SUMMED_TOGETHER, re.shape[0])
            found = found + _word_sum(re, im, first, last, flips[o], rows[o], signs[o], zero)
        store(out, o, zero - found if signs[o] < 0 else found)


@jit
def _word_sum(re, im, first, last, flip, row, sign, zero):
    """A Pauli word's sum over some of the amplitudes."""
    found = zero
    imaginary = sign == 2 or sign == -2
    for i in range(first, last):
        j = i ^ flip
        x, y, u, v = load(re, i), load(im, i), load(re, j), load(im, j)
        # conj(ψ_j) ψ_i, whose real part is wanted after multiplication by the power of i
        part = v * x - u * y if imaginary else u * x + v * y
        found = found - part if parity(i & row) else found + part
    return found


@jit
def apply_observable(re, im, lr, li, measured, zero, half, cotangents):
    """λ = Σ cotangent · observable ψ; ``cotangents`` has shape (outputs, lanes)."""
    flips, rows, signs, states = measured.flips, measured.rows, measured.signs, measured.states
    if measured.kind == STATE:
        for i in range(re.shape[0]):
            store(lr, i, half * load(cotangents, states[i]))
            store(li, i, half * load(cotangents, states[i] + re.shape[0]))
        return
    if measured.kind == PROBABILITIES:
        for i in range(re.shape[0]):
            factor = load(cotangents, states[i])
            store(lr, i, factor * load(re, i))
            store(li, i, factor * load(im, i))
        return
    lr[:], li[:] = 0, 0
    if measured.n_diagonal > 0:
        for o in range(flips.shape[0]):
            if flips[o] == 0:
                store(lr, rows[o], load(lr, rows[o]) + load(cotangents, o))
        walsh_hadamard_of_vectors(lr)
        for i in range(re.shape[0]):
            factor = load(lr, i)
            store(lr, i, factor * load(re, i))
            store(li, i, factor * load(im, i))
    for o in range(flips.shape[0]):
        if flips[o] != 0:
            c = load(cotangents, o)
            imaginary = signs[o] == 2 or signs[o] == -2
            for i in range(re.shape[0]):
                j = i ^ flips[o]
                x, y = c * load(re, i), c * load(im, i)
                if imaginary:
                    x, y = zero - y, x
                if (parity(i & rows[o]) == 1) != (signs[o] < 0):
                    x, y = zero - x, zero - y
                store(lr, j, load(lr, j) + x)
                store(li, j, load(li, j) + y)
