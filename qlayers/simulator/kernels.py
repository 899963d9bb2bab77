"""Compiled loops: a block of samples carried through a circuit, and back for the gradients.

A block holds as many samples as fill a cache line. Its state is two arrays, real and imaginary parts, of shape
``(2**n_qubits, lanes)``: samples are innermost, so that every gate is the same arithmetic on whole vectors, whatever
its qubit. Gates are one-qubit rotations and phases; what CNOT and SWAP gates do is in the masks (see
:mod:`qlayers.simulator.frame`).

A rotation in SU(2) is written as four real numbers, ``[[p + iq, r + is], [-r + is, p - iq]]``. A phase with no row is
a global one; programs have it only where the state itself is measured.
"""

from __future__ import annotations

import hashlib
import inspect

import numba
import numpy as np

from qlayers.simulator import vectors
from qlayers.simulator.compile_once import keep
from qlayers.simulator.vectors import load, nearest, parity, splat, store, total

SHARED_ROTATION, SAMPLED_ROTATION, SHARED_PHASE, SAMPLED_PHASE, SIGNS = range(5)
WORDS, PROBABILITIES, STATE = range(3)
SUMMED_TOGETHER = 256
"""Amplitudes summed before they are added to the rest: one long sum of float32 loses digits at many qubits."""

