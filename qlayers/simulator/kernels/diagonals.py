"""Gates that only turn phases, many in one pass: ``exp(-i φ)`` with φ = ½ Σ angle · (±1 by the parity with a row)."""

from __future__ import annotations

import numpy as np

from qlayers.simulator.kernels.compiling import jit
from qlayers.simulator.kernels.rotations import sine_and_cosine
from qlayers.simulator.kernels.vectors import load, nearest, parity, splat, store, total


@jit
def walsh_hadamard(values):
    """In place, ``out[i] = Σ_r values[r] · (±1 by the parity of i & r)``, of numbers."""
    half = 1
    while half < values.shape[0]:
        for first in range(0, values.shape[0], 2 * half):
            # Two slices: of one array the compiler cannot tell that they do not overlap.
            low, high = values[first : first + half], values[first + half : first + 2 * half]
            for i in range(half):
                x, y = low[i], high[i]
                low[i], high[i] = x + y, x - y
        half *= 2


@jit
def walsh_hadamard_of_vectors(values):
    """The same of rows, (2**n, lanes), two bits of the index at a time."""
    size, half = values.shape[0], 1
    while 2 * half < size:
        for first in range(0, size, 4 * half):
            for i in range(first, first + half):
                x, y = load(values, i), load(values, i + half)
                u, v = load(values, i + 2 * half), load(values, i + 3 * half)
                x, y, u, v = x + y, x - y, u + v, u - v
                store(values, i, x + u)
                store(values, i + half, y + v)
                store(values, i + 2 * half, x - u)
                store(values, i + 3 * half, y - v)
        half *= 4
    if half < size:
        for i in range(half):
            x, y = load(values, i), load(values, i + half)
            store(values, i, x + y)
            store(values, i + half, x - y)


@jit
def tabulate(diagonals, group, angles, signs, table):
    """Cosines and sines of the phases of a group that depends on weights alone, to ``table`` (2, rows, lanes).

    The table holds one number an amplitude, and where there are fewer amplitudes than lanes, something after them.
    """
    lanes = table.shape[2]
    kind = table.dtype.type
    size = signs.shape[1]
    phases = np.zeros(table.shape[1] * lanes)
    for t in range(diagonals.start[group], diagonals.start[group + 1]):
        angle = diagonals.angles[t]
        phases[diagonals.rows[t]] += 0.5 * (diagonals.offsets[t] + (angles[angle] if angle >= 0 else 0.0))
    walsh_hadamard(phases[:size])
    for i in range(size):
        # In double up to here, so that a sum of many angles is as good as each of them.
        table[0, i // lanes, i % lanes] = phases[i] - 2 * np.pi * np.rint(phases[i] / (2 * np.pi))
    for row in range(table.shape[1]):
        sine, cosine = sine_and_cosine(load(table[0], row), kind)
        store(table[0], row, cosine)
        store(table[1], row, sine)
    if diagonals.signs[group] >= 0:
        for i in range(size):
            table[0, i // lanes, i % lanes] *= signs[diagonals.signs[group], i]
            table[1, i // lanes, i % lanes] *= signs[diagonals.signs[group], i]


@jit
def turn_phases(re, im, cosines, sines):
    """Apply ``exp(-i φ)``, with one cosine and sine an amplitude."""
    for i in range(re.shape[0]):
        x, y, c, s = load(re, i), load(im, i), splat(cosines[i]), splat(sines[i])
        store(re, i, c * x + s * y)
        store(im, i, c * y - s * x)


@jit
def turn_phases_back(re, im, lr, li, cosines, sines, overlaps):
    """Undo it on ψ and λ; Im(conj(λ) ψ) of every amplitude, summed over lanes, goes to ``overlaps`` (rows, lanes)."""
    lanes = overlaps.shape[1]
    for i in range(re.shape[0]):
        x, y, u, v, c, s = (
            load(re, i),
            load(im, i),
            load(lr, i),
            load(li, i),
            splat(cosines[i]),
            splat(sines[i]),
        )
        overlaps[i // lanes, i % lanes] = total(u * y - v * x)
        store(re, i, c * x - s * y)
        store(im, i, c * y + s * x)
        store(lr, i, c * u - s * v)
        store(li, i, c * v + s * u)


@jit
def collect_phases(diagonals, group, overlaps, out):
    """Add the derivative by every angle of a group to ``out`` (angles,); ``overlaps`` is overwritten."""
    lanes = overlaps.shape[1]
    walsh_hadamard_of_vectors(overlaps)
    for t in range(diagonals.start[group], diagonals.start[group + 1]):
        if diagonals.angles[t] >= 0:
            row = diagonals.rows[t]
            found = 0.0
            for lane in range(lanes):
                part = overlaps[row // lanes, lane]
                found += -part if parity(lane & row) else part
            out[diagonals.angles[t]] += found


@jit
def phases_of_samples(groups, group, angles, zero, out):
    """The phases of a group that depends on the sample, to ``out`` (2**n, lanes); ``angles`` is (angles, lanes)."""
    kind = out.dtype.type
    half, turns = splat(kind(0.5)), splat(kind(0.15915494309189535))
    # 2π in two parts, so that its multiples are exact.
    most, rest = splat(kind(6.28125)), splat(kind(1.9353071795864769e-3))
    for i in range(out.shape[0]):
        store(out, i, zero)
    for t in range(groups.start[group], groups.start[group + 1]):
        phase = half * load(angles, groups.angles[t])
        # A sum of many is as good as each of them only if none is large.
        times = nearest(phase * turns)
        phase = phase - times * most - times * rest
        store(out, groups.rows[t], load(out, groups.rows[t]) + phase)
    walsh_hadamard_of_vectors(out)


@jit
def turn_phases_of_samples(re, im, phases):
    """Apply ``exp(-i φ)``, with one phase an amplitude and lane."""
    kind = re.dtype.type
    for i in range(re.shape[0]):
        x, y = load(re, i), load(im, i)
        s, c = sine_and_cosine(load(phases, i), kind)
        store(re, i, c * x + s * y)
        store(im, i, c * y - s * x)


@jit
def turn_phases_of_samples_back(re, im, lr, li, phases):
    """Undo it on ψ and λ; Im(conj(λ) ψ) of every amplitude and lane replaces the phase."""
    kind = re.dtype.type
    for i in range(re.shape[0]):
        x, y, u, v = load(re, i), load(im, i), load(lr, i), load(li, i)
        s, c = sine_and_cosine(load(phases, i), kind)
        store(phases, i, u * y - v * x)
        store(re, i, c * x - s * y)
        store(im, i, c * y + s * x)
        store(lr, i, c * u - s * v)
        store(li, i, c * v + s * u)


@jit
def collect_phases_of_samples(groups, group, overlaps, out):
    """Add the derivative by every angle of a group to ``out`` (angles, lanes); ``overlaps`` is overwritten."""
    walsh_hadamard_of_vectors(overlaps)
    for t in range(groups.start[group], groups.start[group + 1]):
        store(out, groups.angles[t], load(out, groups.angles[t]) + load(overlaps, groups.rows[t]))
