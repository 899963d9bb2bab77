"""Rotations about Y, which mix no real part with an imaginary one, up to three qubits in a pass over the state.

Qubit k of a group flips the index by ``mask_k`` and is read off it as the parity with ``row_k``; no mask changes the
parity with another's row. So the indices fall into sets of eight, or of four or two in smaller groups, that the turns
mix. Each set is known by the index in it at which all qubits of the group are 0. This is linear in the number of the
set: with the first few in a table, an exclusive or gives the others.
"""

from __future__ import annotations

from qlayers.simulator.kernels.compiling import jit
from qlayers.simulator.kernels.vectors import load, parity, store

AT_ONCE = 64
"""Sets in the table of first ones: a power of two."""


@jit
def _turned(c, s, x, y):
    """``exp(-i angle/2 Y)`` on the amplitudes of |0⟩ and |1⟩; c and s are cosine and sine of half the angle."""
    return c * x - s * y, s * x + c * y


@jit
def first_of(number, pivots, count, masks, rows):
    """The index that stands for the set of this number; one index of each set has zeros at the pivots."""
    index = number
    for k in range(count):
        below = (1 << pivots[k]) - 1
        index = (index & ~below) << 1 | (index & below)
    for k in range(count):
        index ^= masks[k] & -parity(index & rows[k])
    return index


@jit
def turn(re, im, count, masks, rows, pivots, firsts, angles):
    """Turn up to three qubits; ``angles`` has cosines and sines of half the angles, (3, 2, lanes)."""
    cf, sf = load(angles[0], 0), load(angles[0], 1)
    cg, sg = load(angles[1], 0), load(angles[1], 1)
    ch, sh = load(angles[2], 0), load(angles[2], 1)
    n_sets = re.shape[0] >> count
    firsts = firsts[: min(AT_ONCE, n_sets)]
    for start in range(0, n_sets, AT_ONCE):
        base = first_of(start, pivots, count, masks, rows) if start > 0 else 0
        if count == 1:
            for first in firsts:
                _turn_one(re, base ^ first, masks[0], cf, sf)
                _turn_one(im, base ^ first, masks[0], cf, sf)
        elif count == 2:
            f, g = masks[0], masks[1]
            for first in firsts:
                _turn_two(re, base ^ first, f, g, cf, sf, cg, sg)
                _turn_two(im, base ^ first, f, g, cf, sf, cg, sg)
        else:
            f, g, h = masks[0], masks[1], masks[2]
            for first in firsts:
                _turn_three(re, base ^ first, f, g, h, cf, sf, cg, sg, ch, sh)
                _turn_three(im, base ^ first, f, g, h, cf, sf, cg, sg, ch, sh)


@jit
def turn_back(re, im, lr, li, count, masks, rows, pivots, firsts, angles, zero):
    """Undo the turns on ψ and λ; the result is Im⟨λ|Y|ψ⟩ for each qubit, zero from ``count`` on."""
    cf, sf = load(angles[0], 0), zero - load(angles[0], 1)
    cg, sg = load(angles[1], 0), zero - load(angles[1], 1)
    ch, sh = load(angles[2], 0), zero - load(angles[2], 1)
    n_sets = re.shape[0] >> count
    firsts = firsts[: min(AT_ONCE, n_sets)]
    tf, tg, th = zero, zero, zero
    for start in range(0, n_sets, AT_ONCE):
        base = first_of(start, pivots, count, masks, rows) if start > 0 else 0
        # Sums of their own for each part: one long sum of float32 loses digits.
        pf, pg, ph = zero, zero, zero
        if count == 1:
            f = masks[0]
            for first in firsts:
                pf = _turn_one_back(re, lr, base ^ first, f, cf, sf, pf)
                pf = _turn_one_back(im, li, base ^ first, f, cf, sf, pf)
        elif count == 2:
            f, g = masks[0], masks[1]
            for first in firsts:
                pf, pg = _turn_two_back(re, lr, base ^ first, f, g, cf, sf, cg, sg, pf, pg)
                pf, pg = _turn_two_back(im, li, base ^ first, f, g, cf, sf, cg, sg, pf, pg)
        else:
            f, g, h = masks[0], masks[1], masks[2]
            for first in firsts:
                a = base ^ first
                pf, pg, ph = _turn_three_back(re, lr, a, f, g, h, cf, sf, cg, sg, ch, sh, pf, pg, ph)
                pf, pg, ph = _turn_three_back(im, li, a, f, g, h, cf, sf, cg, sg, ch, sh, pf, pg, ph)
        tf, tg, th = tf + pf, tg + pg, th + ph
    return tf, tg, th