_OPTIONS = {"nogil": True, "boundscheck": False, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


# numba keeps what it compiled by name, and compiles anew when this file changes; the name says when the vectors change.
_VECTORS = hashlib.sha256(inspect.getsource(vectors).encode()).hexdigest()[:8]


def _jit(function):
    function.__qualname__ = f"{function.__name__}_{_VECTORS}"
    return keep(numba.njit(**_OPTIONS)(function))


# ---------------------------------------------------------------- angles and rotations


@_jit
def angle_of(polynomials, angle, weights, sample):
    """``offset`` plus terms ``coefficient · v[a] · v[b]``, where v is the weights followed by the sample's features."""
    n_weights = weights.shape[0]
    value = polynomials.offsets[angle]
    for t in range(polynomials.start[angle], polynomials.start[angle + 1]):
        a, b = polynomials.terms[t, 0], polynomials.terms[t, 1]
        product = polynomials.coefficients[t] * (weights[a] if a < n_weights else sample[a - n_weights])
        if b >= 0:
            product *= weights[b] if b < n_weights else sample[b - n_weights]
        value += product
    return value


@_jit
def _sine_and_cosine(angle, kind):
    """Of a vector, in radians, by the polynomials of the Cephes library (Moshier) after reduction by multiples of π/2.

    Good to a few units in the last place up to about a million radians. The math library takes one number at a time,
    and longer than all the gates of a small circuit. The parts of π/2 are short, so that their multiples are exact.
    """
    turns = nearest(angle * splat(kind(0.6366197723675814)))
    x = angle - turns * splat(kind(1.5703125)) - turns * splat(kind(4.837512969970703125e-4))
    x = x - turns * splat(kind(7.54978995489188216e-8))
    y = x * x
    one, half, two = splat(kind(1.0)), splat(kind(0.5)), splat(kind(2.0))
    sine = splat(kind(1.58962301576546568060e-10))
    sine = sine * y - splat(kind(2.50507477628578072866e-8))
    sine = sine * y + splat(kind(2.75573136213857245213e-6))
    sine = sine * y - splat(kind(1.98412698295895385996e-4))
    sine = sine * y + splat(kind(8.33333333332211858878e-3))
    sine = sine * y - splat(kind(1.66666666666666307295e-1))
    sine = x + x * y * sine
    cosine = splat(kind(2.08757008419747316778e-9)) - y * splat(kind(1.13585365213876817300e-11))
    cosine = cosine * y - splat(kind(2.75573141792967388112e-7))
    cosine = cosine * y + splat(kind(2.48015872888517045348e-5))
    cosine = cosine * y - splat(kind(1.38888888888730564116e-3))
    cosine = cosine * y + splat(kind(4.16666666666665929218e-2))
    cosine = one - half * y + y * y * cosine
    # turns modulo 4 in two bits, by the floor of its half and of its fourth
    quarter = splat(kind(0.25))
    halves = nearest(half * turns - quarter)
    odd = turns - two * halves
    fourths = nearest(half * halves - quarter)
    sign = one - two * (halves - two * fourths)
    across, along = sign * odd, sign - sign * odd
    return sine * along + cosine * across, cosine * along - sine * across


@_jit
def _then(axis, c, d, p, q, r, s):
    """A rotation (p, q, r, s) followed by ``c + i d σ`` for σ = X, Y, Z by axis."""
    if axis == 0:
        return c * p - d * s, c * q - d * r, c * r + d * q, c * s + d * p
    if axis == 1:
        return c * p - d * r, c * q + d * s, c * r + d * p, c * s - d * q
    return c * p - d * q, c * q + d * p, c * r - d * s, c * s + d * r


@_jit
def _turned(axis, c, d, x, y, z):
    """The direction (x, y, z) turned about an axis by the angle of cosine c and sine d."""
    if axis == 0:
        return x, c * y + d * z, c * z - d * y
    if axis == 1:
        return c * x - d * z, y, c * z + d * x
    return c * x + d * y, c * y - d * x, z


@_jit
def _compose_shared(gates, chain, angles, out):
    """The product of a chain of rotations, the same for every lane, to ``out`` (4, lanes); ``angles`` is (angles,)."""
    p, q, r, s = 1.0, 0.0, 0.0, 0.0
    for k in range(gates.chain_start[chain], gates.chain_start[chain + 1]):
        half = 0.5 * angles[gates.chain_angle[k]]
        p, q, r, s = _then(gates.chain_axis[k], np.cos(half), -np.sin(half), p, q, r, s)
    out[0], out[1], out[2], out[3] = p, q, r, s


@_jit
def _compose(gates, chain, angles, zero, out):
    """The product of a chain of rotations, lane by lane, to ``out`` (4, lanes); ``angles`` is (angles, lanes)."""
    kind = out.dtype.type
    p, q, r, s = splat(kind(1.0)), zero, zero, zero
    for k in range(gates.chain_start[chain], gates.chain_start[chain + 1]):
        d, c = _sine_and_cosine(splat(kind(0.5)) * load(angles, gates.chain_angle[k]), kind)
        p, q, r, s = _then(gates.chain_axis[k], c, zero - d, p, q, r, s)
    store(out, 0, p)
    store(out, 1, q)
    store(out, 2, r)
    store(out, 3, s)


@_jit
def _unchain_shared(gates, chain, angles, gradient, out):
    """Add the derivative with respect to every angle of a chain to ``out`` (angles,).

    ``gradient`` (3,) is Im⟨λ|σ|ψ⟩ for σ = X, Y, Z before the chain. The k-th rotation's derivative is the component
    along its axis as the rotations before it turn it.
    """
    first = gates.chain_start[chain]
    for k in range(first, gates.chain_start[chain + 1]):
        axis = gates.chain_axis[k]
        x, y, z = 1.0 * (axis == 0), 1.0 * (axis == 1), 1.0 * (axis == 2)
        for before in range(k - 1, first - 1, -1):
            theta = angles[gates.chain_angle[before]]
            x, y, z = _turned(gates.chain_axis[before], np.cos(theta), np.sin(theta), x, y, z)
        out[gates.chain_angle[k]] += x * gradient[0] + y * gradient[1] + z * gradient[2]


@_jit
def _unchain(gates, chain, angles, zero, gradient, out):
    """The same lane by lane: ``angles`` and ``out`` (angles, lanes), ``gradient`` three vectors."""
    kind = out.dtype.type
    one = splat(kind(1.0))
    first = gates.chain_start[chain]
    for k in range(first, gates.chain_start[chain + 1]):
        axis = gates.chain_axis[k]
        x, y, z = zero, zero, zero
        if axis == 0:
            x = one
        elif axis == 1:
            y = one
        else:
            z = one
        for before in range(k - 1, first - 1, -1):
            d, c = _sine_and_cosine(load(angles, gates.chain_angle[before]), kind)
            x, y, z = _turned(gates.chain_axis[before], c, d, x, y, z)
        found = x * gradient[0] + y * gradient[1] + z * gradient[2]
        store(out, gates.chain_angle[k], load(out, gates.chain_angle[k]) + found)


@_jit
def _collect(gates, code, slot, angles, zero, gradient, chain_gradients, block, angle_gradient):
    """Take up what :func:`_rotate_back` found: for a shared chain its sum over lanes, else by angle and lane."""
    if code == SHARED_ROTATION:
        for c in range(3):
            chain_gradients[block, slot, c] = total(gradient[c])
    else:
        _unchain(gates, slot, angles, zero, gradient, angle_gradient)


@_jit
def _phase(code, slot, shared_angles, angles):
    """Cosine and sine of half a phase's angle, lane by lane."""
    kind = angles.dtype.type
    if code == SHARED_PHASE:
        half = 0.5 * shared_angles[slot]
        return splat(kind(np.cos(half))), splat(kind(np.sin(half)))
    sine, cosine = _sine_and_cosine(splat(kind(0.5)) * load(angles, slot), kind)
    return cosine, sine


# ---------------------------------------------------------------- qubits that nothing has entangled yet


@_jit
def _position(bit):
    """The exponent of a power of two."""
    position = 0
    while bit > 1:
        bit >>= 1
        position += 1
    return position


@_jit
def _qubits(n_qubits, lanes, kind):
    """Room for one number a basis state of each qubit; qubits are ordered from the least significant bit."""
    return np.empty((n_qubits, 2, lanes), kind)


@_jit
def _start_product(re, im):
    re[:], im[:] = 0, 0
    re[:, 0] = 1


@_jit
def _multiply_out(re, im, qubit_re, qubit_im):
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


@_jit
def _contract(re, im, lr, li, qubit_re, qubit_im, qubit_lr, qubit_li, zero):
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


# ---------------------------------------------------------------- gates


@_jit
def _rotate(re, im, mask, row, rotation):
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


@_jit
def _rotate_back(re, im, lr, li, mask, row, rotation, zero):
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


@_jit
def _turn(re, im, row, c, d):
    """Multiply by ``c - i d`` where the parity with ``row`` is even, by ``c + i d`` where it is odd."""
    for i in range(re.shape[0]):
        x, y = load(re, i), load(im, i)
        if parity(i & row):
            store(re, i, c * x - d * y)
            store(im, i, c * y + d * x)
        else:
            store(re, i, c * x + d * y)
            store(im, i, c * y - d * x)


@_jit
def _phase_gradient(re, im, lr, li, row, zero):
    """Im⟨λ|P|ψ⟩ for P = ±1 by the parity with ``row``; it is the same before and after the gate."""
    found = zero
    for i in range(re.shape[0]):
        overlap = load(lr, i) * load(im, i) - load(li, i) * load(re, i)
        found = found - overlap if parity(i & row) else found + overlap
    return found


@_jit
def _flip_signs(re, im, signs, zero):
    for i in range(re.shape[0]):
        if signs[i] < 0:
            store(re, i, zero - load(re, i))
            store(im, i, zero - load(im, i))


# ---------------------------------------------------------------- measurements


@_jit
def _measure(re, im, measured, zero, out):
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
    for o in range(flips.shape[0]):
        found = zero
        for first in range(0, re.shape[0], SUMMED_TOGETHER):
            last = min(first + SUMMED_TOGETHER, re.shape[0])
            found = found + _word_sum(re, im, first, last, flips[o], rows[o], signs[o], zero)
        store(out, o, zero - found if signs[o] < 0 else found)


@_jit
def _word_sum(re, im, first, last, flip, row, sign, zero):
    """A Pauli word's sum over some of the amplitudes."""
    found = zero
    if flip == 0:
        for i in range(first, last):
            x, y = load(re, i), load(im, i)
            size = x * x + y * y
            found = found - size if parity(i & row) else found + size
        return found
    imaginary = sign == 2 or sign == -2
    for i in range(first, last):
        j = i ^ flip
        x, y, u, v = load(re, i), load(im, i), load(re, j), load(im, j)
        # conj(ψ_j) ψ_i, whose real part is wanted after multiplication by the power of i
        part = v * x - u * y if imaginary else u * x + v * y
        found = found - part if parity(i & row) else found + part
    return found


@_jit
def _apply_observable(re, im, lr, li, measured, zero, half, cotangents):
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
    for i in range(re.shape[0]):
        factor = zero
        for o in range(flips.shape[0]):
            if flips[o] == 0:
                c = load(cotangents, o)
                factor = factor - c if parity(i & rows[o]) else factor + c
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


# ---------------------------------------------------------------- whole circuits


@_jit
def run_forward(
    gates, polynomials, measured, samples, n_features, weights, shared_angles, shared_rotations, first_block,
    last_block, kept_re, kept_im, kept_rotations, outputs,
):  # fmt: skip
    """Run blocks of samples; write outputs (batch, outputs) and the final states (blocks, 2**n, lanes).

    Rotations that depend on the sample are kept in ``kept_rotations`` (blocks, chains, 4, lanes), unless it is empty.
    Returns whether all outputs are finite, as they are unless an angle or an amplitude is not.
    """
    finite = True
    lanes = kept_re.shape[2]
    kind = kept_re.dtype.type
    zero = splat(kind(0))
    angles = _angles(shared_angles, lanes, kind)
    composed = np.empty((4, lanes), kept_re.dtype)
    out = np.empty((outputs.shape[1], lanes), kept_re.dtype)
    n_qubits = _position(kept_re.shape[1])
    qubit_re, qubit_im = _qubits(n_qubits, lanes, kind), _qubits(n_qubits, lanes, kind)
    batch = samples.shape[0]
    keep = kept_rotations.shape[1] > 0
    for block in range(first_block, last_block):
        re, im = kept_re[block], kept_im[block]
        start = block * lanes
        count = min(lanes, batch - start)
        _sampled_angles(polynomials, samples, weights, start, count, angles)
        if gates.n_product > 0:
            _start_product(qubit_re, qubit_im)
        else:
            _prepare(re, im, samples, n_features, start, count)
        for g in range(gates.steps.shape[0]):
            step = gates.steps[g]
            code, mask, row, slot = step[0], step[1], step[2], step[3]
            if code in (SHARED_ROTATION, SAMPLED_ROTATION):
                if code == SHARED_ROTATION:
                    rotation = shared_rotations[slot]
                else:
                    rotation = kept_rotations[block, gates.kept[slot]] if keep else composed
                    _compose(gates, slot, angles, zero, rotation)
                if g < gates.n_product:
                    q = _position(mask)
                    _rotate(qubit_re[q], qubit_im[q], 1, 1, rotation)
                else:
                    _rotate(re, im, mask, row, rotation)
            elif code in (SHARED_PHASE, SAMPLED_PHASE):
                c, d = _phase(code, slot, shared_angles, angles)
                _turn(re, im, row, c, d)
            else:
                _flip_signs(re, im, gates.signs[slot], zero)
            if g == gates.n_product - 1:
                _multiply_out(re, im, qubit_re, qubit_im)
        _measure(re, im, measured, zero, out)
        for lane in range(count):
            for o in range(outputs.shape[1]):
                outputs[start + lane, o] = out[o, lane]
                finite = finite and np.isfinite(out[o, lane])
    return finite


@_jit
def run_backward(
    gates, polynomials, measured, samples, n_features, weights, shared_angles, shared_rotations, first_block,
    last_block, kept_re, kept_im, kept_rotations, cotangents, sample_gradient, weight_gradients, chain_gradients,
    shared_gradients,
):  # fmt: skip
    """The way back by the adjoint method (Jones and Gacon 2020, arXiv:2009.02823), one pass a gate.

    Writes ``sample_gradient``, shaped like the samples, and adds to ``weight_gradients`` (blocks, n_weights). What does
    not depend on the sample is left to :func:`send_back_shared`, as ``chain_gradients`` (blocks, chains, 3), Im⟨λ|σ|ψ⟩
    for σ = X, Y, Z before the chain, and ``shared_gradients`` (blocks, n_angles), of phases and of chains that depend
    on the sample in part: one row a block, so that the sum over blocks has one order, whichever thread runs which.
    """
    lanes = kept_re.shape[2]
    kind = kept_re.dtype.type
    zero = splat(kind(0))
    size = kept_re.shape[1]
    angles = _angles(shared_angles, lanes, kind)
    angle_gradient = np.empty(angles.shape, kept_re.dtype)
    composed = np.empty((4, lanes), kept_re.dtype)
    re, im = np.empty((size, lanes), kept_re.dtype), np.empty((size, lanes), kept_re.dtype)
    lr, li = np.empty((size, lanes), kept_re.dtype), np.empty((size, lanes), kept_re.dtype)
    cotangent = np.zeros((cotangents.shape[1], lanes), kept_re.dtype)
    n_qubits = _position(size)
    qubit_re, qubit_im = _qubits(n_qubits, lanes, kind), _qubits(n_qubits, lanes, kind)
    qubit_lr, qubit_li = _qubits(n_qubits, lanes, kind), _qubits(n_qubits, lanes, kind)
    batch = samples.shape[0]
    for block in range(first_block, last_block):
        start = block * lanes
        count = min(lanes, batch - start)
        kept = kept_rotations[block]
        for i in range(size):
            store(re, i, load(kept_re[block], i))
            store(im, i, load(kept_im[block], i))
        cotangent[:] = 0
        for lane in range(count):
            for o in range(cotangents.shape[1]):
                cotangent[o, lane] = cotangents[start + lane, o]
        _apply_observable(re, im, lr, li, measured, zero, splat(kind(0.5)), cotangent)
        _sampled_angles(polynomials, samples, weights, start, count, angles)
        for angle in gates.by_lane:
            angle_gradient[angle] = 0
        for g in range(gates.steps.shape[0] - 1, -1, -1):
            step = gates.steps[g]
            code, mask, row, slot = step[0], step[1], step[2], step[3]
            if g == gates.n_product - 1:
                _start_product(qubit_re, qubit_im)
                for first in range(gates.n_product):
                    rotation = _again(
                        gates, gates.steps[first, 3], shared_rotations, angles, zero, kept, composed
                    )
                    q = _position(gates.steps[first, 1])
                    _rotate(qubit_re[q], qubit_im[q], 1, 1, rotation)
                _contract(re, im, lr, li, qubit_re, qubit_im, qubit_lr, qubit_li, zero)
            if code in (SHARED_ROTATION, SAMPLED_ROTATION):
                rotation = _again(gates, slot, shared_rotations, angles, zero, kept, composed)
                if g < gates.n_product:
                    q = _position(mask)
                    gradient = _rotate_back(
                        qubit_re[q], qubit_im[q], qubit_lr[q], qubit_li[q], 1, 1, rotation, zero
                    )
                else:
                    gradient = _rotate_back(re, im, lr, li, mask, row, rotation, zero)
                _collect(gates, code, slot, angles, zero, gradient, chain_gradients, block, angle_gradient)
            elif code in (SHARED_PHASE, SAMPLED_PHASE):
                found = _phase_gradient(re, im, lr, li, row, zero)
                if code == SHARED_PHASE:
                    shared_gradients[block, slot] += total(found)
                else:
                    store(angle_gradient, slot, load(angle_gradient, slot) + found)
                c, d = _phase(code, slot, shared_angles, angles)
                _turn(re, im, row, c, zero - d)
                _turn(lr, li, row, c, zero - d)
            else:
                _flip_signs(re, im, gates.signs[slot], zero)
                _flip_signs(lr, li, gates.signs[slot], zero)
        for lane in range(count):
            for f in range(n_features):
                sample_gradient[start + lane, f] = 0
            for i in range(samples.shape[1] - n_features):
                part = lr[i, lane] if i < size else li[i - size, lane]
                sample_gradient[start + lane, n_features + i] = 2 * part
        for angle in gates.by_lane:
            if not polynomials.is_sampled[angle]:
                shared_gradients[block, angle] += total(load(angle_gradient, angle))
                continue
            for lane in range(count):
                _send_back(polynomials, angle, angle_gradient[angle, lane], weights, samples[start + lane],
                           weight_gradients[block], sample_gradient[start + lane])  # fmt: skip


@_jit
def _angles(shared_angles, lanes, kind):
    """Room for all angles of a block, (angles, lanes); those that do not depend on the sample are filled in."""
    angles = np.empty((shared_angles.shape[0], lanes), kind)
    for angle in range(shared_angles.shape[0]):
        angles[angle] = shared_angles[angle]
    return angles


@_jit
def _again(gates, chain, shared_rotations, angles, zero, kept_rotations, composed):
    """A chain's rotation on the way back: from what was kept, if it was."""
    number = gates.kept[chain]
    if number < 0:
        return shared_rotations[chain]
    if kept_rotations.shape[0] > 0:
        return kept_rotations[number]
    _compose(gates, chain, angles, zero, composed)
    return composed


@_jit
def _prepare(re, im, samples, n_features, start, count):
    """|0…0⟩, or the amplitudes that follow the features: real ones, or real parts followed by imaginary ones."""
    re[:], im[:] = 0, 0
    n_amplitudes = samples.shape[1] - n_features
    if n_amplitudes == 0:
        re[0] = 1
        return
    size = re.shape[0]
    for lane in range(count):
        for i in range(size):
            re[i, lane] = samples[start + lane, n_features + i]
        for i in range(n_amplitudes - size):
            im[i, lane] = samples[start + lane, n_features + size + i]


@_jit
def _sampled_angles(polynomials, samples, weights, start, count, angles):
    """Fill in those that depend on the sample; lanes without a sample have angle 0."""
    for angle in polynomials.sampled:
        angles[angle] = 0
        for lane in range(count):
            angles[angle, lane] = angle_of(polynomials, angle, weights, samples[start + lane])


@_jit
def _send_back(polynomials, angle, received, weights, sample, weight_gradient, input_gradient):
    n_weights = weights.shape[0]
    for t in range(polynomials.start[angle], polynomials.start[angle + 1]):
        a, b = polynomials.terms[t, 0], polynomials.terms[t, 1]
        value = received * polynomials.coefficients[t]
        other = 1.0
        if b >= 0:
            other = weights[b] if b < n_weights else sample[b - n_weights]
            first_factor = weights[a] if a < n_weights else sample[a - n_weights]
            if b < n_weights:
                weight_gradient[b] += value * first_factor
            else:
                input_gradient[b - n_weights] += value * first_factor
        if a < n_weights:
            weight_gradient[a] += value * other
        else:
            input_gradient[a - n_weights] += value * other


@_jit
def shared_parts(gates, polynomials, weights, shared_angles, shared_rotations):
    """Angles and rotations that depend on weights alone, once for all samples."""
    no_sample = np.empty(0, weights.dtype)
    for angle in range(polynomials.offsets.shape[0]):
        if polynomials.is_sampled[angle]:
            shared_angles[angle] = 0.0
        else:
            shared_angles[angle] = angle_of(polynomials, angle, weights, no_sample)
    for chain in range(gates.chain_start.shape[0] - 1):
        if gates.kept[chain] < 0:
            _compose_shared(gates, chain, shared_angles, shared_rotations[chain])


@_jit
def send_back_shared(
    gates, polynomials, weights, shared_angles, weight_gradients, chain_gradients, shared_gradients, out
):
    """The weights' gradient from what :func:`run_backward` gave, summed over blocks in one order."""
    total = np.zeros(weights.shape[0])
    for block in range(weight_gradients.shape[0]):
        for w in range(weights.shape[0]):
            total[w] += weight_gradients[block, w]
    angle_gradient = np.zeros(shared_angles.shape[0])
    for block in range(shared_gradients.shape[0]):
        for angle in range(shared_gradients.shape[1]):
            angle_gradient[angle] += shared_gradients[block, angle]
    gradient = np.empty(3)
    for chain in range(gates.chain_start.shape[0] - 1):
        if gates.kept[chain] < 0:
            for c in range(3):
                received = 0.0
                for block in range(chain_gradients.shape[0]):
                    received += chain_gradients[block, chain, c]
                gradient[c] = received
            _unchain_shared(gates, chain, shared_angles, gradient, angle_gradient)
    no_sample = np.empty(0, weights.dtype)
    no_gradient = np.empty(0)
    for angle in range(angle_gradient.shape[0]):
        if not polynomials.is_sampled[angle]:
            _send_back(polynomials, angle, angle_gradient[angle], weights, no_sample, total, no_gradient)
    for w in range(out.shape[0]):
        out[w] = total[w]
