"""Qubits that nothing has entangled yet, simulated one by one."""

from __future__ import annotations

import numpy as np

from qlayers.simulator.kernels.compiling import jit
from qlayers.simulator.kernels.vectors import load, store


@jit
def position(bit):
    """The exponent of a power of two."""
    position = 0
    while bit > 1:
        bit >>= 1
        position += 1
    return position


@jit
def qubits(n_qubits, lanes, kind):
    """Room for one number a basis state of each qubit; qubits are ordered from the least significant bit."""
    return np.empty((n_qubits, 2, lanes), kind)


@jit
def start_product(re, im):
    """Every qubit in the state |0⟩."""
    re[:], im[:] = 0, 0
    re[:, 0] = 1


@jit
def multiply_out(re, im, qubit_re, qubit_im):
    """The state of all qubits from the states of each, by doubling."""
    re[0], im[0] = 1, 0
    for q in range(qubit_re.shape[0]):
        bit = 1 << q
        ar, ai, br, bi = (
            load(qubit_re[q], 0),
            load(qubit_im[q], 0),
            load(qubit_re[q], 1),
            load(qubit_im[q], 1),
        )
        for i in range(bit):
            x, y = load(re, i), load(im, i)
            store(re, i + bit, br * x - bi * y)
            store(im, i + bit, br * y + bi * x)
            store(re, i, ar * x - ai * y)
            store(im, i, ar * y + ai * x)


@jit
def contract(re, im, lr, li, qubit_re, qubit_im, qubit_lr, qubit_li, zero):
    """What is left of λ for each qubit once all others are contracted with their states, as ⟨λ|A|ψ⟩ does for A on it.

    ``re`` and ``im`` are overwritten: the product of the q qubits below qubit q is kept from index 2**q on. λ is
    overwritten by its contraction from above.
    """
    re[1], im[1] = 1, 0
    n_qubits = qubit_re.shape[0]
    for q in range(n_qubits - 1):
        bit = 1 << q
        ar, ai, br, bi = (
            load(qubit_re[q], 0),
            load(qubit_im[q], 0),
            load(qubit_re[q], 1),
            load(qubit_im[q], 1),
        )
        for i in range(bit):
            x, y = load(re, bit + i), load(im, bit + i)
            store(re, 2 * bit + i, ar * x - ai * y)
            store(im, 2 * bit + i, ar * y + ai * x)
            store(re, 3 * bit + i, br * x - bi * y)
            store(im, 3 * bit + i, br * y + bi * x)
    for q in range(n_qubits - 1, -1, -1):
        bit = 1 << q
        ar, ai, br, bi = (
            load(qubit_re[q], 0),
            load(qubit_im[q], 0),
            load(qubit_re[q], 1),
            load(qubit_im[q], 1),
        )
        sr, si, tr, ti = zero, zero, zero, zero
        for i in range(bit):
            x, y = load(re, bit + i), load(im, bit + i)
            cr, ci, dr, di = load(lr, i), load(li, i), load(lr, i + bit), load(li, i + bit)
            sr, si = sr + cr * x + ci * y, si + ci * x - cr * y
            tr, ti = tr + dr * x + di * y, ti + di * x - dr * y
            store(lr, i, cr * ar + ci * ai + dr * br + di * bi)
            store(li, i, ci * ar - cr * ai + di * br - dr * bi)
        store(qubit_lr[q], 0, sr)
        store(qubit_li[q], 0, si)
        store(qubit_lr[q], 1, tr)
        store(qubit_li[q], 1, ti)
