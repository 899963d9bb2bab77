"""Compiled loops: a block of samples carried through a circuit, and back for the gradients.

A block holds as many samples as fill a cache line. Its state is two arrays, real and imaginary parts, of shape
``(2**n_qubits, lanes)``: samples are innermost, so that every gate is the same arithmetic on whole vectors, whatever
its qubit. Gates are one-qubit rotations and phases; what CNOT and SWAP gates do is in the masks (see
:mod:`qlayers.simulator.frame`).

A rotation in SU(2) is written as four real numbers, ``[[p + iq, r + is], [-r + is, p - iq]]``. A phase with no row is
a global one; programs have it only where the state itself is measured.
"""

from __future__ import annotations

import numba
import numpy as np

from qlayers.simulator.vectors import load, splat, store

SHARED_ROTATION, SAMPLED_ROTATION, SHARED_PHASE, SAMPLED_PHASE, SIGNS = range(5)
WORDS, PROBABILITIES, STATE = range(3)
SUMMED_TOGETHER = 256
"""Amplitudes summed before they are added to the rest: one long sum of float32 loses digits at many qubits."""

_OPTIONS = {"nogil": True, "boundscheck": False, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


def _jit(function):
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # nowhere to keep what is compiled: compile in every process
        return numba.njit(**_OPTIONS)(function)


@_jit
def _parity(value):
    value ^= value >> 16
    value ^= value >> 8
    value ^= value >> 4
    value ^= value >> 2
    value ^= value >> 1
    return value & 1


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
def compose(gates, chain, angles, column, out, lane):
    """The product of a chain of rotations, written to ``out[:, lane]``; angles in radians are ``angles[:, column]``."""
    p, q, r, s = 1.0, 0.0, 0.0, 0.0
    for k in range(gates.chain_start[chain], gates.chain_start[chain + 1]):
        half = 0.5 * angles[gates.chain_angle[k], column]
        c, d = np.cos(half), -np.sin(half)
        axis = gates.chain_axis[k]
        if axis == 0:
            p, q, r, s = c * p - d * s, c * q - d * r, c * r + d * q, c * s + d * p
        elif axis == 1:
            p, q, r, s = c * p - d * r, c * q + d * s, c * r + d * p, c * s - d * q
        else:
            p, q, r, s = c * p - d * q, c * q + d * p, c * r - d * s, c * s + d * r
    out[0, lane], out[1, lane], out[2, lane], out[3, lane] = p, q, r, s


@_jit
def unchain(gates, chain, angles, column, gradient, lane, out):
    """Add the derivative with respect to every angle of a chain to ``out[angle, column]``.

    ``gradient[:, lane]`` is Im⟨λ|σ|ψ⟩ for σ = X, Y, Z before the chain. The k-th rotation's derivative is the component
    along its axis as the rotations before it turn it.
    """
    first = gates.chain_start[chain]
    for k in range(first, gates.chain_start[chain + 1]):
        axis = gates.chain_axis[k]
        x, y, z = 1.0 * (axis == 0), 1.0 * (axis == 1), 1.0 * (axis == 2)
        for before in range(k - 1, first - 1, -1):
            theta = angles[gates.chain_angle[before], column]
            c, d = np.cos(theta), np.sin(theta)
            turned = gates.chain_axis[before]
            if turned == 0:
                y, z = c * y + d * z, c * z - d * y
            elif turned == 1:
                z, x = c * z + d * x, c * x - d * z
            else:
                x, y = c * x + d * y, c * y - d * x
        out[gates.chain_angle[k], column] += (
            x * gradient[0, lane] + y * gradient[1, lane] + z * gradient[2, lane]
        )


# ---------------------------------------------------------------- gates


@_jit
def _rotate(re, im, mask, row, p, q, r, s):
    low = mask & -mask
    for high in range(0, re.shape[0], 2 * low):
        for i in range(high, high + low):
            flipped = mask & -_parity(i & row)
            a = i ^ flipped
            b = a ^ mask
            xr, xi, yr, yi = load(re, a), load(im, a), load(re, b), load(im, b)
            store(re, a, p * xr - q * xi + r * yr - s * yi)
            store(im, a, p * xi + q * xr + r * yi + s * yr)
            store(re, b, p * yr + q * yi - r * xr - s * xi)
            store(im, b, p * yi - q * yr - r * xi + s * xr)


@_jit
def _rotate_back(re, im, lr, li, mask, row, p, q, r, s, zero, gradient):
    """Undo a rotation on ψ and λ; write Im⟨λ|σ|ψ⟩ for σ = X, Y, Z to ``gradient``, shape (3, lanes)."""
    low = mask & -mask
    gx, gy, gz = zero, zero, zero
    for high in range(0, re.shape[0], 2 * low):
        for i in range(high, high + low):
            flipped = mask & -_parity(i & row)
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
    store(gradient, 0, gx)
    store(gradient, 1, gy)
    store(gradient, 2, gz)


@_jit
def _turn(re, im, row, c, d):
    """Multiply by ``c - i d`` where the parity with ``row`` is even, by ``c + i d`` where it is odd."""
    for i in range(re.shape[0]):
        x, y = load(re, i), load(im, i)
        if _parity(i & row):
            store(re, i, c * x - d * y)
            store(im, i, c * y + d * x)
        else:
            store(re, i, c * x + d * y)
            store(im, i, c * y - d * x)


@_jit
def _phase_gradient(re, im, lr, li, row, zero, gradient):
    """Im⟨λ|P|ψ⟩ for P = ±1 by the parity with ``row``; it is the same before and after the gate."""
    total = zero
    for i in range(re.shape[0]):
        overlap = load(lr, i) * load(im, i) - load(li, i) * load(re, i)
        total = total - overlap if _parity(i & row) else total + overlap
    store(gradient, 0, total)


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
        total = zero
        for first in range(0, re.shape[0], SUMMED_TOGETHER):
            last = min(first + SUMMED_TOGETHER, re.shape[0])
            total = total + _word_sum(re, im, first, last, flips[o], rows[o], signs[o], zero)
        store(out, o, zero - total if signs[o] < 0 else total)


@_jit
def _word_sum(re, im, first, last, flip, row, sign, zero):
    """A Pauli word's sum over some of the amplitudes."""
    total = zero
    if flip == 0:
        for i in range(first, last):
            x, y = load(re, i), load(im, i)
            size = x * x + y * y
            total = total - size if _parity(i & row) else total + size
        return total
    imaginary = sign == 2 or sign == -2
    for i in range(first, last):
        j = i ^ flip
        x, y, u, v = load(re, i), load(im, i), load(re, j), load(im, j)
        # conj(ψ_j) ψ_i, whose real part is wanted after multiplication by the power of i
        part = v * x - u * y if imaginary else u * x + v * y
        total = total - part if _parity(i & row) else total + part
    return total


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
                factor = factor - c if _parity(i & rows[o]) else factor + c
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
                if (_parity(i & rows[o]) == 1) != (signs[o] < 0):
                    x, y = zero - x, zero - y
                store(lr, j, load(lr, j) + x)
                store(li, j, load(li, j) + y)


# ---------------------------------------------------------------- whole circuits


@_jit
def run_forward(
    gates, polynomials, measured, samples, n_features, weights, shared_angles, shared_rotations, first_block,
    last_block, kept_re, kept_im, outputs,
):  # fmt: skip
    """Run blocks of samples; write outputs (batch, outputs) and the final states (blocks, 2**n, lanes).

    Returns whether all outputs are finite, as they are unless an angle or an amplitude is not.
    """
    finite = True
    lanes = kept_re.shape[2]
    kind = kept_re.dtype.type
    zero = splat(kind(0))
    n_angles = polynomials.offsets.shape[0]
    angles = np.empty((n_angles, lanes))
    rotation = np.empty((4, lanes), kept_re.dtype)
    out = np.empty((outputs.shape[1], lanes), kept_re.dtype)
    batch = samples.shape[0]
    for block in range(first_block, last_block):
        re, im = kept_re[block], kept_im[block]
        start = block * lanes
        count = min(lanes, batch - start)
        _prepare(re, im, samples, n_features, start, count)
        _sampled_angles(polynomials, samples, weights, shared_angles, start, count, angles)
        for g in range(gates.steps.shape[0]):
            step = gates.steps[g]
            code, mask, row, slot = step[0], step[1], step[2], step[3]
            if code == SHARED_ROTATION:
                u = shared_rotations[slot]
                _rotate(
                    re,
                    im,
                    mask,
                    row,
                    splat(kind(u[0])),
                    splat(kind(u[1])),
                    splat(kind(u[2])),
                    splat(kind(u[3])),
                )
            elif code == SAMPLED_ROTATION:
                for lane in range(lanes):
                    compose(gates, slot, angles, lane, rotation,
                            lane)  # fmt: skip
                _rotate(
                    re,
                    im,
                    mask,
                    row,
                    load(rotation, 0),
                    load(rotation, 1),
                    load(rotation, 2),
                    load(rotation, 3),
                )
            elif code == SHARED_PHASE:
                half = 0.5 * shared_angles[slot, 0]
                _turn(re, im, row, splat(kind(np.cos(half))), splat(kind(np.sin(half))))
            elif code == SAMPLED_PHASE:
                for lane in range(lanes):
                    rotation[0, lane] = np.cos(0.5 * angles[slot, lane])
                    rotation[1, lane] = np.sin(0.5 * angles[slot, lane])
                _turn(re, im, row, load(rotation, 0), load(rotation, 1))
            else:
                _flip_signs(re, im, gates.signs[slot], zero)
        _measure(re, im, measured, zero, out)
        for lane in range(count):
            for o in range(outputs.shape[1]):
                outputs[start + lane, o] = out[o, lane]
                finite = finite and np.isfinite(out[o, lane])
    return finite


@_jit
def run_backward(
    gates, polynomials, measured, samples, n_features, weights, shared_angles, shared_rotations, first_block,
    last_block, kept_re, kept_im, cotangents, sample_gradient, weight_gradients, angle_gradients,
):  # fmt: skip
    """The way back by the adjoint method (Jones and Gacon 2020, arXiv:2009.02823), one pass a gate.

    Writes ``sample_gradient``, shaped like the samples, and adds to ``weight_gradients`` (blocks, n_weights) and, for
    the angles that do not depend on the sample, ``angle_gradients`` (blocks, n_angles): one row a block, so that the
    sum over blocks has one order, whichever thread runs which.
    """
    lanes = kept_re.shape[2]
    kind = kept_re.dtype.type
    zero = splat(kind(0))
    size = kept_re.shape[1]
    n_angles = polynomials.offsets.shape[0]
    angles = np.empty((n_angles, lanes))
    angle_gradient = np.empty((n_angles, lanes))
    rotation = np.empty((4, lanes), kept_re.dtype)
    gradient = np.empty((3, lanes), kept_re.dtype)
    total = np.empty((3, 1))
    shared_gradient = np.empty((n_angles, 1))
    re, im = np.empty((size, lanes), kept_re.dtype), np.empty((size, lanes), kept_re.dtype)
    lr, li = np.empty((size, lanes), kept_re.dtype), np.empty((size, lanes), kept_re.dtype)
    cotangent = np.zeros((cotangents.shape[1], lanes), kept_re.dtype)
    batch = samples.shape[0]
    for block in range(first_block, last_block):
        start = block * lanes
        count = min(lanes, batch - start)
        re[:], im[:] = kept_re[block], kept_im[block]
        cotangent[:] = 0
        for lane in range(count):
            for o in range(cotangents.shape[1]):
                cotangent[o, lane] = cotangents[start + lane, o]
        _apply_observable(re, im, lr, li, measured, zero, splat(kind(0.5)), cotangent)
        _sampled_angles(polynomials, samples, weights, shared_angles, start, count, angles)
        angle_gradient[:] = 0
        shared_gradient[:] = 0
        for g in range(gates.steps.shape[0] - 1, -1, -1):
            step = gates.steps[g]
            code, mask, row, slot = step[0], step[1], step[2], step[3]
            if code == SHARED_ROTATION:
                u = shared_rotations[slot]
                _rotate_back(re, im, lr, li, mask, row, splat(kind(u[0])), splat(kind(u[1])), splat(kind(u[2])),
                             splat(kind(u[3])), zero, gradient)  # fmt: skip
                for c in range(3):
                    accumulated = 0.0
                    for lane in range(lanes):
                        accumulated += gradient[c, lane]
                    total[c, 0] = accumulated
                unchain(gates, slot, shared_angles, 0, total, 0,
                        shared_gradient)  # fmt: skip
            elif code == SAMPLED_ROTATION:
                for lane in range(lanes):
                    compose(gates, slot, angles, lane, rotation,
                            lane)  # fmt: skip
                _rotate_back(re, im, lr, li, mask, row, load(rotation, 0), load(rotation, 1), load(rotation, 2),
                             load(rotation, 3), zero, gradient)  # fmt: skip
                for lane in range(count):
                    unchain(gates, slot, angles, lane, gradient,
                            lane, angle_gradient)  # fmt: skip
            elif code == SHARED_PHASE:
                _phase_gradient(re, im, lr, li, row, zero, gradient)
                for lane in range(lanes):
                    shared_gradient[slot, 0] += gradient[0, lane]
                half = 0.5 * shared_angles[slot, 0]
                c, d = splat(kind(np.cos(half))), splat(kind(-np.sin(half)))
                _turn(re, im, row, c, d)
                _turn(lr, li, row, c, d)
            elif code == SAMPLED_PHASE:
                _phase_gradient(re, im, lr, li, row, zero, gradient)
                for lane in range(lanes):
                    rotation[0, lane] = np.cos(0.5 * angles[slot, lane])
                    rotation[1, lane] = -np.sin(0.5 * angles[slot, lane])
                for lane in range(count):
                    angle_gradient[slot, lane] += gradient[0, lane]
                _turn(re, im, row, load(rotation, 0), load(rotation, 1))
                _turn(lr, li, row, load(rotation, 0), load(rotation, 1))
            else:
                _flip_signs(re, im, gates.signs[slot], zero)
                _flip_signs(lr, li, gates.signs[slot], zero)
        for lane in range(count):
            for f in range(n_features):
                sample_gradient[start + lane, f] = 0
            for i in range(samples.shape[1] - n_features):
                part = lr[i, lane] if i < size else li[i - size, lane]
                sample_gradient[start + lane, n_features + i] = 2 * part
        for angle in range(n_angles):
            angle_gradients[block, angle] += shared_gradient[angle, 0]
            for lane in range(count):
                received = angle_gradient[angle, lane]
                if not polynomials.is_sampled[angle]:
                    angle_gradients[block, angle] += received
                elif received != 0.0:
                    _send_back(polynomials, angle, received, weights,
                               samples[start + lane], weight_gradients[block],
                               sample_gradient[start + lane])  # fmt: skip


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
def _sampled_angles(polynomials, samples, weights, shared_angles, start, count, angles):
    for angle in range(polynomials.offsets.shape[0]):
        if polynomials.is_sampled[angle]:
            angles[angle] = 0
            for lane in range(count):
                angles[angle, lane] = angle_of(polynomials, angle, weights, samples[start + lane])
        else:
            angles[angle] = shared_angles[angle, 0]


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
        shared_angles[angle, 0] = 0.0
        if not polynomials.is_sampled[angle]:
            shared_angles[angle, 0] = angle_of(polynomials, angle, weights, no_sample)  # fmt: skip
    for chain in range(gates.chain_start.shape[0] - 1):
        compose(gates, chain, shared_angles, 0,
                shared_rotations[chain].reshape(4, 1), 0)  # fmt: skip


@_jit
def send_back_shared(polynomials, weights, by_angle, by_weight, out):
    """The weights' gradient from what :func:`run_backward` gave, summed over blocks in one order."""
    total = np.zeros(weights.shape[0])
    for block in range(by_weight.shape[0]):
        for w in range(weights.shape[0]):
            total[w] += by_weight[block, w]
    no_sample = np.empty(0, weights.dtype)
    no_gradient = np.empty(0)
    for angle in range(by_angle.shape[1]):
        if not polynomials.is_sampled[angle]:
            received = 0.0
            for block in range(by_angle.shape[0]):
                received += by_angle[block, angle]
            _send_back(polynomials, angle, received, weights, no_sample, total, no_gradient)
    out[:] = total
