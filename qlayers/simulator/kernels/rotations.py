"""Angles, and rotations composed of them.

A rotation in SU(2) is written as four real numbers, ``[[p + iq, r + is], [-r + is, p - iq]]``.
"""

from __future__ import annotations

import numpy as np

from qlayers.simulator.kernels.compiling import jit
from qlayers.simulator.kernels.vectors import load, nearest, splat, store

LARGE = 64.0
"""From here on an angle is brought back, in radians: more than features and weights in their ranges come to, and so
little that sums of some in float32 are still good."""


@jit
def angle_of(polynomials, angle, weights, sample):
    """``offset`` plus terms ``coefficient · v[a] · v[b]``, where v is the weights followed by the sample's features.

    If that is large, the angle from -2π to 2π that makes the same rotation, sign included.
    """
    n_weights = weights.shape[0]
    value = polynomials.offsets[angle]
    for t in range(polynomials.start[angle], polynomials.start[angle + 1]):
        a, b = polynomials.terms[t, 0], polynomials.terms[t, 1]
        product = polynomials.coefficients[t] * (weights[a] if a < n_weights else sample[a - n_weights])
        if b >= 0:
            product *= weights[b] if b < n_weights else sample[b - n_weights]
        value += product
    if np.abs(value) > LARGE:
        value = 2 * np.arctan2(
            np.sin(0.5 * value), np.cos(0.5 * value)
        )  # the math library's are exact for any size
    return value


@jit
def sine_and_cosine(angle, kind):
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


@jit
def _then(axis, c, d, p, q, r, s):
    """A rotation (p, q, r, s) followed by ``c + i d σ`` for σ = X, Y, Z by axis."""
    if axis == 0:
        return c * p - d * s, c * q - d * r, c * r + d * q, c * s + d * p
    if axis == 1:
        return c * p - d * r, c * q + d * s, c * r + d * p, c * s - d * q
    return c * p - d * q, c * q + d * p, c * r - d * s, c * s + d * r


@jit
def _turned(axis, c, d, x, y, z):
    """The direction (x, y, z) turned about an axis by the angle of cosine c and sine d."""
    if axis == 0:
        return x, c * y + d * z, c * z - d * y
    if axis == 1:
        return c * x - d * z, y, c * z + d * x
    return c * x + d * y, c * y - d * x, z


@jit
def compose_shared(chains, chain, angles, out):
    """The product of a chain of rotations, the same for every lane, to ``out`` (4, lanes); ``angles`` is (angles,)."""
    p, q, r, s = 1.0, 0.0, 0.0, 0.0
    for k in range(chains.start[chain], chains.start[chain + 1]):
        half = 0.5 * angles[chains.angles[k]]
        p, q, r, s = _then(chains.axes[k], np.cos(half), -np.sin(half), p, q, r, s)
    out[0], out[1], out[2], out[3] = p, q, r, s


@jit
def compose(chains, chain, angles, zero, out):
    """The product of a chain of rotations, lane by lane, to ``out`` (4, lanes); ``angles`` is (angles, lanes)."""
    kind = out.dtype.type
    p, q, r, s = splat(kind(1.0)), zero, zero, zero
    for k in range(chains.start[chain], chains.start[chain + 1]):
        d, c = sine_and_cosine(splat(kind(0.5)) * load(angles, chains.angles[k]), kind)
        p, q, r, s = _then(chains.axes[k], c, zero - d, p, q, r, s)
    store(out, 0, p)
    store(out, 1, q)
    store(out, 2, r)
    store(out, 3, s)


@jit
def unchain_shared(chains, chain, angles, gradient, out):
    """Add the derivative with respect to every angle of a chain to ``out`` (angles,).

    ``gradient`` (3,) is Im⟨λ|σ|ψ⟩ for σ = X, Y, Z before the chain. The k-th rotation's derivative is the component
    along its axis as the rotations before it turn it.
    """
    first = chains.start[chain]
    for k in range(first, chains.start[chain + 1]):
        axis = chains.axes[k]
        x, y, z = 1.0 * (axis == 0), 1.0 * (axis == 1), 1.0 * (axis == 2)
        for before in range(k - 1, first - 1, -1):
            theta = angles[chains.angles[before]]
            x, y, z = _turned(chains.axes[before], np.cos(theta), np.sin(theta), x, y, z)
        out[chains.angles[k]] += x * gradient[0] + y * gradient[1] + z * gradient[2]


@jit
def unchain(chains, chain, angles, zero, gradient, out):
    """The same lane by lane: ``angles`` and ``out`` (angles, lanes), ``gradient`` three vectors."""
    kind = out.dtype.type
    one = splat(kind(1.0))
    first = chains.start[chain]
    for k in range(first, chains.start[chain + 1]):
        axis = chains.axes[k]
        x, y, z = zero, zero, zero
        if axis == 0:
            x = one
        elif axis == 1:
            y = one
        else:
            z = one
        for before in range(k - 1, first - 1, -1):
            d, c = sine_and_cosine(load(angles, chains.angles[before]), kind)
            x, y, z = _turned(chains.axes[before], c, d, x, y, z)
        found = x * gradient[0] + y * gradient[1] + z * gradient[2]
        store(out, chains.angles[k], load(out, chains.angles[k]) + found)


@jit
def turn_angles(turns, number, angles, zero, out):
    """Cosine and sine of half the sum of a turn's angles, lane by lane, to ``out`` (2, lanes)."""
    angle = zero
    for k in range(turns.start[number], turns.start[number + 1]):
        angle = angle + load(angles, turns.angles[k])
    sine, cosine = sine_and_cosine(splat(out.dtype.type(0.5)) * angle, out.dtype.type)
    store(out, 0, cosine)
    store(out, 1, sine)


@jit
def turn_angles_shared(turns, number, angles, out):
    """The same for every lane; ``angles`` is (angles,)."""
    half = 0.0
    for k in range(turns.start[number], turns.start[number + 1]):
        half += 0.5 * angles[turns.angles[k]]
    out[0], out[1] = np.cos(half), np.sin(half)