# ---------------------------------------------------------------- one group of amplitudes


@jit
def _turn_one(x, a, f, c, s):
    x0, x1 = _turned(c, s, load(x, a), load(x, a ^ f))
    store(x, a, x0)
    store(x, a ^ f, x1)


@jit
def _turn_two(x, a, f, g, cf, sf, cg, sg):
    b, c, d = a ^ f, a ^ g, a ^ f ^ g
    x0, x1 = _turned(cf, sf, load(x, a), load(x, b))
    x2, x3 = _turned(cf, sf, load(x, c), load(x, d))
    x0, x2 = _turned(cg, sg, x0, x2)
    x1, x3 = _turned(cg, sg, x1, x3)
    store(x, a, x0)
    store(x, b, x1)
    store(x, c, x2)
    store(x, d, x3)


@jit
def _turn_three(x, a, f, g, h, cf, sf, cg, sg, ch, sh):
    b, c, d = a ^ f, a ^ g, a ^ f ^ g
    x0, x1 = _turned(cf, sf, load(x, a), load(x, b))
    x2, x3 = _turned(cf, sf, load(x, c), load(x, d))
    x4, x5 = _turned(cf, sf, load(x, a ^ h), load(x, b ^ h))
    x6, x7 = _turned(cf, sf, load(x, c ^ h), load(x, d ^ h))
    x0, x2 = _turned(cg, sg, x0, x2)
    x1, x3 = _turned(cg, sg, x1, x3)
    x4, x6 = _turned(cg, sg, x4, x6)
    x5, x7 = _turned(cg, sg, x5, x7)
    x0, x4 = _turned(ch, sh, x0, x4)
    x1, x5 = _turned(ch, sh, x1, x5)
    x2, x6 = _turned(ch, sh, x2, x6)
    x3, x7 = _turned(ch, sh, x3, x7)
    store(x, a, x0)
    store(x, b, x1)
    store(x, c, x2)
    store(x, d, x3)
    store(x, a ^ h, x4)
    store(x, b ^ h, x5)
    store(x, c ^ h, x6)
    store(x, d ^ h, x7)


@jit
def _turn_one_back(x, y, a, f, c, s, pf):
    x0, x1, y0, y1 = load(x, a), load(x, a ^ f), load(y, a), load(y, a ^ f)
    _turn_one(x, a, f, c, s)
    _turn_one(y, a, f, c, s)
    return pf + y1 * x0 - y0 * x1


@jit
def _turn_two_back(x, y, a, f, g, cf, sf, cg, sg, pf, pg):
    b, c, d = a ^ f, a ^ g, a ^ f ^ g
    x0, x1, x2, x3 = load(x, a), load(x, b), load(x, c), load(x, d)
    y0, y1, y2, y3 = load(y, a), load(y, b), load(y, c), load(y, d)
    pf = pf + y1 * x0 - y0 * x1 + y3 * x2 - y2 * x3
    pg = pg + y2 * x0 - y0 * x2 + y3 * x1 - y1 * x3
    _turn_two(x, a, f, g, cf, sf, cg, sg)
    _turn_two(y, a, f, g, cf, sf, cg, sg)
    return pf, pg


@jit
def _turn_three_back(x, y, a, f, g, h, cf, sf, cg, sg, ch, sh, pf, pg, ph):
    b, c, d = a ^ f, a ^ g, a ^ f ^ g
    x0, x1, x2, x3 = load(x, a), load(x, b), load(x, c), load(x, d)
    x4, x5, x6, x7 = load(x, a ^ h), load(x, b ^ h), load(x, c ^ h), load(x, d ^ h)
    y0, y1, y2, y3 = load(y, a), load(y, b), load(y, c), load(y, d)
    y4, y5, y6, y7 = load(y, a ^ h), load(y, b ^ h), load(y, c ^ h), load(y, d ^ h)
    pf = pf + y1 * x0 - y0 * x1 + y3 * x2 - y2 * x3 + y5 * x4 - y4 * x5 + y7 * x6 - y6 * x7
    pg = pg + y2 * x0 - y0 * x2 + y3 * x1 - y1 * x3 + y6 * x4 - y4 * x6 + y7 * x5 - y5 * x7
    ph = ph + y4 * x0 - y0 * x4 + y5 * x1 - y1 * x5 + y6 * x2 - y2 * x6 + y7 * x3 - y3 * x7
    _turn_three(x, a, f, g, h, cf, sf, cg, sg, ch, sh)
    _turn_three(y, a, f, g, h, cf, sf, cg, sg, ch, sh)
    return pf, pg, ph
