"""Gates in the general form: a rotation in SU(2), a phase by parity, a table of signs.

A phase with no row is a global one; programs have it only where the state itself is measured.
"""

from __future__ import annotations

from qlayers.simulator.kernels.compiling import jit
from qlayers.simulator.kernels.vectors import load, parity, store


@jit
def rotate(re, im, mask, row, rotation):
    """Apply a rotation, its four numbers in the rows of ``rotation``."""
    p, q, r, s = load(rotation, 0), load(rotation, 1), load(rotation, 2), load(rotation, 3)
    low = mask & -mask
    for high in range(0, re.shape[0], 2 * low):
        for i in range(high, high + low):
            flipped = mask & -parity(i & row)
            a = i ^ flipped
            b = a ^ mask
            xr, xi, yr, yi = load(re, a), load(im, a), load(re, b), load(im, b)
            store(re, a, p * xr - q * xi + r * yr - s * yi)
            store(im, a, p * xi + q * xr + r * yi + s * yr)
            store(re, b, p * yr + q * yi - r * xr - s * xi)
            store(im, b, p * yi - q * yr - r * xi + s * xr)


@jit
def rotate_back(re, im, lr, li, mask, row, rotation, zero):
    """Undo a rotation on ψ and λ; the result is Im⟨λ|σ|ψ⟩ for σ = X, Y, Z."""
    p, q, r, s = load(rotation, 0), load(rotation, 1), load(rotation, 2), load(rotation, 3)
    low = mask & -mask
    gx, gy, gz = zero, zero, zero
    for high in range(0, re.shape[0], 2 * low):
        for i in range(high, high + low):
            flipped = mask & -parity(i & row)
            a = i ^ flipped
            b = a ^ mask
            xr, xi, yr, yi = load(re, a), load(im, a), load(re, b), load(im, b)
            ar = p * xr + q * xi - r * yr + s * yi
            ai = p * xi - q * xr - r * yi - s * yr
            br = p * yr - q * yi + r * xr + s * xi
            bi = p * yi + q * yr + r * xi - s * xr
            store(re, a, ar)
            store(im, a, ai)
            store(re, b, br)
            store(im, b, bi)
            xr, xi, yr, yi = load(lr, a), load(li, a), load(lr, b), load(li, b)
            cr = p * xr + q * xi - r * yr + s * yi
            ci = p * xi - q * xr - r * yi - s * yr
            dr = p * yr - q * yi + r * xr + s * xi
            di = p * yi + q * yr + r * xi - s * xr
            store(lr, a, cr)
            store(li, a, ci)
            store(lr, b, dr)
            store(li, b, di)
            gx = gx + cr * bi - ci * br + dr * ai - di * ar
            gy = gy + dr * ar + di * ai - cr * br - ci * bi
            gz = gz + cr * ai - ci * ar - dr * bi + di * br
    return gx, gy, gz


@jit
def turn_by_parity(re, im, row, c, d):
    """Multiply by ``c - i d`` where the parity with ``row`` is even, by ``c + i d`` where it is odd."""
    for i in range(re.shape[0]):
        x, y = load(re, i), load(im, i)
        if parity(i & row):
            store(re, i, c * x - d * y)
            store(im, i, c * y + d * x)
        else:
            store(re, i, c * x + d * y)
            store(im, i, c * y - d * x)


@jit
def phase_gradient(re, im, lr, li, row, zero):
    """Im⟨λ|P|ψ⟩ for P = ±1 by the parity with ``row``; it is the same before and after the gate."""
    found = zero
    for i in range(re.shape[0]):
        overlap = load(lr, i) * load(im, i) - load(li, i) * load(re, i)
        found = found - overlap if parity(i & row) else found + overlap
    return found


@jit
def flip_signs(re, im, signs, zero):
    """Apply a table of ±1."""
    for i in range(re.shape[0]):
        if signs[i] < 0:
            store(re, i, zero - load(re, i))
            store(im, i, zero - load(im, i))
